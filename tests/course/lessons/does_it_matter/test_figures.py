"""Effects and pairs: every seed is drawn where it belongs, and the rule for "seen" can be seen."""

import numpy as np
import pytest
import torch
from matplotlib.colors import to_hex

from attnlib.course.figures.style import MARK
from attnlib.course.lessons.does_it_matter.figures import plot_effects, plot_pairs, read_effects

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


OURS, OTHERS = [0.74, 0.70, 0.72], [0.80, 0.75, 0.76]


def pairs(seen=True, ours=OURS, others=OTHERS):
    return plot_pairs(ours, others, ("scale: 1", "the middle"), 0.5, seen).axes


def test_a_line_joins_the_two_networks_of_one_seed():
    left, _ = pairs()
    joined = [line.get_ydata().tolist() for line in left.lines if line.get_marker() == "o"]
    assert joined == [[100 * other, 100 * one] for one, other in zip(OURS, OTHERS, strict=True)]
    assert [text.get_text() for text in left.get_xticklabels()] == ["the middle", "scale: 1"]


def test_guessing_is_in_the_picture():
    left, _ = pairs()
    assert [line.get_ydata()[0] for line in left.lines if line.get_linestyle() == "--"] == [50]
    low, high = left.get_ylim()
    assert low < 50 < 80 < high


@pytest.mark.parametrize("seen", [True, False])
def test_the_differences_their_mean_and_the_band_of_twice_their_spread(seen):
    _, right = pairs(seen)
    dots, mean = (
        next(line for line in right.lines if line.get_marker() == mark) for mark in ("o", "_")
    )
    assert dots.get_ydata() == pytest.approx([-6, -5, -4])
    assert mean.get_ydata() == pytest.approx([-5])
    (band,) = right.patches
    assert (band.get_y(), band.get_height()) == pytest.approx((-2, 4))
    assert {to_hex(line.get_color()) == MARK for line in (dots, mean)} == {seen}
    assert (dots.get_fillstyle() == "full") == seen


def test_seeds_that_agree_are_drawn_beside_each_other():
    _, right = pairs(ours=[0.5, 0.5, 0.5], others=[0.5, 0.5, 0.5])
    (dots,) = [line for line in right.lines if line.get_marker() == "o"]
    assert len(set(dots.get_xdata())) == 3
    assert right.get_ylim()[0] < 0 < right.get_ylim()[1]
