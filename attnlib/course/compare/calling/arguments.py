"""What a forward is given besides x, from the names and defaults of its arguments."""

import inspect
from collections.abc import Callable, Iterator
from inspect import Parameter

import torch
from torch import Tensor

from attnlib.course.compare.calling.tables import rotary_tables
from attnlib.course.language import N_

NOTHING = ("cache", "past", "head_mask", "bias", "lens", "mem_")  # parts of names; None is given
ROTARY = ("freq", "rotary", "rope", "cos", "sin", "position_emb", "pos_emb")
ROTATED = N_("rotary tables")
INPUTS = ("x", "x′", "x″", "x‴")
ROLES = "qkv"  # first letters of what queries, keys and values are called
REST = (Parameter.VAR_KEYWORD, Parameter.VAR_POSITIONAL)
POSITIONS = ("position_ids", "positions")
ZERO = ("start", "offset", "layer_i")
ATTEND, HIDE = N_("causal, True = may attend"), N_("causal, True = may not attend")
MASKS = {
    "None": lambda length: None,
    ATTEND: lambda length: torch.ones(length, length).tril() > 0,
    N_("causal, added to the scores"): lambda length: _added(length),
    HIDE: lambda length: torch.ones(length, length).triu(1) > 0,
}


def ways(
    module, causal: bool = False, apart: bool = False
) -> Iterator[tuple[dict[str, str], Callable]]:
    """(what each argument is given, in words; inputs, L -> arguments by name), likely ones first.

    Args:
        causal: whether a mask that may be left out is given all the same.
        apart: whether queries, keys and values get tokens of their own.
    """
    parameters = inspect.signature(module.forward).parameters.values()
    named = [each for each in parameters if each.kind not in REST]
    masks = list(MASKS)[1:] if causal else list(MASKS)
    if not any(_is_mask(p) and (causal or p.default is Parameter.empty) for p in named):
        masks = masks[:1]
    # What may be left out, and is given all the same:
    for extra in ("x",) if apart else ("", ROTATED, "x"):
        for mask in masks:
            given = dict(_given(named, causal, extra))
            given = _apart(given) if apart else given
            for table in rotary_tables(module) if ROTATED in given.values() else [None]:
                said = {n: mask if kind == "mask" else kind for n, kind in given.items()}
                yield said, _builder(given, MASKS[mask], table)


def optional(module) -> list[str]:
    """Names of the arguments that may be left out, masks first, with their stars."""
    stars = {Parameter.VAR_POSITIONAL: "*", Parameter.VAR_KEYWORD: "**"}
    parameters = inspect.signature(module.forward).parameters.values()
    free = [p for p in parameters if p.default is not Parameter.empty or p.kind in REST]
    free.sort(key=lambda parameter: not _is_mask(parameter))
    return [stars.get(parameter.kind, "") + parameter.name for parameter in free]


def _given(named, causal, extra) -> Iterator[tuple[str, str]]:
    """(name, what it is given) for each argument that is given anything."""
    for number, parameter in enumerate(named):
        name, needed = parameter.name, parameter.default is Parameter.empty
        if number == 0:
            yield name, "x"
        elif _is_mask(parameter):
            if needed or (causal and "pad" not in name):
                yield name, "mask"
        elif _is_rotary(parameter) and (needed or extra == ROTATED):
            yield name, ROTATED
        elif any(part in name for part in POSITIONS) and needed:
            yield name, "0, 1, 2, …"
        elif needed and any(part in name for part in NOTHING):
            yield name, "None"
        elif needed and (parameter.annotation is int or any(part in name for part in ZERO)):
            yield name, "0"
        elif needed and parameter.annotation is bool:
            yield name, "False"
        elif needed or (extra == "x" and name[:1] in "kv" and parameter.default is None):
            yield name, "x"


def _apart(given):
    """The same; who gets tokens gets tokens of its own, queries first, then keys, then values."""
    names = [name for name, kind in given.items() if kind == "x"]
    if sorted(name[0] for name in names) == sorted(ROLES):
        names.sort(key=lambda name: ROLES.index(name[0]))
    return given | dict(zip(names, INPUTS, strict=False))


def _builder(given, mask, table):
    """Inputs as the module wants them, and L -> its arguments."""

    def build(inputs: list[Tensor], length: int) -> dict:
        makers = {
            **{kind: lambda x=x: x for kind, x in zip(INPUTS, inputs, strict=False)},
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
    return any(part in parameter.name for part in ROTARY)


def _added(length):
    below = torch.ones(length, length).triu(1) > 0
    return torch.zeros(length, length, dtype=torch.float64).masked_fill(below, -torch.inf)
