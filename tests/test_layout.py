"""Elements go where the formulas say, come back whole, and what does not fit is refused.

Shapes alone would prove nothing: a wrong reshape has the right shape.
"""

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from attnlib import blockify, deblockify, merge_heads, segment_slices, split_heads

small = st.integers(1, 4)
leads = st.lists(st.integers(1, 3), max_size=2).map(tuple)  # axes before those that matter


def numbered(*shape):
    """Every element another number, so that each can be told from all others."""
    return torch.arange(torch.Size(shape).numel()).reshape(shape)


@given(leads, small, small, small, small)
def test_a_block_holds_the_tokens_of_its_square(lead, block_size, rows, cols, width):
    x = numbered(*lead, rows * block_size, cols * block_size, width)
    blocks = blockify(x, block_size)
    assert blocks.shape == (*lead, rows * cols, block_size**2, width)
    for row in range(rows * block_size):
        for col in range(cols * block_size):
            block = row // block_size * cols + col // block_size
            token = row % block_size * block_size + col % block_size
            assert blocks[..., block, token, :].equal(x[..., row, col, :])


@given(leads, small, small, small, small)
def test_deblockify_undoes_blockify(lead, block_size, rows, cols, width):
    height, width_in_tokens = rows * block_size, cols * block_size
    x = numbered(*lead, height, width_in_tokens, width)
    assert deblockify(blockify(x, block_size), block_size, height, width_in_tokens).equal(x)


@given(leads, small, small, small, small)
def test_blockify_undoes_deblockify(lead, block_size, rows, cols, width):
    blocks = numbered(*lead, rows * cols, block_size**2, width)
    picture = deblockify(blocks, block_size, rows * block_size, cols * block_size)
    assert blockify(picture, block_size).equal(blocks)


def test_a_long_picture_comes_back_long():
    # Where the grid is taken to be square, a 4×16 picture comes back 8×8.
    x = numbered(1, 4, 16, 3)
    assert deblockify(blockify(x, 4), 4, 4, 16).equal(x)


@pytest.mark.parametrize(
    ("length", "num_segments", "sizes"),
    [
        (10, 4, [3, 3, 3, 1]),
        (9, 4, [3, 3, 3, 0]),
        (16, 5, [4, 4, 4, 4, 0]),
        (12, 4, [3, 3, 3, 3]),
        (2, 4, [1, 1, 0, 0]),
        (0, 3, [0, 0, 0]),
        (7, 1, [7]),
    ],
)
def test_sizes_of_segments(length, num_segments, sizes):
    assert [part.stop - part.start for part in segment_slices(length, num_segments)] == sizes


@given(st.integers(0, 200), st.integers(1, 20))
def test_segments_cover_every_token_once_in_order(length, num_segments):
    slices = segment_slices(length, num_segments)
    tokens = range(length)
    assert len(slices) == num_segments
    assert [token for part in slices for token in tokens[part]] == list(tokens)
    assert all(0 <= part.start <= part.stop <= length for part in slices)


@given(leads, small, small, small)
def test_a_head_takes_neighbouring_channels(lead, tokens, heads, head_dim):
    x = numbered(*lead, tokens, heads * head_dim)
    split = split_heads(x, heads)
    assert split.shape == (*lead, heads, tokens, head_dim)
    for head in range(heads):
        assert split[..., head, :, :].equal(x[..., head * head_dim : (head + 1) * head_dim])


@given(leads, small, small, small)
def test_merge_undoes_split(lead, tokens, heads, head_dim):
    x = numbered(*lead, tokens, heads * head_dim)
    assert merge_heads(split_heads(x, heads)).equal(x)


@given(leads, small, small, small)
def test_the_channel_of_a_head_after_merging(lead, heads, tokens, head_dim):
    x = numbered(*lead, heads, tokens, head_dim)
    head_major, channel_major = merge_heads(x, "h d"), merge_heads(x, "d h")
    for head in range(heads):
        for d in range(head_dim):
            assert head_major[..., head * head_dim + d].equal(x[..., head, :, d])
            assert channel_major[..., d * heads + head].equal(x[..., head, :, d])


def test_both_orders_have_one_shape_and_different_values():
    x = numbered(2, 3, 4)
    assert merge_heads(x, "h d").shape == merge_heads(x, "d h").shape
    assert not merge_heads(x, "h d").equal(merge_heads(x, "d h"))


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (
            lambda: blockify(torch.zeros(8, 8, 2), 3),
            r"block_size=3 must divide height=8 and width=8",
        ),
        (lambda: blockify(torch.zeros(9, 8, 2), 3), r"block_size=3 .* height=9 and width=8"),
        (lambda: blockify(torch.zeros(8, 9, 2), 3), r"block_size=3 .* height=8 and width=9"),
        (
            lambda: blockify(torch.zeros(8, 8, 2), 0),
            r"block_size must be a whole number, at least 1, got 0",
        ),
        (
            lambda: blockify(torch.zeros(8, 8, 2), -2),
            r"block_size must be a whole number, at least 1, got -2",
        ),
        (lambda: blockify(torch.zeros(8, 8), 2), r"x must be \(…, height, width, C\), .*\(8, 8\)"),
        (lambda: deblockify(torch.zeros(4, 4, 2), 3, 4, 4), r"block_size=3 must divide height=4"),
        (
            lambda: deblockify(torch.zeros(4, 4, 2), 2, 4, 8),
            r"x must be \(…, 8, 4, C\) for .*height=4, width=8, got shape \(4, 4, 2\)",
        ),
        (lambda: deblockify(torch.zeros(4, 9, 2), 2, 4, 4), r"x must be .*got shape \(4, 9, 2\)"),
        (lambda: deblockify(torch.zeros(4, 4), 2, 4, 4), r"x must be .*got shape \(4, 4\)"),
        (lambda: segment_slices(-1, 2), r"length must be a whole number, at least 0, got -1"),
        (lambda: segment_slices(4, 0), r"num_segments must be a whole number, at least 1, got 0"),
        (lambda: split_heads(torch.zeros(4, 6), 4), r"num_heads=4 .*divide C=6"),
        (
            lambda: split_heads(torch.zeros(4, 6), 0),
            r"num_heads must be a whole number, at least 1, got 0",
        ),
        (lambda: split_heads(torch.zeros(6), 2), r"x must be \(…, N, C\), got shape \(6,\)"),
        (
            lambda: merge_heads(torch.zeros(2, 4, 3), "hd"),
            r"order must be one of \('h d', 'd h'\), got 'hd'",
        ),
        (
            lambda: merge_heads(torch.zeros(4, 3)),
            r"x must be \(…, H, N, D\), got shape \(4, 3\)",
        ),
    ],
)
def test_what_does_not_fit_is_named(call, message):
    with pytest.raises(ValueError, match=message):
        call()


@pytest.mark.parametrize(
    ("bad", "good"),
    [
        (lambda x: split_heads(x, 2.0), lambda x: split_heads(x, 2)),
        (lambda x: blockify(x[None], 2.0), lambda x: blockify(x[None].expand(2, -1, -1), 2)),
        (lambda x: segment_slices(8, 2.0), lambda x: segment_slices(8, 2)),
    ],
)
def test_a_float_is_refused_and_leaves_no_trace(bad, good):
    # einops remembers patterns by their sizes, and 2.0 == 2.
    x = torch.zeros(4, 6)
    with pytest.raises(TypeError, match=r"must be a whole number, at least 1, got 2\.0"):
        bad(x)
    assert good(x) is not None
