"""From the differences of seeds to one of three verdicts.

Two questions are put to each contrast: is its effect other than 0 (a paired t test), and does it
lie within ±1 point (two one-sided t tests, TOST)? In each family, Holm corrects the answers to the
first and to the second. What gets neither yes is undecided, which is not "no difference".
"""

import math
from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike
from scipy import optimize, stats

from attnlib.course.language import N_

ALPHA = 0.05  # of each family, for each of the two questions
BOUND = 1.0  # points: what is surely smaller does not matter here
POWER = 0.8

EFFECT, SMALLER, UNDECIDED = N_("effect"), N_("smaller than the bound"), N_("undecided")


class Estimate(NamedTuple):
    """The mean of paired differences, in points, and what is sure of it.

    Attributes:
        low, high: the 95 % interval of this one contrast, not corrected for its family.
        p: that a mean at least as far from 0 comes out if the true one is 0.
        p_within: that it lies as far inside ±bound if the true one is at the bound, or outside.
    """

    mean: float
    low: float
    high: float
    sd: float
    seeds: int
    p: float
    p_within: float


def estimate(differences: ArrayLike, bound: float = BOUND) -> Estimate:
    """What the differences of two or more seeds say.

    Raises ValueError for fewer.
    """
    values = np.asarray(differences, dtype=float)
    if values.ndim != 1 or len(values) < 2:
        raise ValueError(f"differences must be of two or more seeds, got shape {values.shape}")
    mean, sd = values.mean(), values.std(ddof=1)
    if sd == 0:  # the t distribution has nothing to say: all seeds agree, to the last digit
        same, within = float(mean == 0), float(abs(mean) >= bound)
        return Estimate(mean, mean, mean, 0.0, len(values), same, within)
    test = stats.ttest_1samp(values, 0.0)
    low, high = test.confidence_interval(1 - ALPHA)
    above = stats.ttest_1samp(values, -bound, alternative="greater").pvalue
    below = stats.ttest_1samp(values, bound, alternative="less").pvalue
    return Estimate(mean, low, high, sd, len(values), test.pvalue, max(above, below))


def holm(probabilities: list[float], listed: int | None = None) -> list[float]:
    """Corrected for all being asked at once, in their order (Holm 1979); SciPy has no Holm.

    Args:
        listed: how many are asked in all, where some are not yet answered. They count as if they
            came out last: an answer that comes later takes back none that was given.
    """
    listed = len(probabilities) if listed is None else listed
    corrected, highest = [0.0] * len(probabilities), 0.0
    for rank, place in enumerate(np.argsort(probabilities, kind="stable")):
        highest = max(highest, min(1.0, (listed - rank) * probabilities[place]))
        corrected[place] = highest
    return corrected


def verdict(p: float, p_within: float) -> str:
    """Of the corrected two. What is surely within the bound is that, be it surely not 0 as well."""
    if p_within < ALPHA:
        return SMALLER
    return EFFECT if p < ALPHA else UNDECIDED


def smallest_found(sd: float, seeds: int, listed: int = 1) -> float:
    """The true difference that comes out as an effect with 80 %.

    Args:
        sd: of the differences of seeds.
        listed: in the family. Its first contrast must pass the strictest level, α / listed: that is
            meant here.
    """
    wanted = stats.t.isf(ALPHA / listed / 2, seeds - 1)
    missed = lambda shift: stats.nct.cdf(wanted, seeds - 1, shift) - (1 - POWER)
    shift = optimize.brentq(missed, 0, wanted + 20)
    return shift * sd / math.sqrt(seeds)
