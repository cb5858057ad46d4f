"""Tensors whose elements say where they come from, so that a reshape can be seen.

    labelled((4, 2, 3))                                    # token, head, channel
    rearrange(labelled((4, 2, 3)), "n h d -> n (h d)")     # and where they lie now

Such a tensor holds whole numbers, the places of its elements in the tensor it was made as. Moving
it (reshape, permute, cat, …) moves them; computing with it is refused.
"""

from collections.abc import Iterator, Sequence
from html import escape
from itertools import groupby, product, starmap
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor

from attnlib.checks import check_count
from attnlib.course.language import N_, say
from attnlib.course.wide import ljust, width

__all__ = ["Labelled", "labelled"]

AXES = {
    1: (N_("channel"),),
    2: (N_("token"), N_("channel")),
    3: (N_("token"), N_("head"), N_("channel")),
}
SHOWN = 200  # elements; more cannot be read
# Eight tints after Okabe and Ito, told apart by colour-blind eyes. All are light: black text on
# each, in a light page and in a dark one. The text says what the colour says.
TINTS = ("#7fc4ee", "#f2b134", "#8fd6ae", "#e39fc4", "#f4e96b", "#c9c9c9", "#f59a70", "#b3abf0")
JOINS = ("cat", "concat", "concatenate", "stack", "hstack", "vstack", "dstack")
JOINS += ("column_stack", "row_stack")
# Functions that only move elements, by name. All others are treated as computing.
MOVES = frozenset(
    (
        *("__getitem__", "__get__", "clone", "detach", "contiguous"),
        *("view", "view_as", "reshape", "reshape_as", "flatten", "unflatten", "ravel"),
        *("permute", "transpose", "swapaxes", "swapdims", "movedim", "moveaxis", "t", "adjoint"),
        *("squeeze", "unsqueeze", "expand", "expand_as", "broadcast_to", "repeat", "tile"),
        *("chunk", "split", "split_with_sizes", "tensor_split", "unsafe_chunk", "unsafe_split"),
        *("hsplit", "vsplit", "dsplit", "unbind", "narrow", "select", "unfold", "diagonal"),
        *("index_select", "gather", "take", "take_along_dim", "masked_select"),
        *("flip", "fliplr", "flipud", "roll", "rot90", "repeat_interleave", "as_strided"),
        *JOINS,
    )
)
WRITES = frozenset(f"__i{name}__" for name in ("add", "sub", "mul", "truediv", "floordiv", "mod"))
WRITES |= {"__setitem__", "__ior__", "__iand__", "__ixor__", "__ipow__"}


class Origin(NamedTuple):
    """The tensor that the labels were made for."""

    shape: tuple[int, ...]
    axes: tuple[str, ...]

    def place(self, value: int) -> dict[str, int]:
        """Axis -> index of the element that has this number."""
        found = np.unravel_index(value, self.shape)
        return dict(zip(self.axes, map(int, found), strict=True))

    def letters(self) -> dict[str, str]:
        """Axis -> as few of its first letters as tell it from the others."""
        return {axis: self._short(axis) for axis in self.axes}

    def _short(self, axis):
        others = [other for other in self.axes if other != axis]
        for length in range(1, len(axis)):
            if not any(other.startswith(axis[:length]) for other in others):
                return axis[:length]
        return axis

    def text(self, value: int) -> str:
        """The element's label: t0 h1 c2."""
        letters = self.letters()
        return " ".join(f"{letters[axis]}{index}" for axis, index in self.place(value).items())

    def coloured(self) -> str:
        """The axis that has the colours: the head, or else the first."""
        return "head" if "head" in self.axes else self.axes[0]

    def tint(self, value: int) -> str:
        """The element's colour."""
        return TINTS[self.place(value)[self.coloured()] % len(TINTS)]


class Labelled(Tensor):
    """A tensor made by `labelled`, or moved from one. In a notebook it shows itself as a table."""

    _origin: Origin

    def labels(self) -> list | str:
        """The label of every element, as nested lists of the tensor's shape."""
        return _each(self._origin.text, self.tolist())

    def __repr__(self) -> str:
        if self.numel() > SHOWN:
            return self._head() + "\n" + self._too_large()
        lines = [self._head()]
        for index, rows in self._slabs():
            lines += [str(list(index))] if index else []
            texts = [[self._origin.text(value) for value in row] for row in rows]
            longest = max((width(text) for row in texts for text in row), default=0)
            lines += ["  ".join(ljust(text, longest) for text in row).rstrip() for row in texts]
        return "\n".join(lines)

    def __deepcopy__(self, memo):
        return self.clone()

    def __format__(self, spec: str) -> str:
        return format(repr(self), spec)

    def _repr_html_(self) -> str:
        axis = self._origin.coloured()
        head = say("{labels}; colour: {axis}", labels=self._head(), axis=say(axis))
        head = f'<div style="margin-bottom: 6px">{escape(head)}</div>'
        if self.numel() > SHOWN:
            return f"{head}<div>{escape(self._too_large())}</div>"
        flex = "display: flex; flex-wrap: wrap; gap: 2px 14px"
        lines = groupby(self._slabs(), key=lambda slab: slab[0][:-1])  # a new line for [1, 0]
        lines = ("".join(starmap(self._table, slabs)) for _, slabs in lines)
        return head + "".join(f'<div style="{flex}">{line}</div>' for line in lines)

    def _head(self):
        letters = self._origin.letters().items()
        return say(
            "labelled, shape {shape}: {letters}",
            shape=tuple(self.shape),
            letters=say(", ").join(f"{letter} {say(axis)}" for axis, letter in letters),
        )

    def _too_large(self):
        return say(
            "Too large to show: {elements} elements, at most {shown} can be read. "
            "It moves as any other; look at a part of it, or take a smaller shape.",
            elements=self.numel(),
            shown=SHOWN,
        )

    def _slabs(self) -> Iterator[tuple[tuple[int, ...], list[list[int]]]]:
        """Every table: its index, () where there is only one, and its rows of numbers."""
        for index in product(*map(range, self.shape[:-2])):
            slab = self[index].tolist()
            rows = slab if self.dim() > 1 else [slab]
            yield index, rows if self.dim() else [rows]

    def _table(self, index, rows):
        body = "".join(f"<tr>{''.join(map(self._cell, row))}</tr>" for row in rows)
        style = "caption-side: top; text-align: left; padding: 0 2px; font-family: monospace"
        caption = (
            f'<caption style="{style}; color: inherit">{list(index)}</caption>' if index else ""
        )
        style = "border-collapse: separate; border-spacing: 2px; margin: 0; border: none"
        return f'<table style="{style}">{caption}<tbody>{body}</tbody></table>'

    def _cell(self, value):
        style = (
            f"background: {self._origin.tint(value)}; color: black; padding: 2px 5px; "
            "font-family: monospace; font-size: 13px; text-align: center; white-space: nowrap; "
            "border: none"
        )
        return f'<td style="{style}">{escape(self._origin.text(value))}</td>'

    @classmethod
    def __torch_function__(cls, func, types, args=(), kwargs=None):
        kwargs = kwargs or {}
        name = getattr(func, "__name__", str(func))
        if name in WRITES or (name.endswith("_") and not name.endswith("__")) or "out" in kwargs:
            raise TypeError(f"{name} would write into a labelled tensor: labels can only be moved")
        origin = _common_origin(name, (*args, *kwargs.values()))
        # As PyTorch's notes on subclassing do it, to get a plain tensor.
        with torch._C.DisableTorchFunctionSubclass():
            result = func(*args, **kwargs)
        return _wrapped(result, origin, name)


def labelled(shape: Sequence[int], axes: Sequence[str] | None = None) -> Labelled:
    """A tensor whose elements show where they come from, as colour and text, wherever they move.

    Args:
        shape: of the tensor, any number of axes. Above 200 elements it is not shown, but moves.
        axes: a name for each axis; every label has its first letter. None means (token, head,
            channel), without the head for two axes. The axis "head" has the colours, or the first.
    Returns:
        int64, each element the number of its place. Every move keeps the labels: reshape, view,
        permute, .mT, chunk, unbind, indexing, torch.cat and stack, einops' rearrange, ….
        Comparisons give plain tensors. What would compute or write raises TypeError.
    Raises:
        TypeError, ValueError: a shape or axes of a wrong kind, named with what is expected.
    """
    if isinstance(shape, str) or not isinstance(shape, Sequence):
        raise TypeError(f"shape must be whole numbers, as (4, 2, 3), got {shape!r}")
    if not shape:
        raise ValueError("shape must have at least one axis, got ()")
    for size in shape:
        check_count("every axis of shape", size)
    if axes is None and len(shape) not in AXES:
        raise ValueError(f"axes: name all {len(shape)} of them; only up to 3 have names already")
    origin = Origin(tuple(shape), _checked_axes(axes, len(shape)))
    numbers = torch.arange(int(np.prod(origin.shape))).view(origin.shape)
    return _label(numbers, origin)


def _checked_axes(axes, count):
    axes = AXES[count] if axes is None else axes
    named = isinstance(axes, Sequence) and all(isinstance(axis, str) and axis for axis in axes)
    if not named or isinstance(axes, str):
        raise TypeError(f'axes must be names, as ("row", "column"), got {axes!r}')
    if len(axes) != count or len(set(axes)) != count:
        raise ValueError(f"axes must be {count} different names, one for each axis, got {axes!r}")
    return tuple(axes)


def _label(numbers, origin):
    new = numbers.as_subclass(Labelled)
    new._origin = origin
    return new


def _wrapped(result, origin, name):
    """The result of a function with its labels, if it only moved; no numbers if it computed."""
    if isinstance(result, (tuple, list)) and not isinstance(result, torch.Size):
        return type(result)(_wrapped(part, origin, name) for part in result)
    if not isinstance(result, Tensor) or result.dtype == torch.bool:
        return result
    if name not in MOVES or result.dtype != torch.int64:
        raise TypeError(
            f"{name} would compute with labels, which only say where a number comes from: they "
            "can be moved (reshape, permute, cat, …), not computed with"
        )
    return _label(result, origin)


def _common_origin(name, args):
    found = [x for x in _tensors(args) if isinstance(x, Labelled) or name in JOINS]
    origins = {getattr(x, "_origin", None) for x in found}
    if len(origins) == 1 and None not in origins:
        return origins.pop()
    if name not in MOVES:
        return None  # a comparison, or an error when the result is seen
    raise TypeError(f"{name} must get tensors that were labelled alike, got a mixture")


def _tensors(value):
    if isinstance(value, Tensor):
        yield value
    elif isinstance(value, (tuple, list)):
        for part in value:
            yield from _tensors(part)


def _each(function, nested):
    if isinstance(nested, list):
        return [_each(function, part) for part in nested]
    return function(nested)
