"""What a reader gives as numbers or names, in whatever form it comes."""

from collections.abc import Iterable

import numpy as np
import torch
from torch import Tensor

# What an argument must be.
WEIGHTS = (
    "an AttentionMap (attention gives (out, map): take the map), weights as a tensor, or a module"
)
COLOURS = "a tensor of floating-point numbers in [0, 1]"
NAMES = "a list of names, one for each token"
WHOLE = "a list of whole numbers"


def as_tensor(name: str, given: object, expected: str) -> Tensor:
    """The same numbers as a tensor with a place in memory for each, and without a graph.

    Taken are tensors of any kind but nested ones, arrays of NumPy however they lie in memory,
    sparse matrices of SciPy, and lists of any of these.

    Args:
        name: of the argument, for the error.
        expected: what it must be, for the error.
    Raises:
        TypeError: given is no such thing.
    """
    kind = type(given).__name__
    if isinstance(given, Tensor):
        if given.is_nested or given.is_meta:
            kind = "a nested tensor" if given.is_nested else "a tensor on the meta device"
            raise TypeError(f"{name} must be {expected}, got {kind}")
        return given.detach() if given.layout == torch.strided else given.detach().to_dense()
    try:
        if isinstance(given, list | tuple) and any(isinstance(each, Tensor) for each in given):
            return torch.stack([as_tensor(name, each, expected) for each in given])
        array = np.array(given.toarray() if hasattr(given, "toarray") else given, order="C")
        if array.dtype.kind == "O" and not array.ndim:  # None would become NaN
            raise TypeError(f"{kind} is no number")
        # PyTorch takes neither the other order of bytes nor more than 64 bits of them.
        unusual = array.dtype.kind == "O" or array.dtype == np.longdouble
        return torch.from_numpy(array.astype("f8" if unusual else array.dtype.newbyteorder("=")))
    except (TypeError, ValueError, RuntimeError) as error:
        raise TypeError(f"{name} must be {expected}, got {kind}") from error


def as_list(name: str, given: Iterable | None, expected: str) -> list:
    """What stands in it, one after the other: numbers of a tensor as numbers of Python or NumPy.

    Raises:
        TypeError: it is no such row, or one without an order.
    """
    try:
        if isinstance(given, set | frozenset):
            raise TypeError("no order")
        found = [] if given is None else list(given)
    except TypeError as error:
        kind = "a tensor of shape ()" if isinstance(given, Tensor) else type(given).__name__
        raise TypeError(f"{name} must be {expected}, got {kind}") from error
    for each in found:
        if isinstance(each, Tensor | np.ndarray) and each.ndim:
            raise TypeError(
                f"{name} must be {expected}, got one of shape {tuple(each.shape)} in it"
            )
    return [_number(each) if isinstance(each, Tensor) else each for each in found]


def _number(each):
    """As NumPy writes it: 0.1, not the nearest number in double precision."""
    rounded = each.is_floating_point() and each.dtype != torch.float64
    number = (each.float() if rounded else each).numpy(force=True)[()]
    return number if each.is_floating_point() else number.item()
