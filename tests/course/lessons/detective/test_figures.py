"""One setting of the dials: the maps, differences and distances that were given are drawn."""

import numpy as np
import pytest
import torch

from attnlib.course.lessons.detective.figures import plot_setting


def test_a_setting_shows_maps_differences_and_distances():
    matrices = {"a": torch.eye(4), "b": torch.full((4, 4), 0.25), "c": None}
    distances = {"from one": 0.0, "from other": 0.5}
    figure = plot_setting(matrices, torch.arange(4.0), distances, edges=[2])
    drawn = np.ma.filled(
        figure.axes[0].images[0].get_array(), np.nan
    )  # three maps side by side, the last not there
    np.testing.assert_allclose(drawn[:, :4], np.eye(4))
    np.testing.assert_allclose(drawn[:, 4:8], np.full((4, 4), 0.25))
    assert np.isnan(drawn[:, 8:]).all()
    assert [text.get_text() for text in figure.axes[0].texts] == ["a", "b", "c", "none"]
    titles = {axis.get_title(): axis for axis in figure.axes}
    (steps,) = titles["difference from NesT's end, token by token"].patches
    assert steps.get_data().values.tolist() == [0, 1, 2, 3]
    axis = titles["distance of the whole output"]
    places = [line.get_xdata()[0] for line in axis.lines]
    assert places[1] == pytest.approx(np.log10(0.5))
    assert places[0] < -15  # 0 has no place on a logarithmic axis: at its left end
    labels = dict(
        zip(axis.get_xticks(), [t.get_text() for t in axis.get_xticklabels()], strict=True)
    )
    assert labels[-1] == "0.1" and labels[-10] == "10⁻¹⁰"
