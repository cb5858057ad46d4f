"""A module run on an x of the reader's own, with what else it asks for."""

from collections.abc import Callable
from typing import TypeVar

import torch
from torch import Tensor, nn
from torch.utils._pytree import tree_map

from attnlib.course.compare.calling.arguments import ways

Result = TypeVar("Result")
COMPLEX = {torch.float32: torch.complex64, torch.float64: torch.complex128}


def run_on(
    module: Callable, x: Tensor, length: int, run: Callable[[tuple, dict], Result]
) -> Result:
    """run(arguments, named) for the first that goes: x alone, or with what the signature asks for.

    Args:
        length: tokens of x, for tables of positions.
        run: runs the module with them.
    Raises:
        Whatever x alone raises, if nothing goes.
    """
    try:
        return run((x,), {})
    except TypeError as error:  # an argument is missing, or is None
        if not isinstance(module, nn.Module):
            raise
        for _, build in ways(module):
            try:
                return run((), _as_precise(build([x], length), x))
            except Exception:  # the reader's own code may raise anything
                continue
        raise error


def _as_precise(named, x):
    """Tables in the precision of x, on its device."""

    def like(each):
        if not isinstance(each, Tensor) or each is x:
            return each
        if each.is_complex():
            return each.to(x.device, COMPLEX.get(x.dtype, each.dtype))
        return each.to(x.device, x.dtype if each.is_floating_point() else each.dtype)

    return tree_map(like, named)
