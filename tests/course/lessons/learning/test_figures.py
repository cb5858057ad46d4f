"""Curves of losses, maps with names, levels: what is drawn is what was given."""

import numpy as np
import pytest
import torch

from attnlib.course.figures.losses import plot_losses
from attnlib.course.figures.named import plot_named_maps
from attnlib.course.lessons.learning.figures import Looked, plot_levels


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


def test_named_maps_share_one_colour_scale():
    one, two = torch.rand(3, 4), 2 * torch.rand(3, 4)
    figure = plot_named_maps({"one": one, "two": two})
    for axis, name, weights in zip(figure.axes, ("one", "two"), (one, two), strict=False):
        (image,) = axis.images
        np.testing.assert_array_equal(image.get_array(), weights.numpy())
        assert axis.get_title() == name
        assert image.get_clim() == (0, pytest.approx(two.max().item()))
        assert (axis.get_xlabel(), axis.get_ylabel()) == ("key", "query")
    with pytest.raises(ValueError, match=r"^maps must be at least one, got none$"):
        plot_named_maps({})


def test_circles_stand_on_their_tokens_and_their_areas_go_with_the_weights():
    weights = torch.tensor([[0.1, 0.4], [0.0, 0.5]])
    figure = plot_levels(torch.rand(8, 8), [Looked(weights, (1, 0), 2)])
    axis = figure.axes[1]
    *circles, frame = axis.patches
    centres = [circle.center for circle in circles]
    assert centres == [(1.5, 1.5), (5.5, 1.5), (1.5, 5.5), (5.5, 5.5)]
    areas = np.array([circle.radius for circle in circles]) ** 2
    np.testing.assert_allclose(areas / areas[3], weights.flatten() / 0.5, rtol=1e-6)
    assert circles[3].radius < 2  # half a token
    assert (frame.get_x(), frame.get_y(), frame.get_width()) == (-0.5, 3.5, 4)
    assert axis.get_title() == "level 1, largest 0.50"
