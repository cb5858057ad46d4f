"""A table of scores read at longer lengths, until all its numbers are met: some are for far tokens.

What is learned for a distance of 100 shows at 101 tokens; all else is read at fewer.
"""

from dataclasses import replace

import torch
from torch import Tensor

from attnlib.course.compare.calling.call import Call
from attnlib.course.compare.calling.search import runs
from attnlib.course.compare.reading.attention import Attention, Origin
from attnlib.course.compare.reading.labels import places
from attnlib.course.compare.reading.scoring import scoring
from attnlib.course.compare.reading.tabling import with_table
from attnlib.course.compare.seeing.sight import Sight

LONGEST = 256


def stretched(
    source: tuple[Call, Attention], target: tuple[Call, Attention], met: Tensor
) -> tuple[Attention, Attention]:
    """Both, with who sees whom and what is added to the scores at a length that shows the most.

    Args:
        met: labels of the target's parameters that are not in its table.
    """
    call, other = target
    while 2 * len(other.tokens) <= LONGEST and _missed(call, other) and _is_all(*target):
        length = 2 * len(other.tokens)
        if not all(runs(each, length) for each in (source[0], call)):
            break
        longer = _with_origin(*target, length, met)
        if _missed(call, longer) >= _missed(call, other):
            break
        other = longer
    if other is target[1]:
        return source[1], other
    return _at(*source, len(other.tokens))[0], other


def _missed(call, attention):
    """How many numbers of its tables were not met; of one that is not told, all of the module."""
    numbers = call.module.parameters()
    if "table" not in attention.origins:
        return sum(each.numel() for each in numbers)
    used = attention.origins["table"].index[attention.seen].unique()
    spans = [(start, start + shape.numel()) for start, shape in places(call.module).values()]
    return sum(
        end - start - int(inside)
        for start, end in spans
        if (inside := ((used >= start) & (used < end)).sum())
    )


def _is_all(call, attention):
    """Whether it works on all tokens: at another length it is then the same attention."""
    return len(attention.tokens) == call.length and all(first == 0 for _, first in attention.where)


def _at(call, attention, length):
    """(the attention at this length, what looked at it)."""
    sight = Sight(replace(call, length=length))
    drawn = [sight.operands(sight.draw(1, length, seed)) for seed in (3, 4)]
    scored = [scoring(*(each[spot] for each in drawn)) for spot, _ in attention.where]
    longer = replace(
        attention,
        seen=torch.cat([each.seen for each in scored]),
        table=torch.cat([each.table for each in scored]),
        tokens=torch.arange(length),
    )
    return longer, sight


def _with_origin(call, attention, length, met):
    longer, sight = _at(call, attention, length)
    count = len(longer.seen) // len(attention.where)
    heads = [
        replace(longer, seen=seen, table=table, origins={})
        for seen, table in zip(longer.seen.split(count), longer.table.split(count), strict=True)
    ]
    told = [
        with_table(sight, spot, each, met)
        for (spot, _), each in zip(attention.where, heads, strict=True)
    ]
    if not all("table" in each.origins for each in told):
        return replace(longer, origins={})
    parts = [each.origins["table"] for each in told]
    index, unit = (torch.cat([getattr(each, n) for each in parts]) for n in ("index", "unit"))
    return replace(longer, origins=attention.origins | {"table": Origin(index, unit, False)})
