"""The parameters of one module written into another, whatever they held before."""

import torch
from torch import Tensor

from attnlib.course.compare.reading.fitting import EQUAL, Immovable, fitted
from attnlib.course.compare.reading.labels import fill, flat
from attnlib.course.compare.reading.read import Reading, read
from attnlib.course.compare.reading.tabling import table_written
from attnlib.course.compare.reading.writing import head_order, written
from attnlib.course.language import say


def move(source: Reading, target: Reading) -> Tensor:
    """All parameters of the target, with what the module of the source holds now.

    Parameters of the target that were not met keep what they hold.

    Raises:
        Immovable: why not.
    """
    pairs = _pairs(source, target)
    now = read(source.call, labelled=False).attentions
    numbers, bias = flat(target.call.module), None
    for number, (one, other) in enumerate(pairs):
        parts = fitted(now[number], other, head_order(one, other))
        bias = parts["out_bias"] if bias is None else bias + parts["out_bias"] - now[0].out_bias
        parts["out_bias"] = bias
        numbers = written(numbers, other, parts)
        if "table" in other.origins:
            numbers = table_written(numbers, other, parts["table"])
    return numbers


def moved(source: Reading, target: Reading) -> None:
    """The same, done: the target's own copy of its module gets them."""
    fill(target.call.module, move(source, target))


def _pairs(source, target):
    for each in (source, target):
        if not each.whole:
            named = [*each.left, *(text for one in each.attentions for text in one.left)]
            raise Immovable("; ".join(dict.fromkeys(named)))
    if (source.rest - target.rest).abs().max() > EQUAL:
        raise Immovable(say("what of x goes past the attention is not the same"))
    counts = len(source.attentions), len(target.attentions)
    if counts[0] != counts[1]:
        raise Immovable(
            say("{one} attentions do not go into {other}", one=counts[0], other=counts[1])
        )
    pairs = list(zip(source.attentions, target.attentions, strict=True))
    if not all(torch.equal(one.tokens, other.tokens) for one, other in pairs):
        raise Immovable(say("their attentions work on other tokens"))
    return pairs
