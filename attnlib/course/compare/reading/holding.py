"""Attentions with other numbers in their parameters, told from where these go: nothing is run.

What a module holds after training may be so large that a softmax rounds weights to 0. So it is read
with random numbers, and those that it holds are put in their places.
"""

from collections.abc import Sequence
from dataclasses import replace

import torch
from torch import Tensor

from attnlib.course.compare.reading.attention import PARTS, Attention
from attnlib.course.compare.reading.labels import fill, flat
from attnlib.course.compare.reading.read import Reading, read
from attnlib.course.compare.reading.scoring import centred


def holding(reading: Reading, numbers: Tensor) -> list[Attention]:
    """Its attentions if the parameters, laid one behind the other, were these."""
    if not any(each.composite for its in reading.attentions for each in its.origins.values()):
        return placed(reading.attentions, numbers)
    kept = flat(reading.call.module)
    fill(reading.call.module, numbers)
    try:
        return list(read(reading.call, like=reading).attentions)
    finally:
        fill(reading.call.module, kept)


def placed(attentions: Sequence[Attention], numbers: Tensor) -> list[Attention]:
    """The same of parts whose entries stand alone; others get random numbers."""
    return [replace(each, **_parts(each, numbers)) for each in attentions]


def _parts(attention, numbers):
    told = {}
    for name, origin in attention.origins.items():
        if name in PARTS:
            part = getattr(attention, name)
            rest = torch.randn_like(part) if origin.composite else part
            its = origin.unit * numbers[origin.index.clamp(min=0)]
            told[name] = torch.where(origin.index >= 0, its, rest)
        elif name == "table":
            table = origin.unit * numbers[origin.index.clamp(min=0)]
            told[name] = centred(table, attention.seen, attention.axis)
    return told
