"""The loop over tiles gives what the textbook gives, and holds no more than a tile."""

import pytest
import torch

from attnlib import attention
from attnlib.course.lessons.kernels import tiles

SIZES = [(7, 9, 3, 2), (8, 8, 4, 4), (1, 1, 1, 1), (5, 12, 2, 6)]  # N, M, D, Dv


def drawn(n, m, d, dv, dtype=torch.float64):
    generator = torch.Generator().manual_seed(0)
    sizes = ((n, d), (m, d), (m, dv))
    return [torch.randn(size, generator=generator, dtype=dtype) for size in sizes]


@pytest.mark.parametrize("size", SIZES, ids=str)
@pytest.mark.parametrize("tile", [1, 2, 3, 4, 50])
def test_the_loop_is_the_textbook(size, tile):
    q, k, v = drawn(*size)
    out, lse = tiles.attend(q, k, v, scale=0.7, tile=tile)
    scores = 0.7 * q @ k.T
    torch.testing.assert_close(out, scores.softmax(-1) @ v, rtol=0, atol=1e-13)
    torch.testing.assert_close(lse, scores.logsumexp(-1), rtol=0, atol=1e-13)


def test_scores_too_large_for_exp_are_no_trouble():
    q, k, v = drawn(6, 10, 3, 2, torch.float32)
    out, lse = tiles.attend(300 * q, k, v, scale=1.0, tile=2)
    assert (q @ k.T * 300).max() > 300  # exp of it is infinite
    want, map_ = attention(300 * q[None], k[None], v[None], scale=1.0, backend="eager")
    torch.testing.assert_close(out, want[0])
    torch.testing.assert_close(lse, map_.lse[0])


def test_a_larger_score_shrinks_what_was_gathered():
    most, total, out = torch.tensor([2.0]), torch.tensor([1.5]), torch.tensor([[3.0, -1.0]])
    scores, values = torch.tensor([[4.0, 0.0]]), torch.tensor([[1.0, 0.0], [0.0, 1.0]])
    merged = tiles.take_in(most, total, out, scores, values)
    shrink, second = torch.tensor(-2.0).exp(), torch.tensor(-4.0).exp()
    assert merged[0].item() == 4
    torch.testing.assert_close(merged[1], (1.5 * shrink + 1 + second)[None])
    torch.testing.assert_close(merged[2], torch.stack([3 * shrink + 1, -shrink + second])[None])


@pytest.mark.parametrize("tile", [1, 3, 4, 50])
def test_the_walk_reads_every_pair_once_and_no_more_than_a_tile(tile):
    q, k, v = drawn(7, 9, 3, 2)
    read = torch.zeros(7, 9)
    for step in tiles.walk(q, k, v, scale=0.7, tile=tile):
        read[step.rows, step.keys] += 1
        torch.testing.assert_close(step.scores, 0.7 * q[step.rows] @ k[step.keys].T)
        assert max(step.scores.shape) <= tile
    assert (read == 1).all()


def test_after_each_step_most_total_and_out_are_those_of_the_keys_read():
    q, k, v = drawn(7, 9, 3, 2)
    for step in tiles.walk(q, k, v, scale=0.7, tile=3):
        seen = slice(0, step.keys.stop)
        scores = 0.7 * q[step.rows] @ k[seen].T
        most = scores.amax(-1)
        weights = (scores - most[:, None]).exp()
        torch.testing.assert_close(step.most, most)
        torch.testing.assert_close(step.total, weights.sum(-1))
        torch.testing.assert_close(step.out, weights @ v[seen])


def test_the_walk_ends_where_the_loop_does():
    q, k, v = drawn(7, 9, 3, 2)
    out, lse = tiles.attend(q, k, v, scale=0.7, tile=4)
    last = [step for step in tiles.walk(q, k, v, scale=0.7, tile=4) if step.keys.stop == 9]
    assert torch.cat([step.out / step.total[:, None] for step in last]).equal(out)
    assert torch.cat([step.most + step.total.log() for step in last]).equal(lse)


@pytest.mark.parametrize("tile", [0, -1, 2.0])
def test_a_tile_holds_at_least_one(tile):
    q, k, v = drawn(2, 2, 2, 2)
    with pytest.raises((ValueError, TypeError), match="tile must be a whole number, at least 1"):
        tiles.attend(q, k, v, scale=1.0, tile=tile)
    with pytest.raises((ValueError, TypeError), match="tile must be a whole number, at least 1"):
        next(tiles.walk(q, k, v, scale=1.0, tile=tile))
