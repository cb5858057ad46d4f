"""Tensors among what a call takes and gives, and the memory that they share."""

import torch
from torch import Tensor


def tensors(values) -> list[Tensor]:
    """The tensors among values, and in the lists among them; but for sparse and nested ones."""
    nested = [value if isinstance(value, list | tuple) else [value] for value in values]
    found = [x for some in nested for x in some if isinstance(x, Tensor)]
    return [x for x in found if x.layout == torch.strided and not x.is_nested]


def same_view(one: Tensor, other: Tensor) -> bool:
    """Whether both are the same elements in the same places."""
    if (one.shape, one.dtype, _start(one)) != (other.shape, other.dtype, _start(other)):
        return False
    strides = zip(one.shape, one.stride(), other.stride(), strict=True)
    return all(size == 1 or a == b for size, a, b in strides)


def new_bytes(operands, results) -> int:
    """The bytes of the results' memory, as far as it is not the operands'."""
    old = set(map(_storage, operands))
    new = {_storage(x): x.untyped_storage().nbytes() for x in results}
    return sum(size for where, size in new.items() if where not in old)


def _start(x):
    return _storage(x), x.storage_offset()


def _storage(x):
    """A number of its own for each memory; no address, which a tensor without numbers lacks."""
    return x.untyped_storage()._cdata
