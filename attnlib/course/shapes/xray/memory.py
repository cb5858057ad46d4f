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
    if (one.shape, one.dtype, one.data_ptr()) != (other.shape, other.dtype, other.data_ptr()):
        return False
    strides = zip(one.shape, one.stride(), other.stride(), strict=True)
    return all(size == 1 or a == b for size, a, b in strides)


def new_bytes(operands, results) -> int:
    """The bytes of the results' memory, as far as it is not the operands'."""
    old = {x.untyped_storage().data_ptr() for x in operands}
    new = {x.untyped_storage().data_ptr(): x.untyped_storage().nbytes() for x in results}
    return sum(size for where, size in new.items() if where not in old)
