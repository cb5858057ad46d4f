"""What the weights are made of: scale · q kᵀ + a table, over which axis, and who sees whom."""

from typing import NamedTuple

import torch
from torch import Tensor

from attnlib.course.compare.calling.unreadable import Unreadable
from attnlib.course.compare.reading.linear import EXACT
from attnlib.course.compare.seeing.spy import Operands
from attnlib.course.language import say

AXES = {"keys": -1, "queries": -2, "heads": 0}  # of (H, B, L, L)
ONE = 1e-5  # how far from 1 a sum of weights may be


class Scoring(NamedTuple):
    """`axis`: over what the weights sum to 1, "keys" as it should be, "queries" or "heads"."""

    scale: float
    axis: str
    seen: Tensor  # (H, L, L) bool
    table: Tensor  # (H, L, L), each sum of weights its own zero: its mean is 0; 0 where not seen


def scoring(one: Operands, other: Operands) -> Scoring:
    """From two draws of x."""
    axis = _axis(one.weights)
    seen = (one.weights > 0).any(1)
    if any(((each.weights > 0) != seen[:, None]).any() for each in (one, other)):
        raise Unreadable(say("who sees whom depends on x"))
    drawn = [_scores(each, seen, axis) for each in (one, other)]
    (scores, products), (scores2, products2) = drawn
    change, moved = (scores - scores2), (products - products2)
    scale = (change * moved).sum() / moved.square().sum()
    if not (change - scale * moved).abs().max() <= EXACT * (1 + scores.abs().max()):
        raise Unreadable(
            say("the scores are not scale · q·k and a table: a cap, a norm, or more terms")
        )
    table = scores - scale * products
    return Scoring(scale.item(), axis, seen, table.mean(1))


def _axis(weights):
    for name, axis in AXES.items():
        sums = weights.sum(axis)
        if (((sums - 1).abs() <= ONE) | (sums == 0)).all():  # who sees nobody has no weights
            return name
    raise Unreadable(
        say(
            "the weights of all tokens sum to 1 over no axis: they are changed after the softmax, "
            "or a part falls on what is no token"
        )
    )


def log_weights(operands: Operands, seen: Tensor, axis: str) -> Tensor:
    """(H, B, L, L), centred: the scores, up to what a softmax ignores."""
    return centred(operands.weights.log(), seen[:, None], axis)


def centred(scores: Tensor, seen: Tensor, axis: str) -> Tensor:
    """Each sum of weights its own zero: the mean of what is seen; 0 where nothing is."""
    scores = torch.where(seen, scores, 0.0)
    count = seen.sum(AXES[axis], keepdim=True).clamp(min=1)
    return torch.where(seen, scores - scores.sum(AXES[axis], keepdim=True) / count, 0.0)


def _scores(operands, seen, axis):
    """(scores, q·k), both (H, B, L, L), up to what a softmax over the axis ignores."""
    products = centred(operands.query @ operands.key.mT, seen[:, None], axis)
    return log_weights(operands, seen, axis), products
