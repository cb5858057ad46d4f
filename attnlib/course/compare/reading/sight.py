"""A module as its heads: q, k, v and weights by head and token, whatever order the code has."""

import torch
from torch import Tensor

from attnlib.course.compare.reading.places import Places, places
from attnlib.course.compare.reading.spy import Operands, Spot, catch, find
from attnlib.course.compare.reading.tokens import tokens_of

SEED = 31_337


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
        return [place.tokens for place in self._at(x)[1]]

    def operands(self, x: Tensor) -> list[Operands]:
        """For each attention q, k (H, B, N, D), weights (H, B, N, N), v (H, B, N, D')."""
        spots, where = self._at(x)
        _, caught = catch(self.call, spots, x)
        return [place.take(each) for place, each in zip(where, caught, strict=True)]

    def merged(self, x: Tensor, heads: list[Tensor]) -> Tensor:
        """y (B, L, C) if the heads of each attention gave these (H, B, N, D') instead."""
        spots, where = self._at(x)
        rows = [
            place.put(each, spot.origin.shape)
            for place, each, spot in zip(where, heads, spots, strict=True)
        ]
        return catch(self.call, spots, x, rows)[0]

    def _at(self, x):
        shape = tuple(x.shape[:2])
        if shape not in self._known:
            drawn = self.draw(*shape)
            spots = find(self.call, drawn)

            def rows(x):
                _, caught = catch(self.call, spots, x)
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
