"""Blocks over a photograph: who may talk to whom, counted and compared with the module itself."""

import pytest
import torch

from attnlib import BlockAttention, blockify
from attnlib.course.compare import influence
from attnlib.course.lessons.blocks.explorer import blocks_drawer, explore_blocks
from attnlib.course.widgets.explorer import png


@pytest.fixture(scope="module")
def pictures():
    """4 × 8 patches of 3 × 3 pixels."""
    generator = torch.Generator().manual_seed(0)
    return {name: torch.rand(12, 24, 3, generator=generator) for name in ("one", "other")}


def shown(figure):
    """The picture and the mask as they are drawn."""
    return [axis.images[0].get_array() for axis in figure.axes]


@pytest.mark.parametrize("block_size", [1, 2, 4])
@pytest.mark.parametrize(("row", "column"), [(0, 0), (1, 6), (3, 7)])
def test_only_patches_of_the_same_block_are_not_faded(pictures, block_size, row, column):
    figure, _ = blocks_drawer(pictures, 3)("one", block_size, row, column)
    drawn, _ = shown(figure)
    for r in range(4):
        for c in range(8):
            patch = slice(3 * r, 3 * r + 3), slice(3 * c, 3 * c + 3)
            same = (drawn[patch] == pictures["one"][patch].numpy()).all()
            near = (r // block_size, c // block_size) == (row // block_size, column // block_size)
            assert same == near


def test_the_mask_is_where_the_module_has_influence(pictures):
    _, drawn = shown(blocks_drawer(pictures, 3)("one", 2, 0, 0)[0])
    module = BlockAttention(dim=4, num_heads=2).double()
    x = torch.randn(32, 4, dtype=torch.float64)
    felt = influence(lambda x: module(x.view(1, 8, 4, 4))[0].view(32, 4), x) > 0
    assert (drawn == felt.numpy()).all()


@pytest.mark.parametrize(("row", "column"), [(0, 0), (1, 6), (3, 7), (2, 1)])
def test_the_query_is_named_and_marked_as_a_token(pictures, row, column):
    figure, sentence = blocks_drawer(pictures, 3)("one", 2, row, column)
    token = blockify(torch.arange(32).view(4, 8, 1), 2).flatten().tolist().index(8 * row + column)
    assert f"row {row}, column {column} is token {token}, in block {token // 4};" in sentence
    (frame,) = figure.axes[0].patches
    assert frame.get_xy() == (3 * column - 0.5, 3 * row - 0.5)
    assert any(set(line.get_ydata()) == {token} for line in figure.axes[1].lines)


def test_the_sentence_counts_the_weights(pictures):
    draw = blocks_drawer(pictures, 3)
    assert "G = 8 blocks of N = 4 patches" in draw("one", 2, 0, 0)[1]
    assert draw("one", 2, 0, 0)[1].endswith("G·N² = 128, 1/8 of L² = 1024.")
    square = {"square": pictures["one"][:, :12]}
    assert blocks_drawer(square, 3)("square", 4, 0, 0)[1].endswith("G·N² = 256, all of L² = 256.")


def test_another_photograph_changes_the_picture_and_not_the_mask(pictures):
    draw = blocks_drawer(pictures, 3)
    (one, mask), (other, same) = (shown(draw(name, 2, 1, 1)[0]) for name in pictures)
    assert (one != other).any() and (mask == same).all()


def test_every_combination_draws_or_says_what_would_work(pictures):
    draw = blocks_drawer(pictures, 3)
    for block_size in range(1, 9):
        for row, column in ((0, 7), (3, 0)):
            if block_size in (1, 2, 4):
                assert draw("other", block_size, row, column)[0].axes
                continue
            said = f"block_size={block_size} must divide height=4 and width=8: take 1, 2 or 4"
            with pytest.raises(ValueError, match=f"^{said}$"):
                draw("other", block_size, row, column)


@pytest.mark.parametrize(
    ("state", "said"),
    [
        (("none", 2, 0, 0), "photograph must be one of"),
        (("one", 2, 4, 0), "row=4 must lie in 0 … 3"),
        (("one", 2, 0, -1), "column=-1 must lie in 0 … 7"),
    ],
)
def test_errors_name_the_argument(pictures, state, said):
    with pytest.raises(ValueError, match=said):
        blocks_drawer(pictures, 3)(*state)


def test_pictures_of_two_sizes_or_an_odd_patch_are_refused(pictures):
    with pytest.raises(ValueError, match="pictures must all have one size"):
        blocks_drawer({**pictures, "third": torch.rand(6, 6, 3)}, 3)
    with pytest.raises(ValueError, match="patch_size=5 must divide height=12"):
        blocks_drawer(pictures, 5)


def test_a_control_that_is_set_back_gives_the_same_picture(pictures):
    explorer = explore_blocks(pictures, 3)
    first = png(explorer.drawn(explorer.state)[0])
    for change, back in (
        ({"photograph": "other"}, {"photograph": "one"}),
        ({"block_size": 2}, {"block_size": 4}),
        ({"row": 0, "column": 0}, {"row": 2, "column": 3}),
    ):
        explorer.set(**change)
        assert png(explorer.drawn(explorer.state)[0]) != first
        explorer.set(**back)
        assert png(explorer.drawn(explorer.state)[0]) == first
