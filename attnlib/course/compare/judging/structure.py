"""Which tokens the attentions of two modules work on, and who sees whom there, at every length."""

from collections import Counter

from attnlib.course.compare.calling.unreadable import Unreadable
from attnlib.course.compare.reading.attention import Attention
from attnlib.course.compare.reading.read import Reading, read
from attnlib.course.language import say


def elsewhere(f: Reading, g: Reading, lengths: list[int]) -> str | None:
    """The first length at which other tokens see one another in their attentions; or None."""
    for length in lengths:
        try:
            one, other = (_sees(each, length) for each in (f, g))
        except Unreadable:
            continue
        for who, more in (("f", one - other), ("g", other - one)):
            if more:
                row, key = max(next(iter(more)))
                return say(
                    "at L = {length}, {who} has an attention in which row {row} sees token {key}, "
                    "and the other has none like it",
                    length=length,
                    who=who,
                    row=row,
                    key=key,
                )
    return None


def _sees(reading, length):
    """For each attention, who sees whom; a token that sees itself only is no business of others."""
    found = read(reading.call, length=length)
    if not found.whole:
        raise Unreadable("; ".join(found.left))
    kinds = Counter(_pairs(each) for each in found.attentions if _gives(each))
    kinds.pop((), None)
    return kinds


def _pairs(attention: Attention) -> tuple[tuple[int, int], ...]:
    """(row, key) of other tokens that some head sees."""
    seen = attention.seen.any(0).fill_diagonal_(False)
    return tuple(map(tuple, attention.tokens[seen.nonzero()].tolist()))


def _gives(attention: Attention) -> bool:
    """Whether anything of it arrives."""
    return bool((attention.out != 0).any())
