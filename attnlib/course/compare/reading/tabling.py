"""Which parameter each entry of a table is that is added to the scores, and tables written.

A softmax hides what it adds to a whole row, so labels l show as u · (l_j − l_0) only, and their
squares as u · (l_j² − l_0²), l_0 that of the first key seen. The quotient is l_j + l_0; the
differences of quotients tell u, and then all is known.
"""

import torch
from torch import Tensor

from attnlib.course.compare.reading.attention import ELSEWHERE, Attention, Origin
from attnlib.course.compare.reading.immovable import EQUAL, Immovable
from attnlib.course.compare.reading.labels import fill, flat, unmet
from attnlib.course.compare.reading.scoring import centred, log_weights
from attnlib.course.compare.seeing.sight import Sight
from attnlib.course.language import say

EXACT = 1e-14  # relative to the largest residue
STEEP = 10.0  # the largest score that labels may make: a softmax must not round any to 0
NEAR = 1e-4


def with_table(sight: Sight, spot: int, attention: Attention, met: Tensor) -> Attention:
    """The same attention; the origins of its table are told if parameters not met make it.

    Args:
        met: labels of the parameters that are known to be something else.
    """
    module = sight.call.module
    names = unmet(module, met)
    if attention.table is None or not names or attention.axis != "keys":
        return attention
    kept = flat(module)
    free = torch.cat(
        [torch.full((p.numel(),), float(name in names)) for name, p in module.named_parameters()]
    ).double()
    labels = torch.arange(1, len(kept) + 1).double() / len(kept)
    random = torch.rand(len(kept), generator=torch.Generator().manual_seed(4)).double()
    try:
        seen = []
        for numbers in (labels, labels.square(), random):
            fill(module, numbers * free * STEEP)
            seen.append(_table(sight, spot, attention))
    finally:
        fill(module, kept)
    origin = _origin(*seen, attention.seen, len(kept), random)
    told = {} if origin is None else {"table": origin}
    return Attention(**{**vars(attention), "origins": attention.origins | told})


def table_written(numbers: Tensor, target: Attention, table: Tensor, spare: Tensor) -> Tensor:
    """The parameters with which the target adds this table, up to what a softmax ignores.

    Args:
        spare: (H,) bool: heads in which it does not matter.
    Raises:
        Immovable: there are none.
    """
    origin, seen = target.origins["table"], target.seen & ~spare[:, None, None]
    used, column = origin.index[seen].unique(return_inverse=True)

    def added(values):
        scores = torch.zeros_like(table)
        scores[seen] = origin.unit[seen] * values[column]
        return centred(scores, seen, "keys")

    def back(scores):
        parts = (origin.unit * centred(scores, seen, "keys"))[seen]
        return torch.zeros(len(used)).double().index_add(0, column, parts)

    values = _least_squares(added, back, table)
    if (added(values) - centred(table, seen, "keys")).abs().max() > EQUAL:
        raise Immovable(say("its table has not a number for each of those that are to be added"))
    numbers = numbers.clone()
    numbers[used] = values
    return numbers


def _least_squares(function, transposed, goal):
    """Conjugate gradients: there may be very many equations, and few numbers in each."""
    rest = way = transposed(goal)
    values, size = torch.zeros_like(rest), rest @ rest
    enough = size * EXACT**2
    for _ in range(len(values)):
        if size <= enough:
            break
        moved = transposed(function(way))
        step = size / (way @ moved)
        values, rest = values + step * way, rest - step * moved
        size, before = rest @ rest, size
        way = rest + size / before * way
    return values


def _table(sight, spot, attention):
    x = sight.draw(1, sight.call.length)
    operands = sight.operands(x)[spot]
    return log_weights(operands, attention.seen, attention.axis)[:, 0]


def _origin(labelled, squared, random, seen, count, drawn):
    first = seen.int().argmax(-1, keepdim=True)
    one, two = (each - each.gather(-1, first) for each in (labelled, squared))
    known = seen & (one.abs() > NEAR * STEEP / count)
    sums = torch.where(known, two / one, torch.nan)  # l_j + l_0
    spread = sums - sums.nan_to_num(0.0).gather(-1, known.int().argmax(-1, keepdim=True))
    change = one - one.gather(-1, known.int().argmax(-1, keepdim=True))
    units = (change / spread)[known & (spread.abs() > NEAR / count)]
    if not len(units) or (units - units.median()).abs().max() > NEAR * units.median().abs():
        return None
    unit = units.median()
    zero = ((sums - one / unit) / 2).nanmean(-1, keepdim=True)
    index = ((zero + one / unit) * count - 1).round()
    index = index.nan_to_num(ELSEWHERE).clamp(ELSEWHERE, count - 1).long()
    told = centred(torch.where(seen, unit * drawn[index.clamp(min=0)], 0.0), seen, "keys")
    if (index[seen] < 0).any() or not (told - random).abs().max() <= NEAR * STEEP:
        return None
    units = torch.full_like(labelled, unit.item() / STEEP)
    return Origin(torch.where(seen, index, ELSEWHERE), units, False)
