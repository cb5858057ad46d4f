"""The einops pattern of a re-arrangement, found from where each entry comes from.

Along each axis of the result the places of its entries in the source grow by digits: so many steps
of one stride, again and again from one stride further. The digits are the axes of the pattern.
"""

from dataclasses import dataclass
from itertools import chain, count

import torch
from torch import Tensor

PLENTY = {"part": ("three", "parts"), "head": ("h", "m", "g"), "row": ("d", "i", "j")}
PLENTY |= {"channel": ("c", "e"), "other": ("n", "m", "a", "b")}


@dataclass
class Digit:
    """`axis`, `step`: of the result, None where it has none of it. `stride`: in the source."""

    size: int
    stride: int
    axis: int | None = None
    step: int = 1
    name: str = ""


@dataclass(frozen=True)
class Pattern:
    """`pick`: which of each axis that the result lacks; they stand first on the right."""

    left: str
    right: str
    sizes: dict[str, int]
    pick: tuple[int, ...]
    repeats: bool
    lacking: tuple[int, ...]  # sizes of the axes that the result lacks


def pattern(index: Tensor, shape: tuple[int, ...], kind) -> Pattern | None:
    """How to get a result whose entries are those of `index` (whole numbers) of a source.

    Args:
        shape: of the source.
        kind: (axis, step, size) -> a key of PLENTY: what the steps of a digit go through.
    """
    index, base = index - index.flatten()[0], int(index.flatten()[0])
    digits = _digits(index)
    strides = [int(torch.tensor(shape[place + 1 :]).prod()) for place in range(len(shape))]
    digits = digits and _cut(digits, strides)
    if digits is None:
        return None
    source = _axes_of_source(digits, shape, strides)
    if source is None:
        return None
    lacking = [digit for axis in source for digit in axis if digit.axis is None]
    pick = tuple(base // digit.stride % digit.size for digit in lacking)
    if sum(p * digit.stride for p, digit in zip(pick, lacking, strict=True)) != base:
        return None
    target = [
        sorted((d for d in digits if d.axis == axis), key=lambda d: -d.step)
        for axis in range(index.dim())
    ]
    _name([*lacking, *(d for axis in target for d in axis)], kind)
    repeats = [digit for digit in digits if digit.stride == 0]
    right = [digit.name for digit in lacking] + [_side(axis) for axis in target]
    sizes = {digit.name: digit.size for axis in source for digit in _told(axis)}
    sizes |= {digit.name: digit.size for digit in repeats}
    return Pattern(
        " ".join(map(_side, source)),
        " ".join(right),
        dict(sorted(sizes.items())),
        pick,
        bool(repeats),
        tuple(digit.size for digit in lacking),
    )


def _digits(index):
    """All digits of all axes; None where an entry's place is no sum of what its axes say."""
    found, told = [], torch.zeros_like(index)
    for axis, size in enumerate(index.shape):
        line = index.movedim(axis, 0).reshape(size, -1)[:, 0]
        told = told + line.view(-1, *[1] * (index.dim() - axis - 1))
        step = 1
        while len(line) > 1:
            stride = int(line[1] - line[0])
            even = (line == torch.arange(len(line)) * stride).int()
            run = len(line) if even.all() else int(even.argmin())
            rows = line.view(-1, run) if len(line) % run == 0 else None
            if stride < 0 or rows is None or not torch.equal(rows, rows[:, :1] + rows[0]):
                return None
            found.append(Digit(run, stride, axis, step))
            line, step = rows[:, 0], step * run
    return found if torch.equal(told, index) else None


def _cut(digits, strides):
    """Digits that run over the end of an axis of the source, in two."""
    for bound in strides[:-1]:
        for digit in [d for d in digits if 0 < d.stride < bound < d.stride * d.size]:
            inner = bound // digit.stride
            if bound % digit.stride or digit.size % inner:
                return None
            outer = Digit(digit.size // inner, bound, digit.axis, digit.step * inner)
            digit.size = inner
            digits.append(outer)
    return digits


def _axes_of_source(digits, shape, strides):
    """For each axis of the source its digits, outer first; those that the result lacks are new."""
    axes = []
    for size, stride in zip(shape, strides, strict=True):
        end, at, its_own = size * stride, stride, []
        its = sorted((d for d in digits if stride <= d.stride < end), key=lambda d: d.stride)
        for digit in [*its, Digit(1, end)]:
            if digit.stride % at or digit.stride < at:
                return None
            if digit.stride > at:
                its_own.append(Digit(digit.stride // at, at))
            its_own.append(digit)
            at = digit.stride * digit.size
        axes.append(its_own[-2::-1])
    return axes


def _name(digits, kind):
    """h, d, c, three, two, as far as it is known what a digit goes through."""
    kinds = ["other" if d.axis is None else kind(d.axis, d.step, d.size) for d in digits]
    used = set()
    for digit, its in zip(digits, kinds, strict=True):
        small = digit.size == 2 and (its in ("part", "other") or kinds.count(its) > 1)
        stacked = ("three",) if digit.size == 3 and its == "other" else ()
        wanted = ("two",) * small + stacked + PLENTY[its]
        spare = (f"n{number}" for number in count(1))
        digit.name = next(name for name in chain(wanted, spare) if name not in used)
        used.add(digit.name)


def _side(axis):
    names = " ".join(digit.name for digit in axis)
    return f"({names})" if len(axis) > 1 else names or "1"


def _told(axis):
    """The digits whose size einops must be told: all but one."""
    free = [d for d in axis if d.name in ("d", "n", "c")] or axis
    return [digit for digit in axis if digit is not free[-1]]
