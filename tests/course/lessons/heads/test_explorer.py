"""Split and merged: every strip, and its number, is where index arithmetic says."""

import pytest
import torch

from attnlib.course.lessons.heads.explorer import explore_heads, heads_drawer

DIVISORS = (1, 2, 3, 4, 6, 12)


@pytest.fixture(scope="module")
def picture():
    return torch.rand(10, 36, 3, generator=torch.Generator().manual_seed(0))


def numbers(axis):
    """The numbers on the coloured band, from left to right."""
    inside = [text for text in axis.texts if text.get_weight() == "bold"]
    inside.sort(key=lambda text: text.get_position()[0])
    return [int(text.get_text()) for text in inside]


def origin(place, num_heads, order):
    """The channel that lies at a place after merging, by arithmetic alone."""
    head_dim = 12 // num_heads
    head, within = divmod(place, head_dim) if order == "h d" else divmod(place, num_heads)[::-1]
    return head * head_dim + within


@pytest.mark.parametrize("order", ["h d", "d h"])
@pytest.mark.parametrize("num_heads", DIVISORS)
def test_every_strip_moves_with_its_number(picture, num_heads, order):
    figure, sentence = heads_drawer(picture)(num_heads, order)
    before, split, merged = figure.axes
    expected = [origin(place, num_heads, order) for place in range(12)]
    assert numbers(before) == numbers(split) == list(range(12))
    assert numbers(merged) == expected
    drawn = merged.images[0].get_array()[-10:]  # below the band
    for place, channel in enumerate(expected):
        strip = picture[:, 3 * channel : 3 * channel + 3].numpy()
        assert (abs(drawn[:, 3 * place : 3 * place + 3] - strip) < 1e-6).all()
    moved = sum(place != channel for place, channel in enumerate(expected))
    assert f"{moved} of 12 have moved" in sentence if moved else "back in its place" in sentence


def test_the_order_d_h_is_told_channel_by_channel(picture):
    _, sentence = heads_drawer(picture)(3, "d h")
    assert "H = 3 heads of D = 4" in sentence
    assert "now lie 0 4 8 1 5 9 2 6 10 3 7 11; 10 of 12 have moved" in sentence
    assert "Place 1 holds channel 4: number 0 of head 1." in sentence


def test_what_moves_nothing_says_why(picture):
    draw = heads_drawer(picture)
    assert "the inverse of the split" in draw(4, "h d")[1]
    assert "with H = 1 or D = 1 both orders are one" in draw(12, "d h")[1]


def test_a_head_has_one_colour_before_and_after(picture):
    before, _, merged = heads_drawer(picture)(3, "d h")[0].axes
    bands = [axis.images[0].get_array()[0, 1::3] for axis in (before, merged)]
    assert len({tuple(colour) for colour in bands[0]}) == 3
    for place in range(12):
        assert tuple(bands[1][place]) == tuple(bands[0][origin(place, 3, "d h")])


def test_the_split_is_drawn_with_a_gap_between_heads(picture):
    _, split, _ = heads_drawer(picture)(4, "h d")[0].axes
    drawn = split.images[0].get_array()
    white = (drawn == 1).all(axis=(0, 2))
    assert white.sum() == drawn.shape[1] - 36 == 3


def test_every_combination_draws_or_says_what_would_work(picture):
    draw = heads_drawer(picture)
    for num_heads in set(range(1, 13)) - set(DIVISORS):
        said = f"num_heads={num_heads} must divide C=12: take 1, 2, 3, 4, 6 or 12"
        with pytest.raises(ValueError, match=f"^{said}$"):
            draw(num_heads, "d h")


def test_errors_name_the_argument(picture):
    with pytest.raises(ValueError, match="order must be one of"):
        heads_drawer(picture)(3, "hd")
    with pytest.raises(ValueError, match="12 channels=12 must divide the picture's width=35"):
        heads_drawer(picture[:, 1:])


def test_the_number_of_heads_steps_over_what_does_not_divide_and_comes_back(picture):
    explorer = explore_heads(picture)
    assert explorer.offered["num_heads"] == [1, 2, 3, 4, 6, 12]
    first = explorer.picture
    explorer.set(num_heads=4)
    assert explorer.picture != first
    explorer.set(num_heads=3)
    assert explorer.picture == first
