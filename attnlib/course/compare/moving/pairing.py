"""Which head of one attention each head of another is to be."""

from typing import NamedTuple

import torch
from torch import Tensor

from attnlib.course.compare.reading.attention import Attention
from attnlib.course.compare.reading.immovable import EQUAL, Immovable, Untried
from attnlib.course.language import say


class Heads(NamedTuple):
    """`of` (H,): a head of the source for each of the target. `spare` (H,): it is to give nothing.

    A spare head is given what the head before it is given: who shares keys stays together.
    """

    of: Tensor
    spare: Tensor


def head_order(source: Attention, target: Attention) -> Heads:
    """Heads that see the same, with the same numbers added, and share keys as others do.

    Raises:
        Immovable: the source has more heads.
    """
    one, other = source.heads, target.heads
    if one > other or (one < other and target.axis == "heads"):
        reason = say("{one} heads do not go into {other}", one=one, other=other)
        raise (Untried if _needed(source) <= other else Immovable)(reason)
    ours, theirs = _by_sharing(source), _by_sharing(target)
    may = _may(source, target)
    chosen = theirs[:one]
    if not may[ours, chosen].all():
        found = _matched(may[ours])
        chosen = chosen if found is None else found
    taken = torch.full((other,), -1)
    taken[chosen] = ours
    spare, last = taken < 0, 0
    for head in theirs.tolist():
        last = taken[head] = last if taken[head] < 0 else taken[head]
    return Heads(taken, spare)


def _needed(source):
    """How many heads it would take: who gives nothing, or looks as another looks, needs none."""
    looks = [source.origins[name].index.flatten(1) for name in ("query", "key")]
    gives = (source.out != 0).flatten(1).any(1)
    return len(torch.cat(looks, 1)[gives].unique(dim=0))


def _may(source, target):
    """(H of the source, H of the target) bool: whether one can be the other at all."""
    may = (source.seen[:, None] == target.seen).flatten(2).all(-1)
    if "table" not in target.origins:
        may &= (source.table[:, None] - target.table).flatten(2).abs().amax(-1) <= EQUAL
    return may


def _matched(may):
    """For each row a column of its own where `may` is True; None if there are too few."""
    owner = {}

    def find(row, tried):
        for column in may[row].nonzero()[:, 0].tolist():
            if column not in tried:
                tried.add(column)
                if column not in owner or find(owner[column], tried):
                    owner[column] = row
                    return True
        return False

    if not all(find(row, set()) for row in range(len(may))):
        return None
    return torch.tensor(sorted(owner, key=owner.get))


def _by_sharing(attention):
    """Heads, those first that share the keys of the first, in their order."""
    rows = torch.cat([attention.origins[name].index.flatten(1) for name in ("key", "value")], 1)
    first = (rows[:, None] == rows).all(-1).int().argmax(1)  # the first head with the same
    return first.argsort(stable=True)
