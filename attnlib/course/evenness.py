"""How evenly queries spread their weights: what every sentence about entropy in the course says.

The entropy of a row of weights is −Σ w · log w. It is largest, log n, where all n keys that the
query may see get the same. Keys that it may not see do not count: block attention spreads its
weights evenly if it does so inside the block.
"""

import torch
from torch import Tensor

from attnlib.maps import AttentionMap


def entropy(weights: Tensor) -> Tensor:
    """(…, M) weights -> (…) the entropy of each row; a row of zeros has none, 0."""
    return torch.special.entr(weights).sum(-1)


def keys_seen(map_or_array: AttentionMap | Tensor) -> Tensor:
    """(…, N) how many keys each query may see.

    A map knows its mask and its bias. In plain weights a masked key and a weight of exactly 0 look
    alike: there the keys with a weight above 0 are counted.
    """
    if isinstance(map_or_array, AttentionMap):
        return map_or_array.visible()
    return (torch.as_tensor(map_or_array) != 0).sum(-1)


def evenness(entropies: Tensor, seen: Tensor | int) -> Tensor:
    """The entropy of some rows together, against that of uniform attention on the same keys.

    Args:
        entropies: (…, N) of N rows.
        seen: (…, N) how many keys each of them may see, or one number for all.
    Returns:
        (…) from 0 to 1. Rows that see one key, or none, add nothing: nothing can be spread there.
        NaN where there are no others.
    """
    seen = torch.as_tensor(seen, device=entropies.device).clamp(min=1).expand_as(entropies)
    return entropies.sum(-1) / seen.to(entropies.dtype).log().sum(-1)
