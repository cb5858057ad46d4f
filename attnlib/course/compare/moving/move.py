"""The parameters of one module written into another, whatever they held before."""

import torch
from torch import Tensor

from attnlib.course.compare.moving.fitting import fitted
from attnlib.course.compare.moving.pairing import head_order
from attnlib.course.compare.moving.solving import solved
from attnlib.course.compare.moving.writing import written
from attnlib.course.compare.reading.attention import Attention
from attnlib.course.compare.reading.factors import met
from attnlib.course.compare.reading.holding import holding
from attnlib.course.compare.reading.immovable import EQUAL, Immovable, Untried
from attnlib.course.compare.reading.labels import fill, flat
from attnlib.course.compare.reading.read import Reading
from attnlib.course.compare.reading.stretching import stretched
from attnlib.course.compare.reading.tabling import table_written
from attnlib.course.language import say


def move(source: Reading, target: Reading, now: list[Attention] | None = None) -> Tensor:
    """All parameters of the target, with what the module of the source holds now.

    Parameters of the target that were not met keep what they hold.

    Args:
        now: the attentions of the source as they are to be moved; else as they are.
    Raises:
        Immovable: why not.
    """
    _check_whole(source, target)
    order = _order(source, target)
    now = now or holding(source, flat(source.call.module))
    now, pairs = [now[n] for n in order], [source.attentions[n] for n in order]
    numbers, wanted = flat(target.call.module), []
    heads = [head_order(*pair) for pair in zip(pairs, target.attentions, strict=True)]
    fits = [fitted(*three) for three in zip(now, target.attentions, heads, strict=True)]
    for number, other in enumerate(target.attentions):
        together = [n for n, each in enumerate(now) if _is_added(each, now[number])]
        changes = [fits[n]["out_bias"] - now[n].out_bias for n in together]
        parts = fits[number] | {"out_bias": now[number].out_bias + sum(changes)}
        numbers = written(numbers, other, parts)
        if "table" in other.origins:
            pair = (source.call, now[number]), (target.call, other)
            far, there = stretched(*pair, met(target.attentions, but=("table",)))
            of, spare = heads[number]
            numbers = table_written(numbers, there, far.table[of], spare)
        wanted.append(parts)
    return solved(numbers, target, wanted)


def _is_added(one, other):
    """Whether the heads of two attentions are added up: they then share one output bias."""
    return one.end == other.end and torch.equal(one.tokens, other.tokens)


def moved(source: Reading, target: Reading) -> None:
    """The same, done: the target's own copy of its module gets them."""
    fill(target.call.module, move(source, target))


def _check_whole(source, target):
    for each in (source, target):
        if not each.whole:
            named = [*each.left, *(text for one in each.attentions for text in one.left)]
            reason = say("; ").join(dict.fromkeys(named))
            raise Immovable(say("in {name} {reason}", name=each.call.name, reason=reason))
    counts = len(source.attentions), len(target.attentions)
    if counts[0] != counts[1]:
        # How many there are in the code may be a way to write it.
        raise Untried(
            say("one has {one} attentions, the other {other}", one=counts[0], other=counts[1])
        )


def _order(source, target):
    """For each attention of the target, which of the source: code may begin with another one."""
    left, order = list(range(len(source.attentions))), []
    for other in target.attentions:
        like = [n for n in left if torch.equal(source.attentions[n].tokens, other.tokens)]
        if not like:
            raise Immovable(say("their attentions work on other tokens"))
        shapes = [_shape(source.attentions[n]) == _shape(other) for n in like]
        order.append(like[shapes.index(True)] if any(shapes) else like[0])
        left.remove(order[-1])
        if (source.attentions[order[-1]].rest - other.rest).abs().max() > EQUAL:
            raise Immovable(say("what of x goes past the attention is not the same"))
    return order


def _shape(attention):
    return attention.query.shape, attention.value.shape
