"""A copy of somebody's module to look into; what cannot be looked into is named."""

import copy

from torch import Tensor, nn
from torch.nn.parameter import is_lazy

from attnlib.course.compare.calling.unreadable import Unreadable


def copy_of(module: nn.Module, name: str = "module") -> nn.Module:
    """In float64 and eval, without gradients; what it keeps of its last run is kept apart.

    Args:
        name: of the argument, for errors.
    """
    _check(module, name)
    kept = (value for part in module.modules() for value in vars(part).values())
    memo = {
        id(value): value.detach().clone()
        for value in kept
        if isinstance(value, Tensor) and value.grad_fn is not None
    }
    try:
        copied = copy.deepcopy(module, memo)
    except Exception as error:  # whatever stands in the way of a copy
        raise Unreadable(
            f"{name} cannot be copied: copy.deepcopy({type(module).__name__}) gives "
            f"{shown(error)}. Give a module without what stands in the way, or a wrapper that "
            "defines __deepcopy__"
        ) from error
    return copied.double().cpu().eval().requires_grad_(False)


def shown(error: Exception) -> str:
    """An error of somebody's code in a line."""
    return f"{type(error).__name__}: {str(error).splitlines()[0][:120] if str(error) else ''}"


def _check(module, name):
    if not isinstance(module, nn.Module):
        raise TypeError(
            f"{name} must be an nn.Module, got {type(module).__name__}: "
            "put what it does into the forward of a module"
        )
    for label, parameter in module.named_parameters():
        if is_lazy(parameter) or parameter.is_meta:
            raise Unreadable(
                f"{name} must hold numbers, but {label} has none yet (lazy, or on the meta "
                "device): run the module once, or load its parameters"
            )
        if not parameter.is_floating_point():
            kind = str(parameter.dtype).removeprefix("torch.")
            raise Unreadable(
                f"{name} must have parameters of real numbers, but {label} is {kind}: give the "
                "module before it was quantised, or in float32"
            )
