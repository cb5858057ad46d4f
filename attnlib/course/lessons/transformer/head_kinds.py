"""What a head does, as a number for each of the 6 × 12 heads."""

from collections.abc import Sequence

import torch
from torch import Tensor

from attnlib.maps import AttentionMap


def every_head(maps: Sequence[AttentionMap]) -> Tensor:
    """The weights of all layers, (layers, H, N, N): `every_head(maps)[3, 1]` is layer 3, head 1."""
    return torch.stack([layer.weights() for layer in maps])


def beside(maps: Sequence[AttentionMap], step: int) -> Tensor:
    """How much each head looks `step` tokens on: (layers, H), the mean weight of i on i + step.

    A step of −1 finds heads that look at the previous token, 1 at the next, 0 at the token itself.
    The mean is over the tokens i for which there is a token i + step.

    Raises ValueError where no token has another at that step.
    """
    length = maps[0].shape[-1]
    if abs(step) >= length:
        raise ValueError(f"step must lie in {1 - length} … {length - 1}, got {step}")
    return every_head(maps).diagonal(step, -2, -1).mean(-1)


def on_token(maps: Sequence[AttentionMap], key: int) -> Tensor:
    """How much each head looks at one token: (layers, H), the mean of its column over the others.

    A key of 0 is [CLS], −1 is [SEP].
    """
    column = every_head(maps)[..., key]  # (layers, H, N)
    return (column.sum(-1) - column[..., key]) / (column.shape[-1] - 1)
