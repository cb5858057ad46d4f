"""Parts of attentions written into the parameters that they are made of."""

import torch
from torch import Tensor

from attnlib.course.compare.reading.attention import PARTS, Attention
from attnlib.course.compare.reading.fitting import EQUAL, Immovable
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
        if origin.composite:
            continue  # `solved` sees to it
        fixed = getattr(target, name)[~known]
        if fixed.numel() and (part[~known] - fixed).abs().max() > EQUAL:
            raise Immovable(say(HOMELESS[name]))
        index.append(origin.index[known])
        values.append((part / origin.unit)[known])
    index, values = torch.cat(index), torch.cat(values)
    numbers = numbers.clone()
    numbers[index] = values
    if (numbers[index] - values).abs().max() > EQUAL * values.abs().max():
        raise Immovable(say("one parameter would need two values: it is shared"))
    return numbers


def head_order(source: Attention, target: Attention) -> Tensor:
    """(H,) the head of the source for each of the target: who shares keys stays together."""
    order = torch.arange(target.heads)
    if source.heads == target.heads:
        order[_by_sharing(target)] = _by_sharing(source)
    return order


def _by_sharing(attention):
    """Heads, those first that share the keys of the first, in their order."""
    rows = torch.cat([attention.origins[name].index.flatten(1) for name in ("key", "value")], 1)
    first = (rows[:, None] == rows).all(-1).int().argmax(1)  # the first head with the same
    return first.argsort(stable=True)
