"""Curves of losses: what is drawn is what was given."""

import numpy as np
import pytest

from attnlib.course.figures.losses import plot_losses


def test_the_bold_line_is_the_mean_of_the_last_twenty():
    curve = list(range(50))
    (axis,) = plot_losses({"loss": curve}, 60).axes
    raw, smooth = axis.lines
    np.testing.assert_array_equal(raw.get_ydata(), curve)
    assert smooth.get_ydata()[0] == 0
    assert smooth.get_ydata()[9] == np.mean(range(10))
    assert smooth.get_ydata()[49] == pytest.approx(np.mean(range(30, 50)))
    assert axis.get_xlim() == (0, 60)
    assert axis.get_legend() is None


def test_several_curves_have_names_and_none_yet_is_an_empty_axis():
    (axis,) = plot_losses({"one": [1.0], "two": [2.0, 1.0]}, 2).axes
    assert [text.get_text() for text in axis.get_legend().texts] == ["one", "two"]
    assert len(plot_losses({"loss": []}, 5).axes) == 1
    with pytest.raises(ValueError, match=r"^losses must be at most 4 curves, got 5$"):
        plot_losses({str(n): [] for n in range(5)}, 2)
