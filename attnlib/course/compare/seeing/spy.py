"""Attention, found by what it does: weights that sum to 1, made of one product, enter another."""

from contextlib import suppress
from typing import NamedTuple

import torch
from torch import Tensor

from attnlib.course.compare.calling.tape import Tape, tensors
from attnlib.course.compare.calling.unreadable import Unreadable
from attnlib.course.compare.seeing.origins import Origins
from attnlib.course.language import say

NEAR = 1e-5  # how far from 1 a sum of weights may be: code may compute them in float32


class Spot(NamedTuple):
    """One attention in the code of a module, for inputs of one shape.

    `scores`, `mixing`: numbers of the two products. `left`: whether the weights are the left
    factor of the second. `shape` (n, N, M): of the first. `origin` (n', N', M'): of which of its
    entries each weight is made. `divided`: what they mix is divided by their sums only then.
    """

    scores: int
    mixing: int
    left: bool
    shape: tuple[int, int, int]
    origin: Tensor
    divided: bool = False

    def sums(self, weights: Tensor) -> Tensor | float:
        """(n', N', 1): what is taken for sums of the weights, by which what they mix is divided."""
        return weights.sum(-1, keepdim=True) if self.divided else 1.0


class Operands(NamedTuple):
    """What went in and out of one attention; n runs over inputs, heads, groups, as it may be."""

    query: Tensor  # (n, N, D)
    key: Tensor  # (n, M, D)
    weights: Tensor  # (n', N', M')
    value: Tensor  # (n', M', D)


def find(call, x: Tensor) -> list[Spot]:
    """Every attention that runs for x (B, L, C).

    If no weights sum to 1, what they mix may be divided by their sums.
    """
    tape = _Finder(x)
    call.run(x, tape)
    if not tape.spots and tape.weights:
        raise Unreadable(say("weights that sum to 1 are changed before they meet any values"))
    if not tape.spots and tape.undivided:
        return _divided_later(call, tape.undivided, x)
    if not tape.spots:
        raise Unreadable(
            say(
                "no attention found: no weights that sum to 1, made of a product of x with x, are "
                "multiplied with x"
            )
        )
    return tape.spots


def _divided_later(call, spots, x):
    """The spots, if what their weights mix comes back as given: times their sum, and divided."""
    generator = torch.Generator().manual_seed(1)
    shapes = [(*each.weights.shape[:2], each.value.shape[-1]) for each in catch(call, spots, x)]
    heads = [torch.randn(shape, generator=generator, dtype=x.dtype) for shape in shapes]
    results = [each.flatten().sort()[0] for each in give(call, spots, x, heads)[1]]
    for head in heads:
        given = head.flatten().sort()[0]
        if not any(len(each) == len(given) and torch.allclose(each, given) for each in results):
            raise Unreadable(
                say("its weights sum to 1 over no axis, nor is what they mix divided by their sums")
            )
    return spots


def catch(call, spots: list[Spot], x: Tensor) -> list[Operands]:
    """What goes in and out of each attention; it stops after the last."""
    tape = _Catcher(x, spots)
    with suppress(_Enough):
        call.run(x, tape)
    try:
        pairs = [(tape.caught[spot.scores], tape.caught[spot.mixing]) for spot in spots]
    except KeyError:
        raise Unreadable(say("it takes other steps for other numbers of the same shape")) from None
    return [
        Operands(*rows, weights / spot.sums(weights), value)
        for spot, (rows, (weights, value)) in zip(spots, pairs, strict=True)
    ]


def give(call, spots: list[Spot], x: Tensor, heads: list[Tensor]) -> tuple[Tensor, list[Tensor]]:
    """y (B, L, C) if each attention gave these (n', N', D'), and all that becomes of them."""
    tape = _Giver(x, spots, heads)
    return call.run(x, tape), tape.results


class _Finder(Tape):
    def __init__(self, x):
        super().__init__(x)
        self.spots, self.undivided, self._origins = [], [], Origins()
        self.weights, self._shapes = set(), {}

    def product(self, number, left, right, result):
        for is_left, factor in ((True, left), (False, right)):
            known = self._origins.of.get(id(factor))
            if not known or not (id(factor) in self.weights or (factor >= 0).all()):
                continue
            origin = _three(known[1] if is_left else known[1].mT)
            spot = Spot(known[0], number, is_left, self._shapes[known[0]], origin.contiguous())
            if id(factor) in self.weights:
                self.spots.append(spot)
                return result
            self.undivided.append(spot._replace(divided=True))
        self._origins.begin(number, result)
        self._shapes[number] = tuple(_three(result).shape)
        return result

    def other(self, function, arguments, named, result):
        source = self._origins.follow(function, arguments, named, result)
        for each in result if isinstance(result, tuple | list) else [result]:
            known = isinstance(each, Tensor) and id(each) in self._origins.of
            if known and (id(source) in self.weights or _sums_to_one(each)):
                self.weights.add(id(each))


class _Enough(BaseException):
    """All that was asked for is caught. No error: a module may catch any of those."""


class _Catcher(Tape):
    def __init__(self, x, spots):
        super().__init__(x)
        self.caught = {}
        self._scores = {spot.scores for spot in spots}
        self._left = {spot.mixing: spot.left for spot in spots}

    def product(self, number, left, right, result):
        if number in self._scores:
            self.caught[number] = _three(left).clone(), _three(right.mT).clone()
        if number not in self._left:
            return result
        pair = (left, right) if self._left[number] else (right.mT, left.mT)
        self.caught[number] = tuple(_three(each).clone() for each in pair)
        if number == max(self._left):
            raise _Enough
        return torch.zeros_like(result)  # what comes after must not run into infinities


class _Giver(Tape):
    def __init__(self, x, spots, heads):
        super().__init__(x)
        self.results = []
        self._heads = {spot.mixing: (spot, head) for spot, head in zip(spots, heads, strict=True)}

    def product(self, number, left, right, result):
        if number not in self._heads:
            return result
        spot, head = self._heads[number]
        head = head * spot.sums(_three(left if spot.left else right.mT))
        return (head if spot.left else head.mT).reshape(result.shape)

    def other(self, function, arguments, named, result):
        floating = (each for each in tensors([result]) if each.is_floating_point())
        self.results += [each.clone() for each in floating]


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
