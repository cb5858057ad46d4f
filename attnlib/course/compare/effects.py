"""How far each dial moves the output, alone and last, and why shares of it mislead."""

from collections.abc import Iterable, Mapping
from itertools import combinations
from math import comb

import torch
from torch import Tensor

from attnlib.course.compare.dials import (
    NEST,
    PGLSUM,
    VALUES,
    attend,
    dead,
    sample_parameters,
    turned,
    undo_notation,
)
from attnlib.course.compare.difference import relative_difference

SEEDS = range(20)


def distance(x: Tensor, seed: int, dials: Mapping, other: Mapping, notation: bool = False) -> float:
    """The relative difference of two settings with the parameters of one seed.

    Args:
        x: (L, C), float64, C divisible by 24 and by 4 groups of 4 heads: 48, 96, ….
        notation: whether differences that are only notation count too; else they are undone.
    """
    parameters = sample_parameters(seed, x.shape[-1])

    def output(setting):
        rewritten = parameters if notation else undo_notation(parameters, setting)
        return attend(x, rewritten, setting)[0]

    return relative_difference(output(dials), output(other))


def turned_alone(x: Tensor, seeds: Iterable[int] = SEEDS, notation: bool = False) -> dict:
    """Dial -> (seeds,) the distance from `NEST` when it alone is turned to PGL-SUM's side."""
    seeds = tuple(seeds)
    return {
        name: _distances(x, seeds, turned(NEST, **{name: PGLSUM[name]}), NEST, notation)
        for name in VALUES
        if name not in dead(turned(NEST, **{name: PGLSUM[name]}))
    }


def all_but_one(x: Tensor, seeds: Iterable[int] = SEEDS, notation: bool = False) -> dict:
    """Dial -> (seeds,) the distance from `PGLSUM` when all but this one are turned to it."""
    seeds = tuple(seeds)
    return {
        name: _distances(x, seeds, turned(PGLSUM, **{name: NEST[name]}), PGLSUM, notation)
        for name in VALUES
        if name not in dead(PGLSUM)
    }


def repaired(x: Tensor, order: Iterable[str], seed: int) -> list[float]:
    """The distance to `NEST` after each step, turning dials back from `PGLSUM` one by one."""
    order, dials = _known(order), turned(PGLSUM)
    found = [distance(x, seed, dials, NEST)]
    for name in order:
        dials = turned(dials, **{name: NEST[name]})
        found.append(distance(x, seed, dials, NEST))
    return found


def sensitivity(x: Tensor, names: Iterable[str], seeds: Iterable[int] = range(3)) -> dict:
    """Shapley shares of the distance from `NEST`: dial -> (seeds,), summing to the whole distance.

    A dial's share is what it adds to the distance when turned, averaged over all orders in which
    the dials can be turned: exact, from all 2ⁿ settings of n dials. It is the sensitivity of this
    number at these parameters, and no cause: another measure or other parameters share otherwise,
    a share may be negative, and a dial may have one while its function is the same.
    """
    names = _known(names)
    shares = {name: [] for name in names}
    for seed in seeds:
        value = {
            subset: distance(x, seed, turned(NEST, **{n: PGLSUM[n] for n in subset}), NEST, True)
            for size in range(len(names) + 1)
            for subset in combinations(names, size)
        }
        for name in names:
            shares[name].append(_share(name, names, value))
    return {name: torch.tensor(each, dtype=torch.float64) for name, each in shares.items()}


def _distances(x, seeds, dials, other, notation):
    found = [distance(x, seed, dials, other, notation) for seed in seeds]
    return torch.tensor(found, dtype=torch.float64)


def _known(names):
    """The names once each, or `turned`'s error for one that is unknown."""
    names = tuple(dict.fromkeys(names))
    turned({name: NEST.get(name) for name in names})
    return names


def _share(name, names, value):
    others = [other for other in names if other != name]
    total = 0.0
    for size in range(len(names)):
        for subset in combinations(others, size):
            joined = tuple(n for n in names if n in subset or n == name)
            weight = 1 / (len(names) * comb(len(others), size))
            total += weight * (value[joined] - value[subset])
    return total
