"""Verdicts on simulated differences whose truth is known: right as often as promised."""

import numpy as np
import pytest

from attnlib.course.experiments.study.contrasts import CONTRASTS
from attnlib.course.experiments.study.findings import findings
from attnlib.course.experiments.study.statistics import (
    ALPHA,
    BOUND,
    EFFECT,
    SMALLER,
    UNDECIDED,
    estimate,
    holm,
    smallest_found,
    verdict,
)

from .simulated import results

SEEDS, FAMILY = 20, 6
MANY = 400  # families, or contrasts


def at_most(share, wanted, count):
    """Whether a share of `count` may have come of a probability `wanted`: three deviations."""
    return share <= wanted + 3 * (wanted * (1 - wanted) / count) ** 0.5


def verdicts(differences):
    """(family, seeds) -> the verdicts of a family."""
    each = [estimate(row) for row in differences]
    corrected = zip(holm([e.p for e in each]), holm([e.p_within for e in each]), strict=True)
    return [verdict(*both) for both in corrected]


@pytest.fixture(scope="module")
def noise():
    """(families, contrasts, seeds): no contrast of a family is independent of the others."""
    random = np.random.default_rng(11)
    own = random.normal(size=(MANY, FAMILY, SEEDS))
    return (own + random.normal(size=(MANY, 1, SEEDS))) / 2**0.5


def test_an_interval_holds_the_truth_in_95_of_100(noise):
    each = [estimate(3 + 2 * row) for row in noise[:, 0]]
    held = np.mean([e.low <= 3 <= e.high for e in each])
    assert at_most(1 - held, ALPHA, MANY) and at_most(held, 1 - ALPHA, MANY)


def test_where_nothing_is_there_few_families_hold_an_effect(noise):
    wrong = np.mean([EFFECT in verdicts(4 * family) for family in noise])
    assert at_most(wrong, ALPHA, MANY)


def test_without_the_correction_far_more_would(noise):
    wrong = np.mean([min(estimate(4 * row).p for row in family) < ALPHA for family in noise])
    assert wrong > 2 * ALPHA


def test_at_the_bound_few_families_hold_one_that_is_called_smaller(noise):
    wrong = np.mean([SMALLER in verdicts(BOUND + family) for family in noise])
    assert at_most(wrong, ALPHA, MANY)


def test_what_is_smaller_is_said_to_be_where_the_seeds_suffice(noise):
    sure = [verdicts(0.1 + family * 0.5).count(SMALLER) for family in noise[:100]]
    assert np.mean(sure) > 0.95 * FAMILY
    unsure = [verdicts(0.1 + family * 5).count(UNDECIDED) for family in noise[:100]]
    assert np.mean(unsure) > 0.9 * FAMILY


def test_the_smallest_difference_is_found_as_often_as_is_said(noise):
    shift = smallest_found(2.0, SEEDS)
    found = np.mean([estimate(shift + 2 * row).p < ALPHA for row in noise[:, 0]])
    assert abs(found - 0.8) < 3 * (0.8 * 0.2 / MANY) ** 0.5
    assert smallest_found(2.0, SEEDS, listed=24) > shift > smallest_found(2.0, 35)


def test_holm_as_in_its_paper():
    assert holm([0.01, 0.04, 0.03]) == pytest.approx([0.03, 0.06, 0.06])
    assert holm([0.5, 0.9]) == [1.0, 1.0]
    assert holm([]) == []


def test_what_has_not_been_run_takes_no_verdict_back():
    few = holm([0.01, 0.002], listed=5)
    assert few == pytest.approx([0.04, 0.01])
    for later in (1e-9, 0.02, 0.9):
        more = holm([0.01, 0.002, later], listed=5)
        assert all(new <= old for new, old in zip(more, few, strict=False))


def test_seeds_that_all_agree():
    same, off = estimate([0.0] * 5), estimate([1.5] * 5)
    assert verdict(same.p, same.p_within) == SMALLER and (same.low, same.high) == (0, 0)
    assert verdict(off.p, off.p_within) == EFFECT


def test_one_seed_says_nothing():
    with pytest.raises(ValueError, match=r"two or more seeds, got shape \(1,\)"):
        estimate([1.0])


# findings


LOCAL = [each for each in CONTRASTS if (each.task, each.budget) == ("local", 1)]
SCALE = [each for each in LOCAL if each.question == "scale"]


def scale_matters_with_xavier(cell):
    return 75 - 9 * ("| 1 | Xavier" in cell.setting)


def test_a_planted_interaction_is_found_and_no_other():
    found = findings(results(LOCAL, scale_matters_with_xavier), LOCAL)
    for finding in found.values():
        contrast = finding.contrast
        if contrast.question == "scale":
            there = contrast.interaction or "Xavier" in contrast.where
            assert (finding.verdict == EFFECT) == there
            assert finding.estimate.mean == pytest.approx(there * 9 * finding_sign(contrast), abs=1)
        elif contrast.question in ("fusion", "biases", "positions"):
            assert finding.verdict != EFFECT


def finding_sign(contrast):
    return 1 if contrast.interaction else -1


def test_pairing_takes_out_what_seeds_share():
    """Each seed shifts all cells by five points or so; a contrast does not feel it."""
    for finding in findings(results(SCALE), SCALE).values():
        assert finding.estimate.sd < 2.5


def test_a_contrast_has_no_finding_before_all_its_seeds():
    stored = results(SCALE)
    whole = findings(stored, SCALE)
    assert set(whole) == {each.key for each in SCALE}
    last = stored.runs[-1]
    last["seeds"], last["accuracies"] = last["seeds"][:-1], last["accuracies"][:-1]
    partly = findings(stored, SCALE)
    assert 0 < len(partly) < len(whole)
    assert all(partly[key].verdict in (whole[key].verdict, UNDECIDED) for key in partly)


def test_more_seeds_than_planned_are_not_looked_at():
    stored = results(SCALE)
    before = findings(stored, SCALE)
    run = stored.runs[-1]
    run["seeds"].append(50)
    run["accuracies"].append(0.0)
    assert findings(stored, SCALE) == before


@pytest.mark.parametrize(("truth", "sees"), [(50.5, False), (75, True), (99.5, False)])
def test_nothing_is_called_smaller_at_chance_or_at_the_ceiling(truth, sees):
    stored = results(SCALE, lambda cell: truth, sd=0.1)
    for run in stored.runs:
        run["accuracies"] = [
            truth / 100 + 1e-4 * (place % 3) for place, _ in enumerate(run["seeds"])
        ]
    verdicts_ = {finding.verdict for finding in findings(stored, SCALE).values()}
    assert verdicts_ == {SMALLER if sees else UNDECIDED}
