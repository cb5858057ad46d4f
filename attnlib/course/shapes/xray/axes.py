"""An axis as its factors: what a reshape splits and merges, in the order of memory.

An axis is a tuple of `Factor`, the slowest first: (three, h, d) and (h, three, d) have one size
and different elements. The axes of a tensor are a tuple of such tuples; an axis without factors
has size 1.
"""

from itertools import accumulate, pairwise
from math import prod
from operator import mul

TOKENS, CHANNELS = "tokens", "channels"
KINDS = dict.fromkeys(("G", "N", "L", "height", "width"), TOKENS)
KINDS |= dict.fromkeys(("C", "H", "D", "three"), CHANNELS)


class Factor:
    """One factor of an axis: a letter, as far as it is known, and a size.

    Two factors are the same only if they are the same object. `parts` are what it was first split
    into: one without a letter is shown as its parts, in earlier rows too.
    """

    def __init__(self, size: int, letter: str = "", kind: str = "", name: str = "", likely=""):
        self.size, self.letter, self.kind = size, letter, kind or KINDS.get(letter, "")
        self.name = name or letter.lower()  # in patterns; queries are "i", keys are "j"
        self.likely = likely  # the letter if it is never split
        self.parts: tuple[Factor, ...] = ()
        self.tokens = self  # of queries and keys: the tokens that they are

    def twin(self, name: str = "") -> "Factor":
        """The same, met a second time, as keys meet queries: an axis of its own."""
        factor = Factor(self.size, self.letter, self.kind, name or self.name, self.likely)
        factor.tokens = self.tokens
        return factor


def leaves(axis, splits=None) -> tuple[Factor, ...]:
    """What stands for an axis where `splits` {factor: parts} were made, as far as it is known."""
    found = ()
    for factor in axis:
        parts = (splits or {}).get(factor) or (() if factor.letter else factor.parts)
        found += leaves(parts, splits) if parts else (factor,)
    return found


def size_of(axis) -> int:
    """The product of its factors."""
    return prod(factor.size for factor in axis)


def numbers(shape):
    """Axes of which only the sizes are known."""
    return tuple((Factor(size),) if size != 1 else () for size in shape)


def known(axis) -> bool:
    """Whether anything is known of an axis but its size."""
    return any(leaf.letter or leaf.kind for leaf in leaves(axis))


def agreed(met):
    """Axes that line up are one: the longest and best known; what is unknown becomes it."""
    best = max(met, key=lambda axis: (size_of(axis), known(axis)))
    for axis in met:
        found = leaves(axis)
        alone = len(found) == 1 and not known(axis) and size_of(axis) == size_of(best) > 1
        if alone and found[0] not in leaves(best):
            found[0].parts = best
    return best


def distinct(axes):
    """The same axes, but no factor twice: i and j may come of one range of numbers."""
    seen, result = set(), []
    for axis in axes:
        found = leaves(axis)
        result.append(tuple(f.twin() for f in found) if seen & {*found} else axis)
        seen |= {*found}
    return tuple(result)


def regroup(axes, shape, letters):
    """The same elements in the same order as axes of other sizes: reshape, view, flatten, squeeze.

    Args:
        letters: the `Letters` that name the parts of a factor.
    Returns:
        The new axes and the splits {factor: parts} that they need; (None, {}) if no factors can
        say it, as (6, 4) -> (8, 3).
    """
    edges, splits, start = set(accumulate(shape, mul)), {}, 1
    for factor in (factor for axis in axes for factor in axis):
        if not _cut(factor, start, edges, letters, splits):
            return None, {}
        start *= factor.size
    todo = [leaf for axis in axes for leaf in leaves(axis, splits)]
    result = []
    for size in shape:
        axis, product = [], 1
        # An axis of size 1 takes one factor of size 1; elsewhere such factors go along.
        while todo and (product < size or (size == 1 and not axis and todo[0].size == 1)):
            axis.append(todo.pop(0))
            product *= axis[-1].size
        result.append(axis)
    if todo and result:
        result[-1] += todo  # of size 1
    return tuple(map(tuple, result)), splits


def _cut(factor, start, edges, letters, splits) -> bool:
    """Split a factor, whose elements begin at stride `start`, at the edges inside it."""
    stop = start * factor.size
    inside = sorted(edge for edge in edges if start < edge < stop)
    if not inside:
        return True
    if factor.parts:  # as it was split before, if that fits
        tried, here = {factor: factor.parts}, start
        for part in factor.parts:
            if not _cut(part, here, edges, letters, tried):
                break
            here *= part.size
        else:
            splits |= tried
            return True
    if any(b % a for a, b in pairwise([start, *inside, stop])):
        return False
    sizes = [b // a for a, b in pairwise([start, *inside, stop])]
    splits[factor] = letters.split(factor, sizes)
    factor.parts = factor.parts or splits[factor]
    return True
