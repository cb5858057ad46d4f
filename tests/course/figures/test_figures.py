"""Figures hold the numbers they were given; sentences read out the numbers that are there."""

import numpy as np
import pytest
import torch
from matplotlib import pyplot as plt
from matplotlib.backends.backend_agg import FigureCanvasAgg

from attnlib import GlobalLocalAttention, SameGroup, attention
from attnlib.course.figures import maps
from attnlib.course.figures.influence import plot_influence, plot_token_influence, read_influence
from attnlib.course.figures.maps import plot_map, read_map
from attnlib.course.figures.named import plot_named_maps
from attnlib.course.figures.pictures import plot_shots, plot_tokens
from attnlib.course.lessons.detective.figures import plot_setting
from attnlib.course.lessons.kernels.figures import plot_pixel_rows
from attnlib.course.lessons.transformer.figures import plot_words


def images(figure):
    """The arrays of all pictures in a Figure, colour bars aside."""
    return [axis.images[0].get_array() for axis in figure.axes if axis.images]


@pytest.fixture
def map_():
    torch.manual_seed(0)
    _, map_ = attention(*torch.randn(3, 2, 5, 4))
    return map_


def test_a_map_is_drawn_queries_down_one_picture_a_head(map_):
    figure = plot_map(map_, title="a title", edges=(2,))
    drawn = images(figure)
    np.testing.assert_allclose(np.stack(drawn), map_.weights().numpy())
    first = figure.axes[0]
    assert (first.get_ylabel(), first.get_xlabel()) == ("query", "key")
    assert first.get_ylim() == (4.5, -0.5)  # query 0 on top
    assert figure._suptitle.get_text() == "a title"
    assert [line.get_xdata()[0] for line in first.lines[1::2]] == [1.5]


def test_all_heads_share_one_scale(map_):
    limits = {axis.images[0].get_clim() for axis in plot_map(map_).axes if axis.images}
    assert limits == {(0, map_.weights().max().item())}


def test_heads_stand_four_in_a_row_each_under_its_name():
    figure = plot_map(torch.rand(6, 3, 5))
    pictures = [axis for axis in figure.axes if axis.images]
    assert [axis.get_title() for axis in pictures] == [f"head {head}" for head in range(6)]
    places = [axis.get_subplotspec() for axis in pictures]
    rows_and_columns = [(place.rowspan.start, place.colspan.start) for place in places]
    assert rows_and_columns == [(0, 0), (0, 1), (0, 2), (0, 3), (1, 0), (1, 1)]
    assert sum(axis.axison for axis in figure.axes) == 6 + 1  # and the colour bar
    (alone,) = (axis for axis in plot_map(torch.rand(3, 5)).axes if axis.images)
    assert alone.get_title() == ""


@pytest.mark.parametrize(
    ("shape", "drawn", "unit"),
    [
        ((3, 4), (3, 4), "weight"),
        ((3, 10), (3, 4), "mean weight of a cell"),
        ((10, 3), (4, 3), "mean weight of a cell"),
    ],
)
def test_a_map_that_is_long_one_way_only_is_pooled_there_and_keeps_its_place(
    shape, drawn, unit, monkeypatch
):
    monkeypatch.setattr(maps, "LARGEST", 4)
    q, k = torch.randn(1, shape[0], 4), torch.randn(1, shape[1], 4)
    _, map_ = attention(q, k, k)
    picture, bar = plot_map(map_).axes
    (image,) = picture.images
    assert image.get_array().shape == drawn
    assert image.get_extent() == [-0.5, shape[1] - 0.5, shape[0] - 0.5, -0.5]
    assert bar.get_ylabel() == unit


def test_weights_as_an_array_are_drawn_too(map_):
    (drawn,) = images(plot_map(map_.weights()[1]))
    np.testing.assert_allclose(drawn, map_.weights()[1].numpy())


def test_a_long_map_is_pooled_not_formed(monkeypatch):
    monkeypatch.setattr(maps, "LARGEST", 4)
    torch.manual_seed(0)
    _, long = attention(*torch.randn(3, 1, 10, 4))
    monkeypatch.setattr(type(long), "weights", lambda self: pytest.fail("formed"))
    (drawn,) = images(plot_map(long))
    np.testing.assert_allclose(drawn, long.pooled(4)[0].numpy())


def test_figures_do_not_pile_up(map_):
    plt.close("all")
    plot_map(map_)
    assert plt.get_fignums() == []


def test_a_map_with_groups_is_refused_with_the_way_out():
    _, map_ = attention(*torch.randn(3, 6, 2, 5, 4))
    with pytest.raises(ValueError, match=r"\(6, 2, 5, 5\): choose one with .unbind\(\)"):
        plot_map(map_)


def test_an_empty_map_is_refused():
    with pytest.raises(ValueError, match=r"empty, got shape \(4, 0, 0\)"):
        plot_map(torch.zeros(4, 0, 0))


def test_the_sentence_names_the_strongest_pair_and_the_entropy():
    weights = torch.full((4, 4), 0.25)
    assert read_map(weights).endswith("the entropy is 100% of uniform attention's.")
    weights[2] = torch.tensor([0.0, 0.9, 0.1, 0.0])
    assert "Head 0: the largest weight is 0.90 (query 2 on key 1)" in read_map(weights)


def test_a_row_of_nan_is_not_the_strongest():
    weights = torch.tensor([[0.4, 0.6], [torch.nan, torch.nan], [0.8, 0.2]])
    assert "the largest weight is 0.80 (query 2 on key 0)" in read_map(weights)


def test_the_sentence_of_a_certain_map_has_entropy_zero():
    q = 100.0 * torch.eye(5)[None]
    _, certain = attention(q, q, q, scale=1.0)
    assert read_map(certain).endswith("the entropy is 0% of uniform attention's.")


def test_the_sentence_measures_the_entropy_by_the_keys_that_are_seen():
    alike = torch.zeros(1, 16, 4)
    _, blocks = attention(alike, alike, alike, mask=SameGroup(4))
    said = "the entropy is 100% of uniform attention's on the keys that each query sees."
    assert read_map(blocks).endswith(said)
    assert read_map(blocks.weights()).endswith(said)
    assert read_map(blocks.weights()[0, :, :4][:4]).endswith(
        "the entropy is 100% of uniform attention's."
    )


@pytest.mark.parametrize("weights", [torch.eye(5), torch.zeros(5, 5), torch.ones(3, 1)])
def test_where_no_query_sees_two_keys_no_entropy_is_told(weights):
    said = "no query spreads its weight over more than one key."
    assert read_map(weights).endswith(said)


def test_a_long_masked_map_is_measured_by_its_keys_too(monkeypatch):
    monkeypatch.setattr(maps, "LARGEST", 4)
    alike = torch.zeros(2, 30, 4)
    _, causal = attention(alike, alike, alike, mask=lambda i, j: j <= i)
    for line in read_map(causal).splitlines():
        assert line.endswith("is 100% of uniform attention's on the keys that each query sees.")


GREY = tuple(int("#d9d9d9"[at : at + 2], 16) for at in (1, 3, 5))
WITH_ZEROS = torch.tensor([[1.0, 0.0], [1e-30, 0.5]])


@pytest.mark.parametrize(
    "draw",
    [
        plot_map,
        lambda weights: plot_named_maps({"a": weights}),
        lambda weights: plot_words({"a": (weights, "bc")}),
        lambda weights: plot_influence({"a": weights}),
        lambda weights: plot_pixel_rows(torch.zeros(2, 2, 3), [(0, 0)], weights[None]),
        lambda weights: plot_setting({"a": weights}, torch.zeros(2), {"b": 0, "c": 1}, []),
    ],
    ids=["map", "named maps", "words", "influence", "pixels", "setting"],
)
def test_exactly_zero_is_grey_and_nothing_else_is(draw):
    figure = draw(WITH_ZEROS)
    axis = next(
        axis for axis in figure.axes if axis.images and axis.images[0].get_array().ndim == 2
    )
    canvas = FigureCanvasAgg(figure)
    canvas.draw()
    pixels = np.asarray(canvas.buffer_rgba())
    for (row, column), weight in np.ndenumerate(WITH_ZEROS.numpy()):
        # A little off the middle: one of them has a mark there.
        x, y = axis.transData.transform((column + 0.3, row + 0.3))
        seen = tuple(pixels[pixels.shape[0] - round(y), round(x), :3])
        assert (seen == GREY) == (weight == 0), (row, column, seen)


def test_the_sentence_has_one_line_a_head(map_):
    lines = read_map(map_).splitlines()
    assert [line.split(":")[0] for line in lines] == ["Head 0", "Head 1"]


def test_influence_draws_exact_zeros_apart():
    matrix = torch.tensor([[1.0, 0.0], [0.5, 1.0]])
    (drawn,) = images(plot_influence({"a": matrix}))[:1]
    assert drawn.mask.tolist() == [[False, True], [False, False]]


@pytest.mark.parametrize(
    ("smallest", "floor"), [(1e-9, 1e-4), (1e-4, 1e-4), (1e-2, 1e-2), (0.2, 0.2)]
)
def test_the_scale_of_influence_begins_at_the_smallest_but_spans_no_more_than_1_to_10000(
    smallest, floor
):
    one, other = torch.tensor([[3.0, 0.0], [1.0, 3.0]]), torch.tensor([[3.0, 0.0], [0.0, 1.0]])
    other[0, 1] = 3 * smallest
    figure = plot_influence({"a": one, "b": other})
    scales = [axis.images[0].get_clim() for axis in figure.axes if axis.images]
    assert scales[:2] == [pytest.approx((3 * floor, 3.0), rel=1e-6)] * 2


def test_the_influence_on_one_token_has_the_scale_that_is_given():
    rows = {"a": torch.rand(4, 6), "b": torch.zeros(4, 6)}
    figure = plot_token_influence(torch.rand(8, 12, 3), 2, rows, (1, 2), largest=5.0)
    for axis, row in zip(figure.axes[1:3], rows.values(), strict=True):
        (image,) = axis.images
        assert image.get_clim() == pytest.approx((5e-3, 5.0))
        np.testing.assert_array_equal(image.get_array().filled(0), row)


def test_the_sentence_of_influence_counts_pairs_of_different_groups():
    blocks = torch.block_diag(torch.ones(2, 2), torch.ones(2, 2))
    assert read_influence(blocks, 2) == (
        "exactly 0 for all 8 pairs from different blocks or segments"
    )
    blocks[0, 2] = 1.0
    assert "above 0 for 1 of 8 pairs" in read_influence(blocks, 2)
    assert "carry 11% of" in read_influence(blocks, 2)  # 1 of 9 squares


def test_the_last_group_may_be_shorter():
    matrix = torch.block_diag(torch.ones(3, 3), torch.ones(2, 2))
    assert "all 12 pairs" in read_influence(matrix, 2)


def test_shots_are_drawn_from_their_first_frames():
    frames = torch.arange(6.0).view(6, 1, 1, 1).expand(6, 2, 3, 3) / 10
    figure = plot_shots(frames, (2, 5))
    assert [picture[0, 0, 0] for picture in images(figure)] == pytest.approx([0, 0.2, 0.5])
    assert [axis.get_title() for axis in figure.axes] == ["0 … 1", "2 … 4", "5"]


def test_tokens_are_drawn_with_the_lines_of_patches_and_blocks():
    picture = torch.rand(8, 12, 3)
    figure = plot_tokens(picture, picture, patch_size=2, block_size=2)
    thick = [line for line in figure.axes[1].lines if line.get_linewidth() > 1]
    assert len(thick) == (8 // 4 + 1) + (12 // 4 + 1)
    assert "4 × 6 patches" in figure.axes[1].get_title()


def test_the_sentence_of_a_long_map_is_exact(monkeypatch):
    monkeypatch.setattr(maps, "LARGEST", 4)
    q = torch.full((1, 30, 1), 0.0)
    q[0, 17] = 100.0
    _, map_ = attention(q, q, q)
    assert "largest weight is 1.00 (query 17 on key 17)" in read_map(map_)
    assert "the entropy is 97% of" in read_map(map_)  # 29 rows of 30 are uniform


def test_both_maps_at_once_are_refused_with_the_way_out():
    _, maps = GlobalLocalAttention(8, 8, num_segments=2, fusion="add")(torch.randn(6, 8))
    for look in (plot_map, read_map):
        with pytest.raises(TypeError, match="take its .whole or one of .segments"):
            look(maps)
