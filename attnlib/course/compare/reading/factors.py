"""Parameters that parts are products of: which they are, and how an entry is made of each."""

from collections.abc import Callable, Sequence
from math import prod
from typing import NamedTuple

import torch
from torch import Tensor

from attnlib.course.compare.reading.attention import PARTS, Attention
from attnlib.course.compare.reading.ends import Known
from attnlib.course.compare.reading.labels import fill, flat, places
from attnlib.course.compare.reading.parts import inputs_again, parts_again

NEAR = 1e-6  # relative to the largest entry
MANY = 1024  # numbers that one entry may be a sum over


class Factor(NamedTuple):
    """One parameter, and the entries (E,) that are sums over some of its axes, each at one place.

    `group` (E,): the place along the axes that are not summed over, counted in one number; -1 for
    an entry that the parameter has no part in.
    """

    start: int  # its first number among all
    shape: tuple[int, ...]
    free: Tensor  # of its shape: False for what stands alone in some part
    summed: tuple[int, ...]  # axes
    group: Tensor

    def filled(self, numbers: Tensor, values: Tensor) -> Tensor:
        """All parameters, with these values for what of it is free: a copy."""
        numbers, size = numbers.clone(), prod(self.shape)
        before = numbers[self.start : self.start + size].view(self.shape)
        numbers[self.start : self.start + size] = torch.where(self.free, values, before).flatten()
        return numbers

    def values(self, numbers: Tensor) -> Tensor:
        """Its own, of all parameters."""
        return numbers[self.start : self.start + prod(self.shape)].view(self.shape)


def met(attentions: Sequence[Attention], but: tuple[str, ...] = ()) -> Tensor:
    """Labels of the parameters that stand alone in some part, but for the parts named."""
    known = [
        origin.index.flatten()
        for each in attentions
        for name, origin in each.origins.items()
        if name not in but
    ]
    return torch.cat(known or [torch.tensor([-1])])


def composites(parts: list[dict[str, Tensor]], attentions: Sequence[Attention]) -> Tensor:
    """The entries that are made of several parameters, one behind the other."""
    return torch.cat(
        [torch.zeros(0).double()]
        + [
            its[name][each.origins[name].index < 0]
            for its, each in zip(parts, attentions, strict=True)
            for name in PARTS
            if name in each.origins and each.origins[name].composite
        ]
    )


def answering(known: Known, attentions: Sequence[Attention]) -> Callable[[Tensor], Tensor]:
    """All parameters -> the entries that are made of several."""
    behind = any(
        name in each.origins and each.origins[name].composite
        for each in attentions
        for name in ("out", "out_bias")
    )
    again = parts_again if behind else inputs_again

    def answer(numbers):
        fill(known.sight.call.module, numbers)
        return composites(again(known, attentions), attentions)

    return answer


def folded(known: Known, attentions: Sequence[Attention]) -> tuple[str, ...]:
    """Names of the parameters of which some numbers stand alone in no part, but in a product."""
    module = known.sight.call.module
    if not any(origin.composite for each in attentions for origin in each.origins.values()):
        return ()
    kept, answer = flat(module), answering(known, attentions)
    numbers, free = drawn(len(kept)), _free(module, attentions)
    try:
        before = answer(numbers)
        return tuple(
            name
            for name, (start, shape) in places(module).items()
            if not _near(answer(_zeroed(numbers, start, shape, free)), before)
        )
    finally:
        fill(module, kept)


def factors(reading, answer, numbers: Tensor) -> list[Factor]:
    """How the entries are made of each parameter that is folded, told at random numbers."""
    module = reading.call.module
    where, free = places(module), _free(module, reading.attentions)
    found = [_factor(answer, numbers, *where[name], free) for name in reading.folded]
    return [each for each in found if each]


def _free(module, attentions):
    """(count of all parameters,) bool: what stands alone in no part."""
    labels, free = met(attentions), torch.ones(len(flat(module)), dtype=torch.bool)
    free[labels[labels >= 0]] = False
    return free


def drawn(count: int) -> Tensor:
    """Random numbers for all parameters."""
    generator = torch.Generator().manual_seed(6)
    return torch.randn(count, generator=generator, dtype=torch.float64)


def _factor(answer, numbers, start, shape, free):
    """None if the entries are not affine in it, or are sums over too many of its numbers.

    Along each axis it is multiplied by 1, 2, 3, …: an entry that is multiplied by n is at the n-th
    place of it; one that is multiplied by no whole number is a sum over the axis.
    """
    free = free[start : start + prod(shape)].view(shape)
    one = Factor(start, shape, free, (), torch.tensor([]))
    values = one.values(numbers)
    nothing = answer(one.filled(numbers, torch.zeros(shape).double()))
    response = answer(numbers) - nothing
    if not _near(answer(one.filled(numbers, 2 * values)) - nothing, 2 * response):
        return None
    touched = response.abs() > NEAR * response.abs().max()
    group, summed = torch.zeros(len(response), dtype=torch.long), []
    for axis, size in enumerate(shape):
        labels = torch.arange(1, size + 1).double().view(-1, *[1] * (len(shape) - axis - 1))
        told = (answer(one.filled(numbers, labels * values)) - nothing)[touched] / response[touched]
        place = told.round()
        if not ((told - place).abs() <= NEAR).all() or not _within(place, size):
            summed.append(axis)
            continue
        group *= size
        group[touched] += place.long() - 1
    if prod(shape[axis] for axis in summed) > MANY:
        return None
    return one._replace(summed=tuple(summed), group=torch.where(touched, group, -1))


def _zeroed(numbers, start, shape, free):
    mine = torch.zeros_like(free)
    mine[start : start + prod(shape)] = True
    return torch.where(mine & free, 0.0, numbers)


def _within(place, size):
    return bool(((place >= 1) & (place <= size)).all())


def _near(one, other):
    return bool((one - other).abs().max() <= NEAR * other.abs().max())
