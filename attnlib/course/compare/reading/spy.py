"""Attention, found by what it does: weights that sum to 1, made of one product, enter another."""

from contextlib import suppress
from typing import NamedTuple

import torch
from torch import Tensor

from attnlib.course.compare.reading.origins import Origins
from attnlib.course.compare.reading.tape import Tape
from attnlib.course.compare.reading.unreadable import Unreadable
from attnlib.course.language import say

NEAR = 1e-5  # how far from 1 a sum of weights may be: code may compute them in float32


class Spot(NamedTuple):
    """One attention in the code of a module, for inputs of one shape.

    `scores`, `mixing`: numbers of the two products. `left`: whether the weights are the left
    factor of the second. `shape` (n, N, M): of the first. `origin` (n', N', M'): of which of its
    entries each weight is made.
    """

    scores: int
    mixing: int
    left: bool
    shape: tuple[int, int, int]
    origin: Tensor


class Operands(NamedTuple):
    """What went in and out of one attention; n runs over inputs, heads, groups, as it may be."""

    query: Tensor  # (n, N, D)
    key: Tensor  # (n, M, D)
    weights: Tensor  # (n', N', M')
    value: Tensor  # (n', M', D)


def find(call, x: Tensor) -> list[Spot]:
    """Every attention that runs for x (B, L, C)."""
    first = x[:1] if call.single else x
    tape = _Finder(first)
    call.run(first, tape)
    if not tape.spots and tape.weights:
        raise Unreadable(say("weights that sum to 1 are changed before they meet any values"))
    if not tape.spots:
        raise Unreadable(
            say(
                "no attention found: no weights that sum to 1, made of a product of x with x, are "
                "multiplied with x"
            )
        )
    return [_repeated(spot, len(x)) for spot in tape.spots] if call.single else tape.spots


def catch(call, spots: list[Spot], x: Tensor, heads: list[Tensor] | None = None):
    """Run once: (y (B, L, C) or None, the operands of each attention).

    With `heads`, (n', N', D) for each attention, these stand in the place of what it gives, and y
    is what the module makes of them. Without, it stops after the last attention.
    """
    if not call.single:
        return _caught(call, spots, x, heads)
    count = len(x)
    parts = [each.chunk(count) for each in heads] if heads else None
    runs = [
        _caught(call, spots, x[n : n + 1], parts and [part[n] for part in parts])
        for n in range(count)
    ]
    operands = [
        Operands(*(torch.cat(part) for part in zip(*each, strict=True)))
        for each in zip(*(found for _, found in runs), strict=True)
    ]
    return torch.cat([y for y, _ in runs]) if heads else None, operands


class _Finder(Tape):
    def __init__(self, x):
        super().__init__(x)
        self.spots, self._origins = [], Origins()
        self.weights, self._shapes = set(), {}

    def product(self, number, left, right, result):
        for is_left, factor in ((True, left), (False, right)):
            known = self._origins.of.get(id(factor))
            if known and id(factor) in self.weights:
                origin = _three(known[1] if is_left else known[1].mT)
                shape = self._shapes[known[0]]
                self.spots.append(Spot(known[0], number, is_left, shape, origin.contiguous()))
                return result
        self._origins.begin(number, result)
        self._shapes[number] = tuple(_three(result).shape)
        return result

    def other(self, function, arguments, named, result):
        source = self._origins.follow(function, arguments, named, result)
        for each in result if isinstance(result, tuple | list) else [result]:
            known = isinstance(each, Tensor) and id(each) in self._origins.of
            if known and (id(source) in self.weights or _sums_to_one(each)):
                self.weights.add(id(each))


class _Enough(Exception):
    """All that was asked for is caught."""


class _Catcher(Tape):
    def __init__(self, x, spots, heads):
        super().__init__(x)
        self.caught, self._heads = {}, heads
        self._mixing = {spot.mixing: number for number, spot in enumerate(spots)}
        self._scores = {spot.scores for spot in spots}
        self._left = {spot.mixing: spot.left for spot in spots}

    def product(self, number, left, right, result):
        if number in self._scores:
            self.caught[number] = _three(left).clone(), _three(right.mT).clone()
        if number not in self._mixing:
            return result
        is_left = self._left[number]
        pair = (left, right) if is_left else (right.mT, left.mT)
        self.caught[number] = tuple(_three(each).clone() for each in pair)
        if self._heads is not None:
            head = self._heads[self._mixing[number]]
            return (head if is_left else head.mT).reshape(result.shape)
        if number == max(self._mixing):
            raise _Enough
        return torch.zeros_like(result)  # what comes after must not run into infinities


def _caught(call, spots, x, heads):
    tape, y = _Catcher(x, spots, heads), None
    with suppress(_Enough):
        y = call.run(x, tape)
    try:
        found = [Operands(*tape.caught[s.scores], *tape.caught[s.mixing]) for s in spots]
    except KeyError:
        raise Unreadable(say("it takes other steps for other numbers of the same shape")) from None
    return y, found


def _repeated(spot, count):
    """The spot of one input, for as many inputs one after the other."""
    batch, rows, cols = spot.shape
    number = torch.arange(count).repeat_interleave(len(spot.origin))[:, None, None]
    origin = spot.origin.repeat(count, 1, 1)
    shifted = torch.where(origin < 0, origin, origin + number * batch * rows * cols)
    return spot._replace(shape=(count * batch, rows, cols), origin=shifted)


def _three(tensor):
    return tensor[None] if tensor.dim() == 2 else tensor


def _sums_to_one(each):
    """Whether the rows along some axis are weights; a row that sees nothing may be 0, or NaN."""
    if not each.is_floating_point() or each.numel() == 0:
        return False
    each = each.nan_to_num(0.0)
    axes = [axis for axis, size in enumerate(each.shape) if size > 1]
    return bool((each >= 0).all()) and any(_near_one(each.sum(axis)) for axis in axes)


def _near_one(sums):
    ones, zeros = (sums - 1).abs() <= NEAR, sums == 0
    return bool((ones | zeros).all() and ones.any())
