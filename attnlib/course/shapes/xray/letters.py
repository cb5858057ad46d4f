"""Which letter a part of an axis gets, when its size alone can tell, or cannot."""

from collections.abc import Iterable
from itertools import permutations

from attnlib.course.shapes.xray.axes import CHANNELS, TOKENS, Factor


class Letters:
    """Gives letters to the parts of a factor: from their sizes, and only where sizes can tell.

    Args:
        heads: the sizes that H has.
        width: C, or None.
        length: L, or None.
        grouped: whether tokens split in two are G groups of N.
    """

    def __init__(self, heads: Iterable[int], width: int | None, length: int | None, grouped: bool):
        self.heads, self.grouped = frozenset(heads), grouped
        self.width, self.length = width, length

    def new_channels(self, size: int) -> Factor:
        """The axis that a projection makes. Its parts tell what it is; if it has none, its size."""
        return Factor(size, kind=CHANNELS, likely=self._by_size(size))

    def split(self, factor: Factor, sizes: list[int]) -> tuple[Factor, ...]:
        """Its parts, with letters."""
        found = [""] * len(sizes)
        if factor.kind == CHANNELS:
            found = self._channels(factor, sizes)
        elif factor.kind == TOKENS and self.grouped and len(sizes) == 2:
            found = ["G", "N"]
        likely = self._by_size if factor.kind == CHANNELS else lambda size: ""
        pairs = zip(sizes, found, strict=True)
        return tuple(Factor(size, x, factor.kind, likely=likely(size)) for size, x in pairs)

    def _channels(self, factor: Factor, sizes: list[int]) -> list[str]:
        """Every letter that some reading of the sizes gives to a part: "H|D" where H = D."""
        readings = [("H", "D"), ("three", "H", "D")] + ([] if factor.letter else [("three", "")])
        found = [set() for _ in sizes]
        for reading in readings:
            for order in permutations(reading) if len(reading) == len(sizes) else ():
                if all(map(self._fits, order, sizes)):
                    for letters, letter in zip(found, order, strict=True):
                        letters.add(letter)
        return ["|".join(x for x in ("three", "H", "D") if x in letters) for letters in found]

    def _fits(self, letter: str, size: int) -> bool:
        return {"three": size == 3, "H": size in self.heads}.get(letter, True)

    def _by_size(self, size: int) -> str:
        head_widths = [self.width / heads for heads in self.heads] if self.width else []
        sizes = {"C": [self.width], "H": self.heads, "D": head_widths}
        return "|".join(letter for letter in sizes if size in sizes[letter])
