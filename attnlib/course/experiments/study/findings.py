"""What came out: an estimate and a verdict for every contrast that has been run."""

from collections.abc import Iterable, Mapping
from typing import NamedTuple

from attnlib.course.experiments.study.contrasts import CONTRASTS, Contrast
from attnlib.course.experiments.study.design import Cell
from attnlib.course.experiments.study.results import Results, accuracies
from attnlib.course.experiments.study.statistics import (
    Estimate,
    estimate,
    holm,
    smallest_found,
    verdict,
)
from attnlib.course.experiments.study.tasks import TASKS

NEAR_CHANCE, NEAR_ALL = 5.0, 98.0  # points above guessing; points


class Finding(NamedTuple):
    """A contrast, and what is sure of it.

    Attributes:
        verdict: after Holm in its family. Where all cells do no better than guessing, or all but
            everything, "smaller than the bound" would only say that nothing could be seen there:
            it is not given.
        smallest: the true difference that would be found with 80 %.
        before, after: the accuracies that the effect lies between, in points; None where the
            contrast is a difference of differences.
    """

    contrast: Contrast
    estimate: Estimate
    verdict: str
    smallest: float
    before: float | None = None
    after: float | None = None


def findings(results: Results, contrasts: Iterable[Contrast] = CONTRASTS) -> dict[str, Finding]:
    """Key of a contrast -> its finding. What has not all of its planned seeds is not there."""
    contrasts, points = tuple(contrasts), accuracies(results)
    families = {}
    for contrast in contrasts:
        families.setdefault(contrast.family, []).append(contrast)
    found = {}
    for family in families.values():
        found |= _verdicts(family, points)
    return {each.key: found[each.key] for each in contrasts if each.key in found}


def complete(contrast: Contrast, points: Mapping[Cell, Mapping[int, float]]) -> bool:
    """Whether all planned seeds of all its cells have been run."""
    wanted = set(range(contrast.seeds))
    return all(wanted <= set(points.get(cell, ())) for _, cell in contrast.terms)


def differences(contrast: Contrast, points: Mapping[Cell, Mapping[int, float]]) -> list[float]:
    """The contrast with each planned seed: its cells have the draws of that seed in common."""
    return [
        sum(weight * points[cell][seed] for weight, cell in contrast.terms)
        for seed in range(contrast.seeds)
    ]


def _verdicts(family, points):
    run = [contrast for contrast in family if complete(contrast, points)]
    estimates = [estimate(differences(contrast, points)) for contrast in run]
    corrected = holm([each.p for each in estimates], len(family))
    within = holm([each.p_within for each in estimates], len(family))
    found = {}
    for contrast, each, p, p_within in zip(run, estimates, corrected, within, strict=True):
        said = verdict(p, 1.0 if _nothing_to_see(contrast, points) else p_within)
        smallest = smallest_found(each.sd, each.seeds, len(family))
        ends = (None, None) if contrast.interaction else _ends(contrast, points)
        found[contrast.key] = Finding(contrast, each, said, smallest, *ends)
    return found


def _ends(contrast, points):
    """The mean accuracies of the cells that count against, and of those that count for."""
    sums = {-1: 0.0, 1: 0.0}
    for weight, cell in contrast.terms:
        share = sum(points[cell][seed] for seed in range(contrast.seeds)) / contrast.seeds
        sums[1 if weight > 0 else -1] += abs(weight) * share
    return sums[-1], sums[1]


def _nothing_to_see(contrast, points):
    means = [sum(points[cell].values()) / len(points[cell]) for _, cell in contrast.terms]
    floor = 100 * TASKS[contrast.task].chance + NEAR_CHANCE
    return max(means) < floor or min(means) > NEAR_ALL
