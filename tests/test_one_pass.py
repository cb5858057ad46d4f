"""A map pooled in one pass over its tiles is the map in float64, pooled, at any magnitude."""

from contextlib import contextmanager
from unittest import mock

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from attnlib import AttentionMap, attention, maps
from attnlib.kernels import one_pass

DTYPES = (torch.float32, torch.float64, torch.bfloat16, torch.float16)
C = 16  # roundings of a score: its D products, the scale, the bias, and exp


@contextmanager
def small_tiles(queries, keys, calls=None):
    """Tiles so small that short maps have many; `calls` gathers what each strip gave."""
    run = one_pass.OnePass.__call__

    def listened(self, rows):
        found = run(self, rows)
        if calls is not None:
            calls.append((self.follows, found is not None))
        return found

    with (
        mock.patch.object(maps, "SHORT", 0),
        mock.patch.object(one_pass, "TILE_Q", queries),
        mock.patch.object(one_pass, "TILE_K", keys),
        mock.patch.object(one_pass.OnePass, "__call__", listened),
    ):
        yield


def part_of(draw, length):
    return slice(*sorted(draw(st.tuples(st.integers(0, length), st.integers(0, length)))))


@st.composite
def cases(draw):
    """A map, its weights in float64, the rounding that each row may have, and a look at it."""
    dtype = draw(st.sampled_from(DTYPES))
    lead = draw(st.sampled_from([(1,), (2,), (2, 2)]))
    queries, keys = draw(st.integers(1, 40)), draw(st.integers(1, 60))
    magnitude = draw(st.sampled_from([1.0, 1.0, 10.0, 300.0]))  # scores up to some 10⁵
    generator = torch.Generator().manual_seed(draw(st.integers(0, 2**31)))

    def numbers(*shape):
        return torch.randn(shape, generator=generator, dtype=torch.float64)

    q, k = numbers(*lead, queries, 8).mul(magnitude).to(dtype), numbers(*lead, keys, 8).to(dtype)
    shape = draw(st.sampled_from([(queries, keys), (keys,), (queries, 1), (*lead, queries, keys)]))
    bias = mask = None
    if draw(st.booleans()):
        bias = numbers(*shape) * draw(st.sampled_from([1.0, 100.0, 1e4]))
        bias[numbers(*shape) > 1] = -torch.inf
        bias = bias.to(draw(st.sampled_from([torch.float32, torch.float64])))
    if draw(st.booleans()):
        mask = numbers(*shape) > draw(st.sampled_from([-1.0, 1.0]))
        mask = torch.where(numbers(*shape[:-1], 1) > -1, mask, False)  # some rows see nothing
    scale = draw(st.sampled_from([8**-0.5, 1.0, -2.0]))
    scores = scale * q.double() @ k.double().mT
    scores = scores if bias is None else scores + bias.to(scores.dtype)
    scores = scores if mask is None else scores.masked_fill(~mask, -torch.inf)
    dense = scores.softmax(-1).nan_to_num(0.0)
    eps = torch.finfo(torch.promote_types(dtype, torch.float32)).eps
    largest = scores.abs().masked_fill(dense < 1e-12, 0.0).amax(-1)
    rounding = C * eps * (1 + largest)
    table = bias
    if table is not None and table.shape == (queries, keys) and draw(st.booleans()):
        bias = lambda i, j: table[i, j]
    map = AttentionMap(q, k, scale=scale, bias=bias, mask=mask)
    look = draw(st.integers(1, 70)), draw(st.sampled_from(["mean", "max"]))
    return map, dense, rounding, look, part_of(draw, queries), part_of(draw, keys)


@given(cases(), st.integers(1, 9), st.integers(1, 9), st.booleans())
def test_cells_are_those_of_the_weights_in_float64(
    pooled_by_definition, case, tile_q, tile_k, lse_known
):
    map, dense, rounding, (size, reduce), rows, cols = case
    with small_tiles(tile_q, tile_k):
        if lse_known:
            map.lse  # noqa: B018  kept
        got = map.pooled(size, reduce, rows, cols)
    expected = pooled_by_definition(dense[..., rows, cols], size, reduce)
    assert got.shape == expected.shape and got.isfinite().all()
    if got.numel():  # a weight is at most 1
        limit = rounding[..., rows].amax((-1, -2, *range(-rounding.dim(), -2)))
        assert ((got.double() - expected).abs() <= limit).all()
    assert ((got == 0) | (expected > 0)).all()  # where nothing is seen, exactly


@given(cases(), st.integers(1, 9), st.integers(1, 9))
def test_log_sum_exps_are_those_of_whole_rows(case, tile_q, tile_k):
    map, _, rounding, *_ = case
    with small_tiles(tile_q, tile_k):
        lse = map.lse
    whole = AttentionMap(map._q.double(), map._k.double(), **map._terms).lse
    assert lse.isneginf().equal(whole.isneginf())
    apart = (lse.double() - whole).abs().masked_fill(whole.isneginf(), 0.0)
    assert (apart <= 2 * rounding + 1e-6).all()


def looks(map):
    return [map.pooled(4, reduce) for reduce in ("mean", "max")]


def test_no_whole_row_is_computed_where_it_is_one_pass(monkeypatch):
    q, k = torch.randn(2, 2, 30, 8)
    expected = looks(AttentionMap(q, k, scale=1.0))
    monkeypatch.setattr(AttentionMap, "_rows", None)
    with small_tiles(4, 5):
        got = looks(AttentionMap(q, k, scale=1.0))
    torch.testing.assert_close(got, expected)


@pytest.mark.parametrize("ascending", [1, -1])
def test_scores_that_pass_the_first_by_far_are_followed(ascending):
    slope = ascending * 50.0 * torch.arange(30)  # exp(50 · 30) overflows, even in float64
    for dtype in (torch.float32, torch.float64):
        q, k = torch.randn(2, 2, 30, 8, dtype=dtype)
        map, calls = AttentionMap(q, k, scale=1.0, bias=slope), []
        expected = looks(map)
        with small_tiles(30, 5, calls):
            torch.testing.assert_close(looks(map), expected)
        assert calls == [(ascending == 1, True)] * 2


def test_rows_that_see_nothing_in_the_first_tiles_keep_their_digits():
    q, k = torch.randn(2, 2, 30, 8)
    mask = torch.arange(30) // 10 == torch.arange(30)[:, None] // 10
    for bias in (-300.0, 300.0):  # exp of either is lost, relative to 1
        map = AttentionMap(q, k, scale=1.0, mask=mask, bias=torch.tensor(bias))
        expected = looks(map)
        with small_tiles(7, 5):
            torch.testing.assert_close(looks(map), expected)


@pytest.mark.parametrize("wrong", [torch.nan, torch.inf, 1e30])
@pytest.mark.parametrize("where", ["q", "bias"])
def test_rows_that_overflow_are_as_whole_rows_have_them(wrong, where):
    q, k, bias = torch.randn(1, 12, 8), torch.randn(1, 20, 8), torch.randn(12, 20)
    q[0, 7] = wrong if where == "q" else q[0, 7]
    bias[7, 15] = wrong if where == "bias" else bias[7, 15]
    k = k * (1e10 if wrong == 1e30 and where == "q" else 1.0)
    map = AttentionMap(q, k, scale=1.0, bias=bias)
    expected, lse = looks(map), map.lse
    with small_tiles(4, 5):
        again = AttentionMap(q, k, scale=1.0, bias=bias)
        torch.testing.assert_close(looks(again), expected, equal_nan=True)
        torch.testing.assert_close(again.lse, lse, equal_nan=True)
    assert wrong == 1e30 or expected[0][:, 2].isnan().all()


@pytest.mark.parametrize("bias", [torch.finfo(torch.float32).min, -torch.inf])
def test_a_row_that_underflows_is_not_one_that_sees_nothing(bias):
    q, k = 1e18 * torch.ones(1, 12, 8), -1e18 * torch.ones(1, 20, 8)
    with small_tiles(4, 5):
        got = attention(q, k, k, bias=torch.full((12, 20), bias), backend="eager")[1].pooled(3)
    whole = attention(q, k, k, bias=torch.full((12, 20), bias), backend="eager")[1].pooled(3)
    torch.testing.assert_close(got, whole, equal_nan=True)


@pytest.mark.parametrize("wrong", [torch.nan, torch.inf, 1e4, -300.0])
def test_log_sum_exps_that_are_wrong_by_far_are_not_used(wrong):
    q, k = torch.randn(2, 2, 30, 8)
    plain = AttentionMap(q, k, scale=1.0)
    lse = plain.lse.index_fill(-1, torch.tensor([3]), wrong)
    part = {"rows": slice(2, 9), "cols": slice(4, 12)}
    with small_tiles(4, 5):
        got = AttentionMap(q, k, scale=1.0, lse=lse).pooled(3, **part)
    torch.testing.assert_close(got, plain.pooled(3, **part))


def test_only_the_columns_of_cells_are_asked_where_log_sum_exps_are_known():
    asked = set()

    def near(i, j):
        asked.update(j.flatten().tolist())
        return (i - j).abs() < 20

    map = AttentionMap(*torch.randn(2, 3, 30, 8), scale=1.0, mask=near)
    with small_tiles(4, 5):
        map.lse  # noqa: B018  kept
        asked.clear()
        map.pooled(3, cols=slice(8, 19))
    assert asked == set(range(8, 19))


def test_a_function_is_asked_once_for_all_heads():
    asked = []

    def bias(i, j):
        asked.append(j.flatten().tolist())
        return (i - j) / 10

    with small_tiles(30, 10):
        AttentionMap(*torch.randn(2, 3, 4, 30, 8), scale=1.0, bias=bias).pooled(3)
    assert asked == [list(range(first, first + 10)) for first in (0, 10, 20)]


def test_autocast_does_not_round_a_tile():
    q, k = torch.randn(2, 2, 30, 8)
    map = AttentionMap(q, k, scale=1.0, bias=lambda i, j: (i / 7) @ (j / 9))
    with small_tiles(4, 5):
        expected = looks(map)
        with torch.autocast("cpu", dtype=torch.bfloat16):
            got = looks(map)
    assert all(a.equal(b) for a, b in zip(got, expected, strict=True))
