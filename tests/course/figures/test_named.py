"""Maps with names: what is drawn is what was given."""

import numpy as np
import pytest
import torch

from attnlib.course.figures.named import plot_named_maps


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
