"""The check takes its solution, refuses its stub, and names the known wrong answers."""

import numpy as np
import pytest
import torch

from attnlib.course.experiments.study.findings import findings
from attnlib.course.experiments.study.results import load
from attnlib.course.lessons import exercise
from attnlib.course.lessons.does_it_matter.exercises import paired_difference
from attnlib.course.lessons.does_it_matter.seeds import right

KEY = "does_it_matter.paired_difference"


def spread(found):
    """The right mean, and found(ours, others) beside it."""
    return lambda ours, others: ((ours - others).mean(), found(ours, others))


WRONG = {
    "Not written yet": lambda ours, others: None,
    "The sign is the wrong way": lambda ours, others: (
        (others - ours).mean(),
        (others - ours).std(),
    ),
    "nothing to do with each other": spread(
        lambda ours, others: torch.hypot(ours.std(), others.std())
    ),
    "two groups that have": spread(
        lambda ours, others: ((ours.var() + others.var()) / 2).sqrt()  # pooled
    ),
    "of two groups": spread(
        lambda ours, others: torch.hypot(ours.std(), others.std()) / len(ours) ** 0.5
    ),
    "mean of the two spreads": spread(lambda ours, others: (ours.std() + others.std()) / 2),
    "of all numbers of both": spread(lambda ours, others: torch.cat([others, ours]).std()),
    "Those are the two means": lambda ours, others: (ours.mean(), others.mean()),
    "half a 95 % interval": spread(
        lambda ours, others: 1.96 * (ours - others).std() / len(ours) ** 0.5
    ),
    "The mean is not subtracted": spread(lambda ours, others: ((ours - others) ** 2).mean() ** 0.5),
    "mean distance from the mean": spread(
        lambda ours, others: (ours - others - (ours - others).mean()).abs().mean()
    ),
    "That is the sum": lambda ours, others: ((ours - others).sum(), (ours - others).std()),
    "The sign of the mean is lost": lambda ours, others: (
        (ours - others).mean().abs(),
        (ours - others).std(),
    ),
    "The signs are lost in the mean": lambda ours, others: (
        (ours - others).abs().mean(),
        (ours - others).std(),
    ),
    "The two spreads were added": spread(lambda ours, others: ours.std() + others.std()),
    "The two spreads were subtracted": spread(lambda ours, others: ours.std() - others.std()),
    "spread of ours alone": spread(lambda ours, others: ours.std()),
    "spread of others alone": spread(lambda ours, others: others.std()),
    "is divided by n. The study divides by n − 1": spread(
        lambda ours, others: float(np.std((ours - others).numpy()))
    ),
    "That is the variance": spread(lambda ours, others: (ours - others).var()),
    "Divided by √n": spread(lambda ours, others: (ours - others).std() / len(ours) ** 0.5),
    "That is the range": spread(lambda ours, others: np.ptp((ours - others).numpy()).item()),
    "The signs are lost": lambda ours, others: (
        (ours - others).abs().mean(),
        (ours - others).abs().std(),
    ),
    "That is the median": lambda ours, others: (
        (ours - others).median(),
        (ours - others).std(),
    ),
    "The mean comes first": lambda ours, others: ((ours - others).std(), (ours - others).mean()),
    "lost their partners": lambda ours, others: paired_difference(ours.sort()[0], others.sort()[0]),
    "Every seed was compared with every other": lambda ours, others: (
        (ours[:, None] - others).mean(),
        (ours[:, None] - others).std(),
    ),
    "Those are percentage points": lambda ours, others: (
        100 * (ours - others).mean(),
        100 * (ours - others).std(),
    ),
    "it is a ratio": lambda ours, others: (
        (ours / others - 1).mean(),
        (ours / others - 1).std(),
    ),
    "and returned float": lambda ours, others: (ours - others).mean().item(),
    "there must be 2 results, and there are 5": lambda ours, others: (ours - others).tolist(),
    "it stopped with AttributeError": lambda ours, others: (ours - others).avg(),
    "It changes its arguments": lambda ours, others: (
        ours.sub_(others).mean().item(),
        ours.std().item(),
    ),
}


@pytest.mark.parametrize(("words", "answer"), WRONG.items(), ids=WRONG)
def test_a_wrong_answer_is_named(words, answer):
    verdict = exercise(KEY).check(answer)
    assert not verdict.right
    assert words in verdict, verdict


def by_hand(ours, others):
    apart = [a - b for a, b in zip(ours.tolist(), others.tolist(), strict=True)]
    mean = sum(apart) / len(apart)
    return [mean, (sum((each - mean) ** 2 for each in apart) / (len(apart) - 1)) ** 0.5]


def by_numpy(ours, others):
    apart = ours.numpy() - others.numpy()
    return float(apart.mean()), float(apart.std(ddof=1))


def as_tensors(ours, others):
    return (ours - others).mean(), (ours - others).std()


@pytest.mark.parametrize("answer", [by_hand, by_numpy, as_tensors])
def test_other_right_ways_pass(answer):
    assert exercise(KEY).check(answer).right


def test_it_finds_what_the_study_finds():
    """The lesson sends the reader to this number, and to the interval of it."""
    results = load()
    want = findings(results)["scale | 1 for 1/√D | all + own, Xavier √2 | global | 1×"].estimate
    ours, others = (right(results, "global", scale, "Xavier √2") for scale in ("1", "1/√D"))
    mean, spread = paired_difference(ours, others)
    assert (100 * mean, 100 * spread) == pytest.approx((want.mean, want.sd))
    assert 100 * (mean + 2.09 * spread / 20**0.5) == pytest.approx(want.high, abs=0.01)
