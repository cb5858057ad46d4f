"""Products of parameters written: each factor in turn by least squares, the others held.

A part that is a product of matrices is linear in each of them alone. Two factors are right after
one round, if there is anything that they can be: the first takes the directions of what is
wanted, the second all that remains. What comes out is judged by outputs.
"""

from math import prod

import torch
from torch import Tensor

from attnlib.course.compare.moving.ranks import check_ranks
from attnlib.course.compare.reading.factors import (
    Factor,
    answering,
    composites,
    drawn,
    factors,
)
from attnlib.course.compare.reading.labels import fill, flat
from attnlib.course.compare.reading.parts import parts_again

ROUNDS = 3
REACHED = 1e-12  # relative to the largest entry


def solved(numbers: Tensor, target, wanted: list[dict[str, Tensor]]) -> Tensor:
    """All parameters of the target, those that parts are products of found anew.

    Args:
        target: a Reading.
        wanted: for each of its attentions the parts that it shall have.
    Raises:
        Immovable: no numbers can do it, as the product is too narrow.
    """
    if not target.folded:
        return numbers
    module, attentions = target.call.module, target.attentions
    kept, known = flat(module), target.known
    try:
        fill(module, drawn(len(kept)))
        for free, parts in zip(parts_again(known, attentions), wanted, strict=True):
            check_ranks(free, parts)
        return _found(numbers, target, answering(known, attentions), composites(wanted, attentions))
    finally:
        fill(module, kept)


def _found(numbers, target, answer, goal):
    start = drawn(len(numbers))
    for each in (made := factors(target, answer, start)):
        numbers = each.filled(numbers, each.values(start))
    for _ in range(ROUNDS):
        for each in made:
            numbers = each.filled(numbers, _least_squares(each, numbers, answer, goal))
        if (answer(numbers) - goal).abs().max() <= REACHED * goal.abs().max():
            break
    return numbers


def _least_squares(factor: Factor, numbers: Tensor, answer, goal: Tensor) -> Tensor:
    """The values of one factor that bring the entries as near to the goal as they can come."""
    sizes = [size if axis in factor.summed else 1 for axis, size in enumerate(factor.shape)]
    count, zeros = prod(sizes), torch.zeros(factor.shape).double()
    nothing = answer(factor.filled(numbers, zeros))
    each = torch.eye(count).double().view(count, *sizes)
    columns = [answer(factor.filled(numbers, one)) - nothing for one in each]
    system, rest = torch.stack(columns, 1), (goal - nothing)[:, None]
    axes = [axis for axis in range(len(factor.shape)) if axis not in factor.summed]
    order = (*axes, *factor.summed)
    values = torch.zeros([factor.shape[axis] for axis in order]).double()
    rows = values.view(-1, count)  # a row for each place along the axes that are not summed over
    for place in factor.group.unique():
        if place >= 0:
            at = factor.group == place
            found = torch.linalg.lstsq(system[at], rest[at], driver="gelsd").solution
            rows[place] = found[:, 0]
    return values.permute(torch.tensor(order).argsort().tolist())
