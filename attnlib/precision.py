"""In which precision numbers are computed: scores in float32 at least, what autocast rounds once.

Autocast would round each operand where it is used. Queries and keys must be rounded before, or
the map would be of other numbers than the output.
"""

from contextlib import AbstractContextManager, nullcontext

import torch
from torch import Tensor


def dtype_of_scores(q: Tensor) -> torch.dtype:
    """float32 at least: in half precision a score of 300 would be off by 0.1."""
    return torch.promote_types(q.dtype, torch.float32)


def as_autocast_asks(*tensors: Tensor) -> tuple[Tensor, ...]:
    """The tensors in autocast's dtype, where it is on and as it does: not from float64."""
    device = tensors[0].device.type
    if not _is_on(device):
        return tensors
    dtype = torch.get_autocast_dtype(device)
    return tuple(x if x.dtype == torch.float64 else x.to(dtype) for x in tensors)


def autocast_off(device: str) -> AbstractContextManager:
    """What is computed inside keeps the dtypes that it has."""
    return torch.autocast(device, enabled=False) if _is_on(device) else nullcontext()


def _is_on(device: str) -> bool:
    # Tensors without numbers have no autocast. To ask PyTorch 2.11 who has would break a graph.
    return device != "meta" and torch.is_autocast_enabled(device)
