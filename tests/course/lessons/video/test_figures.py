"""The figures of films: what is drawn where, and what the sentences say."""

import numpy as np
import pytest
import torch

from attnlib import attention
from attnlib.course.lessons.video.figures import (
    plot_branches,
    plot_seeds,
    plot_summary,
    read_branches,
)
from attnlib.segments import GlobalLocalMap


def some_map(length, seed=0):
    q, k = torch.randn(2, 2, length, 4, generator=torch.Generator().manual_seed(seed))
    return attention(q, k, k)[1]


def equal_map(length):
    return attention(*torch.zeros(3, 1, length, 4))[1]


def test_branches_draw_the_weights_where_they_belong():
    maps = GlobalLocalMap(some_map(7), (some_map(4, 1), some_map(3, 2)))
    whole, local, *_ = plot_branches(maps, (2,)).axes
    np.testing.assert_allclose(whole.images[0].get_array(), maps.whole.weights().mean(0), rtol=1e-6)
    drawn = np.ma.filled(local.images[0].get_array(), np.nan)
    np.testing.assert_allclose(drawn[4:, 4:], maps.segments[1].weights().mean(0), rtol=1e-6)
    assert np.isnan(drawn[:4, 4:]).all() and np.isnan(drawn[4:, :4]).all()
    assert [line.get_ydata()[0] for line in whole.lines[::2]] == [1.5]


def test_a_global_branch_alone_is_one_panel():
    fig = plot_branches(GlobalLocalMap(some_map(5), ()))
    assert [axis.get_title() for axis in fig.axes] == ["global branch", ""]  # and the colour bar


def test_equal_weights_give_what_equal_weights_give():
    maps = GlobalLocalMap(equal_map(8), (equal_map(4), equal_map(4)))
    assert read_branches(maps, (2, 4)) == (
        # Shots of 2, 2 and 4 frames: (2·2 + 2·2 + 4·4) / 8 / 8. In halves: two of 4, two of 4, all.
        "The global branch gives 38% of its weight to the frame's own shot; equal weights would "
        "give 38%.\n"
        "The local branch gives 75% of its weight to the frame's own shot; equal weights would "
        "give 75%."
    )


def test_weights_on_the_own_shot_are_counted_as_such():
    shots = torch.eye(2).repeat_interleave(3, 0)[None]  # (H, L, D), one-hot, three frames each
    map_ = attention(shots, 100 * shots, shots, scale=1.0)[1]
    said = read_branches(GlobalLocalMap(map_, ()), (3,))
    assert said.startswith("The global branch gives 100% of its weight")
    assert said.endswith("would give 50%.")


def test_a_summary_draws_curve_cuts_and_key_frames_in_frames_of_the_film():
    frames, importance = torch.rand(10, 6, 8, 3), torch.linspace(0, 1, 10)
    fig = plot_summary(frames, importance, (4,), (2, 7), every=3, published=(4.5,))
    titles = [axis.get_title() for axis in fig.axes if axis.get_title()]
    assert titles == ["frame 6", "frame 21"]
    (curve_axis,) = [axis for axis in fig.axes if axis.get_xlabel() == "frame"]
    published, curve, keys = curve_axis.lines
    assert list(published.get_xdata()) == [13.5]
    assert list(curve.get_xdata()) == list(range(0, 30, 3))
    assert list(keys.get_xdata()) == [6, 21]
    assert curve_axis.collections[0].get_segments()[0][0][0] == 12
    np.testing.assert_allclose(keys.get_ydata(), importance[[2, 7]])


@pytest.mark.parametrize("keys", [(0,), tuple(range(9))])
def test_a_summary_shows_as_many_thumbnails_as_there_is_room_for(keys):
    fig = plot_summary(torch.rand(9, 6, 8, 3), torch.rand(9), (), keys)
    assert sum(bool(axis.images) for axis in fig.axes) == min(8, len(keys))


def test_seeds_are_dots_and_their_mean_a_bar():
    found = {"one": [(0.9, 0.6), (1.0, 0.8)], "other": [(0.5, 0.5), (0.5, 0.5)]}
    axis = plot_seeds(found, ("train", "test"), chance=0.5).axes[0]
    assert [label.get_text() for label in axis.get_yticklabels()] == ["one", "other"]
    dots, bar = axis.lines[2], axis.lines[3]  # of "one", the second kind
    np.testing.assert_allclose(dots.get_xdata(), [60, 80])
    np.testing.assert_allclose(bar.get_xdata(), [70])
    assert [text.get_text() for text in axis.get_legend().get_texts()] == [
        "train",
        "test",
        "guessing",
    ]
