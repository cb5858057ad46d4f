"""A module as its heads: q, k, v and weights by head and token, whatever order the code has."""

import torch
from torch import Tensor

from attnlib.course.compare.seeing.places import Places, places
from attnlib.course.compare.seeing.spy import Operands, Spot, catch, find, give
from attnlib.course.compare.seeing.tokens import tokens_of

SEED = 31_337
TOGETHER = 128  # inputs in one run: what stands where is found out for these, not for thousands


class Sight:
    """Looks into a module that a `Call` knows how to call; heads are counted from 0.

    What it finds out about inputs of one shape it keeps.
    """

    def __init__(self, call):
        self.call = call
        self._known: dict[tuple[int, int], tuple[list[Spot], list[Places]]] = {}

    def draw(self, batch: int, length: int, seed: int = 0) -> Tensor:
        """Random x (B, L, C)."""
        generator = torch.Generator().manual_seed(SEED + seed)
        shape = (batch, length, self.call.width)
        return torch.randn(shape, generator=generator, dtype=torch.float64)

    def tokens(self, x: Tensor) -> list[Tensor]:
        """For each attention (N,): the tokens that it works on."""
        return [place.tokens for place in self._at(next(self._runs(x)))[1]]

    def operands(self, x: Tensor) -> list[Operands]:
        """For each attention q, k (H, B, N, D), weights (H, B, N, N), v (H, B, N, D')."""
        runs = [self._operands(each) for each in self._runs(x)]
        return [
            Operands(*(torch.cat(part, 1)[:, : len(x)] for part in zip(*each, strict=True)))
            for each in zip(*runs, strict=True)
        ]

    def merged(self, x: Tensor, heads: list[Tensor]) -> Tensor:
        """y (B, L, C) if the heads of each attention gave these (H, B, N, D') instead."""
        parts = zip(*(self._runs(each, 1) for each in heads), strict=True)
        runs = zip(self._runs(x), parts, strict=True)
        return torch.cat([self.given(one, part)[0] for one, part in runs])[: len(x)]

    def given(self, x: Tensor, heads: list[Tensor]) -> tuple[Tensor, list[Tensor]]:
        """y of one run, and all results of operations on the way, in their order."""
        spots, where = self._at(x)
        rows = [
            place.put(each, spot.origin.shape)
            for place, each, spot in zip(where, heads, spots, strict=True)
        ]
        return give(self.call, spots, x, rows)

    def _runs(self, each, axis=0):
        """In runs of one size, the last filled up; of 1 for what takes one input at a time."""
        count = each.shape[axis]
        size = 1 if self.call.single else min(count, TOGETHER)
        last = each.narrow(axis, count - 1, 1)
        filled = torch.cat([each, *[last] * (-count % size)], axis)
        return iter(filled.split(size, axis))

    def _operands(self, x):
        spots, where = self._at(x)
        caught = catch(self.call, spots, x)
        return [place.take(each) for place, each in zip(where, caught, strict=True)]

    def _at(self, x):
        shape = tuple(x.shape[:2])
        if shape not in self._known:
            drawn = self.draw(*shape)
            spots = find(self.call, drawn)

            def rows(x):
                caught = catch(self.call, spots, x)
                return [part for each in caught for part in (each.query, each.key, each.value)]

            tokens = tokens_of(rows, drawn)
            self._known[shape] = (
                spots,
                [
                    places(spot, *tokens[3 * number : 3 * number + 3], shape[1])
                    for number, spot in enumerate(spots)
                ],
            )
        return self._known[shape]
