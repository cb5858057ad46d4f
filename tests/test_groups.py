"""Tokens of one group see each other: as a function of indices, and as an axis G."""

import pytest
import torch

from attnlib import SameGroup, attention, blockify, segment_slices


def test_the_last_group_may_be_shorter(device):
    index = torch.arange(5, device=device)
    expected = torch.tensor([[1, 1, 0, 0, 0], [0, 0, 1, 1, 0], [0, 0, 0, 0, 1]], dtype=torch.bool)
    got = SameGroup(2)(index[:, None], index[None, :])
    assert got[[0, 1, 2, 3, 4]].equal(expected[[0, 0, 1, 1, 2]].to(device))


def test_it_does_what_an_axis_of_groups_does(device):
    picture = torch.randn(2, 8, 8, 16, device=device, dtype=torch.float64)
    blocks = blockify(picture, 4)  # (B, G, N, C)
    grouped, _ = attention(*[blocks[:, :, None]] * 3)
    flat = blocks.flatten(1, 2)[:, None]  # (B, 1, G·N, C)
    out, map = attention(flat, flat, flat, mask=SameGroup(16))
    torch.testing.assert_close(out[:, 0].view_as(blocks), grouped[:, :, 0], rtol=0, atol=1e-12)
    assert (map.weights()[..., :16, 16:] == 0).all()


@pytest.mark.parametrize(("length", "segments"), [(10, 4), (9, 4), (16, 5), (7, 2)])
def test_segments_are_groups_of_the_ceiling(length, segments):
    index = torch.arange(length)
    expected = torch.zeros(length, length, dtype=torch.bool)
    for rows in segment_slices(length, segments):
        expected[rows, rows] = True
    assert SameGroup(-(-length // segments))(index[:, None], index[None, :]).equal(expected)


@pytest.mark.parametrize(("size", "error"), [(0, ValueError), (2.0, TypeError), (True, TypeError)])
def test_a_size_that_is_none_is_named(size, error):
    with pytest.raises(error, match="size must be a whole number, at least 1, got"):
        SameGroup(size)


def test_its_repr_names_the_size():
    assert repr(SameGroup(4)) == "SameGroup(4)"
