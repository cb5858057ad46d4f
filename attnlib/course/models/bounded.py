"""Tensors from their description, no larger than what the file holds for them."""

from collections.abc import Callable, Mapping
from math import prod

import torch
from torch import Tensor

from attnlib.course.models.pickles import Odd, Stored

TIED = 16  # all tensors together are at most so many times the file: layers may share parameters
RANK = 64  # axes, as many as PyTorch itself takes


def check(described: Mapping[str, Stored | Odd], sizes: Mapping[str, int], size: int) -> None:
    """Raise ValueError, which names the tensor, unless a file can hold all that is described.

    A tensor has no more numbers than its storage (`sizes`, in bytes, by key), and does not reach
    beyond it. All together are at most 16 times the `size` of the file, in bytes.
    """
    total = 0
    for name, tensor in described.items():
        if isinstance(tensor, Odd):
            raise ValueError(f"{name} is {tensor.name}: expected one whose values lie in the file")
        _check(name, tensor, sizes.get(tensor.storage.key, 0) // tensor.dtype.itemsize)
        total += prod(tensor.shape) * tensor.dtype.itemsize
    if total > TIED * size:
        raise ValueError(f"its tensors would take {total} bytes, more than {TIED} times the file")


def build(described: Mapping[str, Stored], read: Callable[[str], bytearray]) -> dict[str, Tensor]:
    """The tensors that are described, after `check`. Those with one storage go on sharing it."""
    keys = {tensor.storage.key for tensor in described.values() if prod(tensor.shape)}
    contents = {key: torch.frombuffer(read(key), dtype=torch.uint8) for key in keys}
    return {name: _build(tensor, contents) for name, tensor in described.items()}


def _check(name, tensor, numbers):
    offset, shape, stride = tensor.offset, tensor.shape, tensor.stride
    for axes in (shape, stride):
        if type(axes) is not tuple or len(axes) != len(shape) or len(axes) > RANK:
            raise ValueError(f"{name} has no shape: its axes are damaged")
    if not all(type(each) is int and 0 <= each < 1 << 63 for each in (offset, *shape, *stride)):
        raise ValueError(f"{name} has no shape: its axes are no whole numbers")
    reach = offset + sum((n - 1) * step for n, step in zip(shape, stride, strict=True))
    if prod(shape) > numbers or (prod(shape) and reach >= numbers):
        raise ValueError(f"{name} {shape} is larger than the {numbers} numbers the file has for it")


def _build(tensor, contents):
    if not prod(tensor.shape):
        return torch.empty(tensor.shape, dtype=tensor.dtype)
    content = contents[tensor.storage.key]
    whole = len(content) // tensor.dtype.itemsize * tensor.dtype.itemsize
    return content[:whole].view(tensor.dtype).as_strided(tensor.shape, tensor.stride, tensor.offset)
