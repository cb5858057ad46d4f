"""What shows the best of many tries where there is nothing to find."""

from typing import NamedTuple

import numpy as np
from scipy import stats

from attnlib.course.experiments.fusions.trial import FOUR
from attnlib.course.experiments.study.results import accuracies, load
from attnlib.course.experiments.study.statistics import ALPHA


class Chance(NamedTuple):
    """Of many worlds in which all fusions that are tried do, on average, exactly as add does.

    Attributes:
        lead: points by which the best one is ahead of add, on average over the worlds.
        alone: the share of worlds with an "effect", each comparison tested for itself.
        corrected: the same, after Holm over all of them.
    """

    lead: float
    alone: float
    corrected: float


def by_chance(tried: int, seeds: int = 5, worlds: int = 10_000) -> Chance:
    """Try fusions that are no better than add, and no worse, against add.

    From seed to seed each differs from add as widely as the stored max does, by normal numbers.
    """
    points = accuracies(load())
    add, other = (points[FOUR[name]] for name in ("add", "max"))
    spread = np.std([other[seed] - add[seed] for seed in add], ddof=1)
    drawn = np.random.default_rng(0).normal(0.0, spread, (worlds, tried, seeds))
    smallest = stats.ttest_1samp(drawn, 0.0, axis=-1).pvalue.min(-1)
    return Chance(
        drawn.mean(-1).max(-1).mean(),
        (smallest < ALPHA).mean(),
        (smallest * tried < ALPHA).mean(),  # the first that Holm asks; if it fails, all fail
    )
