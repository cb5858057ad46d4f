"""What is said of a module that cannot be looked into: what it is, and what to do."""

import inspect

import torch
from torch import nn

from attnlib.course.compare.calling.call import Call

PARTS = 3  # of a model, that are proposed


def no_parameters(module: nn.Module, name: str) -> str:
    """There is nothing to move."""
    return (
        f"{name} must hold parameters, whose places tell what it computes, but {_kind(module)} has "
        "none: wrap it in a module with the projections to q, k and v round it"
    )


def no_width(module: nn.Module, name: str) -> str:
    """C is needed and no parameter tells it."""
    return (
        f"the parameters of {name}, {_kind(module)}, do not tell its width C: give width, the "
        "number of channels of a token"
    )


def unsteady(module: nn.Module, name: str) -> str:
    """It does not give the same for the same x."""
    return (
        f"{name} must give the same whenever it gets the same x, but {_kind(module)} changes "
        "itself in forward (a counter, running statistics, a cache), or draws random numbers: take "
        "that out, or make it stop in eval"
    )


def no_length(f: Call, g: Call) -> str:
    """No length of inputs goes with both."""
    one, other = (f"{c.name}, {_kind(c.module)}, runs at L = {c.length}" for c in (f, g))
    return (
        f"f and g must take inputs of the same length, but none was found: {one}, {other}. Build "
        "both for as many tokens"
    )


def not_called(module: nn.Module, name: str, tried: list[str]) -> str:
    """It runs in no form that is known."""
    if _takes_numbers(module):
        names = [part for part, _ in module.named_modules() if part]
        parts = [part for part in names if "att" in part.lower()] or names
        proposed = ", ".join(f'{name}.get_submodule("{part}")' for part in parts[:PARTS])
        return (
            f"{name} must take tokens x (B, L, C), but {_kind(module)} takes whole numbers, as a "
            f"whole model does: give one of its attentions, such as {proposed or 'a part of it'}"
        )
    detail = "; ".join(dict.fromkeys(tried[:1] + tried[-2:]))
    return (
        f"no way to call {name}, {_kind(module)}, with tokens x was found: its forward takes "
        f"{inspect.signature(module.forward)}. Wrap it in a module whose forward takes x (B, L, C) "
        f"and gives it the rest; of a whole model, give one of its attentions. Tried: {detail}"
    )


def _takes_numbers(module):
    try:
        with torch.no_grad():
            module(torch.zeros(1, 2, dtype=torch.long))
    except Exception:  # the reader's own code may raise anything
        return False
    return True


def _kind(module):
    return f"a {type(module).__name__}"
