"""Levels: what is drawn is what was given."""

import numpy as np
import torch

from attnlib.course.lessons.learning.figures import Looked, plot_levels


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
