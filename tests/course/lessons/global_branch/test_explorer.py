"""All heads' maps and the returned one: recomputed head by head, and read off the Figure."""

import inspect
import itertools
import math
import re

import numpy as np
import pytest
import torch
from matplotlib.colors import to_rgba

from attnlib import SelfAttention
from attnlib.course.figures.style import MARK
from attnlib.course.lessons.global_branch.explorer import explore_global, global_drawer
from attnlib.course.lessons.global_branch.figures import plot_global

LENGTH, CHANNELS = 9, 12


@pytest.fixture(scope="module")
def x():
    return torch.randn(LENGTH, CHANNELS, generator=torch.Generator().manual_seed(0))


@pytest.fixture(scope="module")
def draw(x):
    return global_drawer(x)


def shown(figure):
    """Maps as drawn, every head's and then the returned one; what is grey counts as 0."""
    maps = [axis.images[0].get_array() for axis in figure.axes if axis.images]
    return np.stack([np.ma.filled(drawn, 0) for drawn in maps])


def softmax(scores):
    exp = np.exp(scores - scores.max(-1, keepdims=True))
    return exp / exp.sum(-1, keepdims=True)


def maps_of(x, heads, scale):
    """Head by head, from the formula: tokens are queries and keys."""
    width = CHANNELS // heads
    parts = [x.double().numpy()[:, h * width : (h + 1) * width] for h in range(heads)]
    factor = 1 if scale == "1" else 1 / math.sqrt(width)
    scores = np.stack([factor * part @ part.T for part in parts])
    return scores, softmax(scores)


@pytest.mark.parametrize("scale", ["1", "1/√D"])
@pytest.mark.parametrize("heads", [1, 2, 3, 4, 6])
def test_every_head_and_the_last_once_more(x, draw, heads, scale):
    figure, sentence = draw(scale, heads, 0.0)
    scores, maps = maps_of(x, heads, scale)
    np.testing.assert_allclose(shown(figure), np.concatenate([maps, maps[-1:]]), atol=1e-9)
    assert f"from {scores.min():.2f} to {scores.max():.2f}" in sentence
    assert f"H = {heads}, D = {12 // heads}, scale {scale}: " in sentence
    entropies = -(maps * np.log(maps)).sum(-1).mean(-1) / math.log(LENGTH)
    assert ", ".join(f"{entropy:.0%}" for entropy in entropies) in sentence
    for head, entropy in enumerate(entropies):
        assert figure.axes[head].get_title() == f"head {head}: {entropy:.0%}"
    assert figure.axes[heads].get_title() == f"returned: head {heads - 1}"
    query, key = np.unravel_index(maps[-1].argmax(), maps[-1].shape)
    said = (
        f"head {heads - 1}; its largest weight is {maps[-1].max():.2f} (query {query} on key {key})"
    )
    assert said in sentence
    assert "ropout" not in sentence


def test_the_maps_are_those_of_the_librarys_global_branch(x, draw):
    """With identity matrices: queries, keys and values are the tokens."""
    module = SelfAttention(CHANNELS, CHANNELS, heads=3).double().eval()
    with torch.no_grad():
        module.qkv.weight.copy_(torch.eye(CHANNELS).repeat(3, 1))
    _, maps = module(x.double())
    np.testing.assert_allclose(shown(draw("1", 3, 0.0)[0])[:3], maps.weights().detach(), atol=1e-9)


@pytest.mark.parametrize("dropout", [0.1, 0.5, 0.9])
def test_after_dropout_a_weight_is_zero_or_grown_and_the_returned_map_is_as_before(
    x, draw, dropout
):
    figure, sentence = draw("1", 4, dropout)
    *used, returned = shown(figure)
    _, maps = maps_of(x, 4, "1")
    ratio = np.stack(used) / maps
    zero = ratio == 0
    np.testing.assert_allclose(ratio[~zero], 1 / (1 - dropout))
    np.testing.assert_allclose(returned, maps[-1], atol=1e-9)
    assert zero.mean() == pytest.approx(dropout, abs=0.08)
    assert f"Dropout {dropout}: {zero.mean():.0%} of the weights become zero" in sentence
    assert f"the others {1 / (1 - dropout):.2f} times as large" in sentence
    sums = np.stack(used).sum(-1)
    assert f"Rows now sum to {sums.min():.2f} up to {sums.max():.2f}, and not to 1" in sentence


def test_more_dropout_drops_these_and_others(draw):
    few, many = (shown(draw("1", 4, dropout)[0])[:4] == 0 for dropout in (0.2, 0.6))
    assert (few <= many).all() and few.sum() < many.sum()


def test_what_is_dropped_is_the_same_at_every_call_and_leaves_the_global_seed_alone(x):
    torch.manual_seed(1)
    before = torch.get_rng_state()
    one, other = (shown(global_drawer(x)("1", 3, 0.5)[0]) for _ in range(2))
    np.testing.assert_array_equal(one, other)
    assert before.equal(torch.get_rng_state())


def test_exactly_zero_is_grey_and_small_is_not():
    weights = torch.tensor([[[0.0, 1.0], [1e-9, 2.0]]])
    figure = plot_global(weights, weights[0], ("a", "b"))
    drawn = figure.axes[0].images[0]
    assert drawn.get_array().mask.tolist() == [[True, False], [False, False]]
    colours = drawn.to_rgba(drawn.get_array())
    assert len(set(map(tuple, colours.reshape(-1, 4).round(3)))) == 3
    grey, one, small, two = colours.reshape(-1, 4).round(3)
    assert grey[0] == grey[1] == grey[2] and (one == two).all() and (small != grey).any()


@pytest.mark.parametrize("heads", [1, 2, 3, 4, 6])
def test_the_last_head_and_the_returned_map_have_a_red_frame_and_no_other(draw, heads):
    axes = [axis for axis in draw("1", heads, 0.3)[0].axes if axis.images]
    red = [axis.spines["left"].get_edgecolor() == to_rgba(MARK) for axis in axes]
    assert red == [False] * (heads - 1) + [True, True]


@pytest.mark.parametrize("heads", [1, 2, 3, 4, 6])
def test_nothing_lies_on_anything_else(draw, heads):
    figure = draw("1", heads, 0.0)[0]
    figure.draw_without_rendering()
    boxes = [axis.get_tightbbox() for axis in figure.axes]
    boxes += [text.get_window_extent() for text in figure.texts]
    for box in boxes:
        assert figure.bbox.x0 <= box.x0 and box.x1 <= figure.bbox.x1
        assert figure.bbox.y0 <= box.y0 and box.y1 <= figure.bbox.y1
    for one, other in itertools.combinations(boxes[: heads + 1], 2):
        assert not one.overlaps(other)
    assert not any(boxes[-1].overlaps(box) for box in boxes[:-1])


def test_lines_stand_before_the_cuts(x):
    axis = global_drawer(x, (3, 5))("1", 2, 0.0)[0].axes[0]
    segments = [line.get_segments() for line in axis.collections]
    assert [line[0][1] for line in segments[0]] == [2.5, 4.5]  # across: a height
    assert [line[0][0] for line in segments[1]] == [2.5, 4.5]


def test_the_strongest_pair_is_query_on_key():
    x = torch.tensor([[3.0, 0.0], [4.0, 10.0], [0.0, 11.6], [0.0, 11.6]])
    assert "is 0.95 (query 0 on key 1)" in global_drawer(x)("1", 1, 0.0)[1]


def test_how_many_maps_are_not_returned(draw):
    assert "not returned" not in draw("1", 1, 0.0)[1]
    assert "The map of head 0 is not returned." in draw("1", 2, 0.0)[1]
    assert "The maps of the other 5 are not returned." in draw("1", 6, 0.0)[1]


@pytest.mark.parametrize(
    ("state", "said"),
    [
        (("2", 1, 0.0), "scale must be 1 or 1/√D, got '2'"),
        (("1", 5, 0.0), "heads=5 must divide C=12"),
        (("1", 12, 0.0), "heads must be at most 8, or none is seen, got 12"),
        (("1", 1, 1.0), "dropout must lie in 0 … 0.9, got 1.0"),
        (("1", 1, -0.1), "dropout must lie in 0 … 0.9, got -0.1"),
        (("1", 1, math.nan), "dropout must lie in 0 … 0.9, got nan"),
    ],
)
def test_errors_name_the_argument(draw, state, said):
    with pytest.raises(ValueError, match=f"^{re.escape(said)}$"):
        draw(*state)


@pytest.mark.parametrize("shape", [(1, 4), (5,), (2, 3, 4)])
def test_other_shapes_are_refused(shape):
    with pytest.raises(ValueError, match=r"^x must be \(L, C\), L at least 2, got shape \("):
        global_drawer(torch.zeros(shape))


def test_every_state_of_the_controls_draws_and_comes_back(x):
    explorer = explore_global(x)
    assert explorer.offered["heads"] == [1, 2, 3, 4, 6]
    first = explorer.picture
    for scale, heads, dropout in itertools.product(("1", "1/√D"), (1, 6), (0.0, 0.3, 0.9)):
        explorer.set(scale=scale, heads=heads, dropout=dropout)
        assert explorer.sentence.startswith(f"H = {heads}, D = {12 // heads}, scale {scale}: ")
        assert explorer.picture
    explorer.set(scale="1", heads=6, dropout=0.0)
    assert explorer.picture == first


def test_controls_are_named_as_the_arguments_of_draw(x):
    explorer = explore_global(x)
    assert list(explorer._controls) == list(inspect.signature(explorer._draw).parameters)
