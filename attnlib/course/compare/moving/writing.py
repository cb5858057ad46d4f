"""Parts of attentions written into the parameters that they are made of."""

import torch
from torch import Tensor

from attnlib.course.compare.reading.attention import PARTS, Attention
from attnlib.course.compare.reading.immovable import EQUAL, Immovable
from attnlib.course.language import N_, say

HOMELESS = {
    "query": N_("its queries are fixed"),
    "key": N_("its keys are fixed"),
    "value": N_("its values are fixed"),
    "out": N_("it has no matrix behind the heads"),
    "query_bias": N_("it has no place for a query bias"),
    "key_bias": N_("it has no place for a key bias"),
    "value_bias": N_("it has no place for a value bias"),
    "out_bias": N_("it has no place for an output bias"),
}


def written(numbers: Tensor, target: Attention, parts: dict[str, Tensor]) -> Tensor:
    """All parameters (as `flat` lays them) with those of this attention replaced: a copy.

    Raises:
        Immovable: one parameter would need two values, or a part has no parameter of its own.
    """
    index, values = [], []
    for name in PARTS:
        origin, part = target.origins[name], parts[name]
        known = origin.index >= 0
        fixed = (part - getattr(target, name))[~known]
        # What is made of several parameters is no matter of one: `solved` sees to it.
        if not origin.composite and fixed.numel() and fixed.abs().max() > EQUAL:
            raise Immovable(say(HOMELESS[name]))
        index.append(origin.index[known])
        values.append((part / origin.unit)[known])
    index, values = torch.cat(index), torch.cat(values)
    numbers = numbers.clone()
    numbers[index] = values
    if (numbers[index] - values).abs().max() > EQUAL * values.abs().max():
        raise Immovable(say("one parameter would need two values: it is shared"))
    return numbers
