"""Effects and verdicts: every seed is drawn where it belongs, and what is sure can be seen."""

import numpy as np
import pytest
import torch

from attnlib.course.experiments.study.contrasts import CONTRASTS
from attnlib.course.experiments.study.findings import Finding
from attnlib.course.experiments.study.forest import LOOKS
from attnlib.course.experiments.study.statistics import BOUND, EFFECT, estimate
from attnlib.course.lessons.does_it_matter.figures import plot_effects, plot_verdicts, read_effects

EFFECTS = {
    "one": {"merge": torch.tensor([1e-16, 3e-16]), "scale": torch.tensor([0.2, 0.4])},
    "other": {"scale": torch.tensor([0.1, 0.3]), "fusion": torch.tensor([1.0, 1.2])},
}


def test_effects_show_every_seed_and_their_mean():
    left, right = plot_effects(EFFECTS).axes
    dots = {tuple(line.get_xdata()) for line in left.lines if len(line.get_xdata()) == 2}
    np.testing.assert_allclose(sorted(dots)[0], (0.2, 0.4), rtol=1e-6)
    means = [line.get_xdata()[0] for line in right.lines if line.get_marker() == "|"]
    np.testing.assert_allclose(sorted(means), (0.2, 1.1), rtol=1e-6)
    assert {text.get_text() for text in left.texts} >= {"only rounding", "cannot act here"}
    names = [label.get_text() for label in left.get_yticklabels()]
    assert names == ["merge", "scale", "fusion"]  # the largest on top


def test_effects_are_read_with_their_spread():
    assert read_effects(EFFECTS).splitlines() == [
        "        one              other",
        "merge   only rounding    cannot act here",
        "scale   0.30 ± 0.14      0.20 ± 0.14",
        "fusion  cannot act here  1.10 ± 0.14",
    ]


def test_a_verdict_shows_every_seed_the_interval_and_the_bound():
    seeds = [0.5, 1.5, 2.0]
    finding = Finding(CONTRASTS[0], estimate(seeds), EFFECT, 1.0)
    (axis,) = plot_verdicts({"some": (seeds, finding)}).axes
    dots, interval, mean = axis.lines[1:]  # the first is zero
    assert list(dots.get_ydata()) == seeds and len(set(dots.get_xdata())) == 3
    assert tuple(interval.get_ydata()) == (finding.estimate.low, finding.estimate.high)
    assert mean.get_ydata()[0] == pytest.approx(4 / 3)
    assert interval.get_color() == mean.get_color() == LOOKS[EFFECT].colour
    assert axis.get_xlabel() == "effect"
    low, high = axis.get_ylim()
    assert low < -BOUND and high > finding.estimate.high
