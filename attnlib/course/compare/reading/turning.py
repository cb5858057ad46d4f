"""Positions in q and k: a matrix at each place, relative to the first."""

from typing import NamedTuple

import torch
from torch import Tensor

from attnlib.course.compare.calling.unreadable import Unreadable
from attnlib.course.compare.reading.linear import Linear
from attnlib.course.language import say

SAME = 1e-8


class Still(NamedTuple):
    """matrix and bias of the first token, and how each place turns them: None for not at all."""

    matrix: Tensor  # (H, D, C)
    bias: Tensor  # (H, D)
    turn: Tensor | None  # (H, L, D, D)


def is_still(part: Linear) -> bool:
    """Whether all positions have one matrix and one bias."""
    return all(map(is_same, part))


def is_same(part: Tensor) -> bool:
    """Whether it, (H, L, …), is the same at all positions."""
    return bool((part - part[:, :1]).abs().max() <= SAME * _size(part))


def still(part: Linear) -> Still:
    """The positions taken out; else Unreadable."""
    matrix, bias = part.matrix[:, 0], part.bias[:, 0]
    if is_still(part):
        return Still(matrix, bias, None)
    turn = part.matrix @ torch.linalg.pinv(matrix)[:, None]  # (H, L, D, D)
    told = turn @ matrix[:, None], torch.einsum("hlde,he->hld", turn, bias)
    for each, seen in zip(told, part, strict=True):
        if not (each - seen).abs().max() <= 1e-6 * _size(seen):
            raise Unreadable(say("positions enter by more than a turn of each head's rows"))
    return Still(matrix, bias, turn)


def _size(each):
    return each.abs().max().clamp(min=1e-30)
