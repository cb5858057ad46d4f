"""The parameters of one attention in a common form, and the moves between ways to write them.

Every module keeps them in its own order: one matrix or many, heads before channels or after. A
`Layout` says which; `take` brings them into the common form `Heads`, `put` writes them in the
order of another module. Between the two, each move leaves the function as it is.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from math import isclose
from typing import NamedTuple

import torch
from einops import EinopsError, rearrange
from torch import Tensor, nn

from attnlib.checks import check_divides
from attnlib.layout import ORDERS

PARTS = ("query", "key", "value")
# The axes of every part, after those of the heads.
AXES = {
    "query": "d c",
    "key": "d c",
    "value": "d c",
    "out": "c d",
    "query_bias": "d",
    "key_bias": "d",
    "value_bias": "d",
    "out_bias": "c",
}


class Heads(NamedTuple):
    """One attention: softmax(scale · q kᵀ) v, merged by `out`; a bias may be None."""

    query: Tensor  # (H, D, C)
    key: Tensor  # (H, D, C)
    value: Tensor  # (H, D, C)
    out: Tensor  # (H, C, D)
    query_bias: Tensor | None  # (H, D)
    key_bias: Tensor | None  # (H, D)
    value_bias: Tensor | None  # (H, D)
    out_bias: Tensor | None  # (C,)
    scale: float


HOMELESS = {
    "query_bias": "a query bias",
    "key_bias": "a key bias: drop_key_bias first",
    "value_bias": "a value bias: move_value_bias first",
    "out_bias": "an output bias",
}


@dataclass(frozen=True, repr=False)
class Layout:
    """Where a module keeps the parameters of one attention, and in which order of axes.

    A parameter is named as in the state dict; "[0]" behind it takes a part of it, and "{h}" in it
    stands for the number of the head where each has one of its own. Its axes are named as einops
    does: h heads, d width of a head, c channels, three for queries, keys, values.

    Args:
        heads: H.
        scale: what the scores are multiplied by.
        qkv: ("qkv.weight", "(three h d) c") where they are one; where they are three,
            (("q.weight", "k.weight", "v.weight"), "(h d) c"); one a head: ("qkv.{h}.weight",
            "(three d) c").
        out: ("proj.weight", "c (h d)").
        qkv_bias: one name where qkv has one, else three, each of which may be None.
        out_bias: a name, or None.
    """

    heads: int
    scale: float
    qkv: tuple[str | tuple[str, str, str], str]
    out: tuple[str, str]
    qkv_bias: str | tuple[str | None, str | None, str | None] | None = None
    out_bias: str | None = None

    def __repr__(self) -> str:
        said = {name: repr(value) for name, value in vars(self).items() if value is not None}
        said["scale"] = shown(self.scale)
        text = ", ".join(f"{name}={value}" for name, value in said.items())
        for name in ("qkv", "out"):
            text = text.replace(f", {name}=", f",\n    {name}=")  # short lines, still Python
        return f"Layout({text})"

    def place(self, part: str) -> tuple[str, str, int | None] | None:
        """The name, the pattern, and which of three it is where they are stacked; None if absent.

        `part` is a field of `Heads`.
        """
        if part == "out":
            return (*self.out, None)
        if part == "out_bias":
            return self.out_bias and (self.out_bias, "c", None)
        names, pattern = self.qkv
        number = PARTS.index(part.removesuffix("_bias"))
        if part.endswith("_bias"):
            names, pattern = self.qkv_bias, re.sub(r" ?\bc\b", "", pattern)
        if names is None or isinstance(names, str):
            return names and (names, pattern, number)
        return names[number] and (names[number], pattern, None)


def shown(scale: float) -> str:
    """A scale as Python that gives it: 8**-0.5 reads better than 0.35355339059327373."""
    for width in range(2, 4097):
        if isclose(width**-0.5, scale, rel_tol=1e-12):
            return f"{width}**-0.5"
    return repr(scale)


def take(module: nn.Module, layout: Layout) -> Heads:
    """The parameters of one attention of a module, in the common form: copies.

    Raises ValueError naming the parameter that is not there or does not have the axes said.
    """
    views = {part: _views(module, layout, part) for part in AXES}
    parts = {part: tensors and torch.stack(tensors) for part, tensors in views.items()}
    if views["out_bias"]:
        parts["out_bias"] = parts["out_bias"].squeeze(0)  # all heads share it
    return Heads(**parts, scale=layout.scale)


def put(module: nn.Module, layout: Layout, heads: Heads) -> None:
    """Write the parameters in the order of a module. A bias that `heads` lacks becomes zero.

    Raises ValueError, with nothing written, where the module has another scale, no place for a
    bias, or another number or width of heads; it says which move comes first, if one helps.
    """
    if not isclose(heads.scale, layout.scale, rel_tol=1e-12):
        raise ValueError(
            f"its scale is {shown(layout.scale)}, the parameters' is {shown(heads.scale)}: "
            "absorb_scale first"
        )
    writes = []
    for part in AXES:
        views, value = _views(module, layout, part), getattr(heads, part)
        if part == "out_bias" and value is not None:
            value = value[None]
        if views is None and value is not None:
            raise ValueError(f"it has no place for {HOMELESS[part]}")
        if views is None:
            continue
        shape = (len(views), *views[0].shape)
        if value is not None and value.shape != shape:
            raise ValueError(f"its {part} must be {shape}, got {tuple(value.shape)}")
        writes += zip(views, torch.zeros(shape) if value is None else value, strict=True)
    for view, value in writes:
        view.copy_(value)


def absorb_scale(heads: Heads, scale: float = 1.0) -> Heads:
    """The same scores with another scale: the queries, and their bias, take up the quotient."""
    factor = heads.scale / scale
    bias = heads.query_bias
    return heads._replace(
        query=heads.query * factor, query_bias=bias if bias is None else bias * factor, scale=scale
    )


def drop_key_bias(heads: Heads) -> Heads:
    """No key bias: it adds scale · q·b to a whole row of scores, and softmax ignores that."""
    return heads._replace(key_bias=None)


def move_value_bias(heads: Heads) -> Heads:
    """Rows of weights sum to 1, so a value bias arrives whole: as `out` times it, at the output."""
    if heads.value_bias is None:
        return heads
    moved = torch.einsum("hcd,hd->c", heads.out, heads.value_bias)
    bias = moved if heads.out_bias is None else heads.out_bias + moved
    return heads._replace(value_bias=None, out_bias=bias)


def stack_heads(matrices: Sequence[Tensor]) -> Tensor:
    """One matrix (D, C) for each head -> one (H·D, C) for all: the same products, in one."""
    return rearrange(list(matrices), "h d c -> (h d) c")


def permute_merge(out: Tensor, heads: int, old: str, new: str) -> Tensor:
    """The output matrix (…, C, H·D) for heads merged in another order: "h d" or "d h"."""
    for name, order in (("old", old), ("new", new)):
        if order not in ORDERS:
            raise ValueError(f"{name} must be one of {ORDERS}, got {order!r}")
    check_divides("heads", heads, "the columns of out", out.shape[-1])
    return rearrange(out, f"... c ({old}) -> ... c ({new})", h=heads)


def _views(module, layout, part) -> list[Tensor] | None:
    """The part of a module's parameters for each head, not copied; an output bias is one."""
    place = layout.place(part)
    if place is None:
        return None
    name, pattern, number = place
    apart = "{h}" in name
    if apart and part == "out_bias":
        raise ValueError(f"out_bias must be one parameter for all heads, got {name!r}")
    stack = "" if number is None else "three "
    head = "" if apart or part == "out_bias" else "h "
    sizes = ({"three": 3} if stack else {}) | ({"h": layout.heads} if head else {})
    names = [name.format(h=number) for number in range(layout.heads)] if apart else [name]
    try:
        found = [
            rearrange(_find(module, each), f"{pattern} -> {stack}{head}{AXES[part]}", **sizes)
            for each in names
        ]
    except EinopsError as error:
        reason = str(error).strip().splitlines()[-1]
        raise ValueError(f"{part}: {name} is not {pattern!r}: {reason}") from None
    found = [each[number] for each in found] if stack else found
    return list(found[0]) if head else found


def _find(module, name) -> Tensor:
    """ "attention.out.weight", or "local.out[2]" for a part of a parameter; without gradients."""
    path, *indices = name.replace("]", "").split("[")
    try:
        parameter = module.get_parameter(path)
    except AttributeError:
        known = ", ".join(key for key, _ in module.named_parameters())
        raise ValueError(f"{path!r} is no parameter of {type(module).__name__}: {known}") from None
    try:
        for index in indices:
            parameter = parameter.detach()[int(index)]
    except (IndexError, ValueError) as error:
        raise ValueError(
            f"{name!r} is no part of {path} {tuple(parameter.shape)}: {error}"
        ) from None
    return parameter.detach()
