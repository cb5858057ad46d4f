"""Whether two results are the same: tensors, numbers, and several of them."""

from collections.abc import Mapping
from numbers import Number

import numpy as np
import torch
from torch import Tensor

CLOSE = {"rtol": 1e-4, "atol": 1e-5}  # float32 rounding passes; a mistake is far larger
PRECISE = {"rtol": 1e-9, "atol": 1e-9}  # in float64


def agree(got: object, want: object, close: Mapping[str, float] = CLOSE) -> bool:
    """Whether two results are the same, up to rounding. Lists may stand for tuples."""
    if isinstance(want, Tensor):
        if not isinstance(got, Tensor) or got.shape != want.shape or sort(got) != sort(want):
            return False
        if sort(want) != "float":
            return got.equal(want.to(got.dtype))
        return torch.allclose(got.double(), want.double(), equal_nan=True, **close)
    if isinstance(want, (tuple, list)):
        return (
            isinstance(got, (tuple, list))
            and len(got) == len(want)
            and all(agree(*pair, close) for pair in zip(got, want, strict=True))
        )
    if isinstance(want, Number) and not isinstance(want, bool):
        inexact = type(got) is float  # not one of an array, where all numbers are of one kind
        got = number(got)
        if not isinstance(got, Number) or isinstance(got, bool):
            return False
        if isinstance(want, int):
            return got == want and not inexact
        return agree(torch.tensor(float(got)), torch.tensor(float(want)), close)
    return type(got) is type(want) and got == want


def number(got: object) -> object:
    """What is as good as a number, as one."""
    single = isinstance(got, (Tensor, np.generic, np.ndarray)) and len(got.reshape(-1)) == 1
    return got.item() if single else got


def sort(x: Tensor) -> str:
    """Its kind of numbers: "bool", "float" or "int"."""
    if x.dtype == torch.bool:
        return "bool"
    return "float" if x.is_floating_point() else "int"
