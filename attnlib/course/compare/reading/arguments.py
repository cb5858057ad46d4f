"""What a forward is given besides x, from the names and defaults of its arguments."""

import inspect
from collections.abc import Callable, Iterator
from inspect import Parameter

import torch
from torch import Tensor

from attnlib.course.compare.reading.tables import rotary_tables
from attnlib.course.language import N_

NOTHING = ("cache", "past", "head_mask", "bias", "lens", "mem_")  # parts of names; None is given
ROTARY = ("freq", "rotary", "rope", "cos", "sin", "position_emb", "pos_emb")
ROTATED = N_("rotary tables")
REST = (Parameter.VAR_KEYWORD, Parameter.VAR_POSITIONAL)
POSITIONS = ("position_ids", "positions")
ZERO = ("start", "offset", "layer_i")
MASKS = {
    "None": lambda length: None,
    N_("causal, True = may attend"): lambda length: torch.ones(length, length).tril() > 0,
    N_("causal, added to the scores"): lambda length: _added(length),
    N_("causal, True = may not attend"): lambda length: torch.ones(length, length).triu(1) > 0,
}


def ways(module, causal: bool = False) -> Iterator[tuple[dict[str, str], Callable]]:
    """(what each argument is given, in words; x -> the arguments by name), likely ones first.

    Args:
        causal: whether a mask that may be left out is given all the same.
    """
    parameters = inspect.signature(module.forward).parameters.values()
    named = [each for each in parameters if each.kind not in REST]
    masks = list(MASKS)[1:] if causal else list(MASKS)
    if not any(_is_mask(p) and (causal or p.default is Parameter.empty) for p in named):
        masks = masks[:1]
    for crossed in (False, True):  # whether keys and values that may be left out are given
        for mask in masks:
            for table in rotary_tables(module) if any(map(_is_rotary, named)) else [None]:
                given = dict(_given(named, causal, crossed))
                said = {n: mask if kind == "mask" else kind for n, kind in given.items()}
                yield said, _builder(given, MASKS[mask], table)


def _given(named, causal, crossed) -> Iterator[tuple[str, str]]:
    """(name, what it is given) for each argument that is given anything."""
    for number, parameter in enumerate(named):
        name, needed = parameter.name, parameter.default is Parameter.empty
        if number == 0:
            yield name, "x"
        elif _is_mask(parameter):
            if needed or causal:
                yield name, "mask"
        elif _is_rotary(parameter):
            yield name, ROTATED
        elif any(part in name for part in POSITIONS) and needed:
            yield name, "0, 1, 2, …"
        elif needed and any(part in name for part in NOTHING):
            yield name, "None"
        elif needed and (parameter.annotation is int or any(part in name for part in ZERO)):
            yield name, "0"
        elif needed and parameter.annotation is bool:
            yield name, "False"
        elif needed or (crossed and name[:1] in "kv" and parameter.default is None):
            yield name, "x"


def _builder(given, mask, table):
    """x as the module wants it, and L -> its arguments."""

    def build(x: Tensor, length: int) -> dict:
        makers = {
            "x": lambda: x,
            "mask": lambda: mask(length),
            ROTATED: lambda: table(length),
            "0, 1, 2, …": lambda: torch.arange(length)[None],
            "None": lambda: None,
            "0": lambda: 0,
            "False": lambda: False,
        }
        return {name: makers[kind]() for name, kind in given.items()}

    return build


def _is_mask(parameter):
    return "mask" in parameter.name and not any(part in parameter.name for part in NOTHING)


def _is_rotary(parameter):
    return parameter.default is Parameter.empty and any(p in parameter.name for p in ROTARY)


def _added(length):
    below = torch.ones(length, length).triu(1) > 0
    return torch.zeros(length, length, dtype=torch.float64).masked_fill(below, -torch.inf)
