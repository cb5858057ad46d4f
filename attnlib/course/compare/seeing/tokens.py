"""Which token each row of a tensor is made of, seen from what changes when tokens change."""

from collections.abc import Callable

import torch
from torch import Tensor

NONE, SEVERAL = -1, -2
SEED = 50_261  # of the changes; x is drawn with other seeds


def tokens_of(rows: Callable[[Tensor], list[Tensor]], x: Tensor) -> list[Tensor]:
    """For each tensor (…, D) that `rows` gives for x (B, L, C): (…), b·L + l, NONE or SEVERAL.

    Each token has a number, and each bit of it says in which of the runs the token is changed.
    Every bit has a run for 1 and one for 0: who depends on one token changes in one of the two,
    who depends on two tokens that differ in the bit changes in both.
    """
    batch, length, _ = x.shape
    number = torch.arange(batch * length).view(batch, length, 1)
    drawn = torch.Generator().manual_seed(SEED)
    other = torch.randn(x.shape, generator=drawn, dtype=x.dtype)
    before = rows(x)
    bits = max(1, (batch * length - 1).bit_length())
    found = [torch.zeros(each.shape[:-1], dtype=torch.long) for each in before]
    several = [torch.zeros(each.shape[:-1], dtype=torch.bool) for each in before]
    none = [~each for each in several]
    for bit in range(bits):
        chosen = (number >> bit) & 1 == 1
        ones = _changes(rows(torch.where(chosen, other, x)), before)
        zeros = _changes(rows(torch.where(chosen, x, other)), before)
        for place, (one, zero) in enumerate(zip(ones, zeros, strict=True)):
            found[place] += one.long() << bit
            several[place] |= one & zero
            none[place] &= ~one & ~zero
    return [
        each.masked_fill(many, SEVERAL).masked_fill(no, NONE)
        for each, many, no in zip(found, several, none, strict=True)
    ]


def _changes(after, before):
    return [(one != other).any(-1) for one, other in zip(after, before, strict=True)]
