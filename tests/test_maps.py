"""A map is the weights that made the output; any window or pooling of it is that of the whole."""

import importlib.util
from contextlib import contextmanager
from itertools import product
from unittest import mock

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from attnlib import AbsolutePositions, AttentionMap, attention, maps

TOLERANCE = {torch.float64: 1e-12, torch.float32: 1e-5, torch.bfloat16: 0.05}
sizes = st.integers(1, 12)
strips = st.sampled_from([1, 500, 2**20])  # bytes: one row a strip, a few rows, all of them


@contextmanager
def strips_of(strip_bytes):
    with mock.patch.object(maps, "STRIP_BYTES", strip_bytes):
        yield


def parts_of(length):
    """Slices inside 0 … length, some with ends left out, some empty."""
    ends = st.lists(st.integers(0, length), min_size=2, max_size=2).map(sorted)
    return st.one_of(
        ends.map(lambda e: slice(*e)),
        st.integers(0, length).map(lambda stop: slice(stop)),
        st.integers(0, length).map(lambda start: slice(start, None)),
        st.just(slice(None)),
    )


def some_map(device, queries, keys, lead=(2,), dtype=torch.float64, backend="auto", **kwargs):
    """An output, its map and its values, with a bias, and a mask in which row 1 sees nothing."""
    q = torch.randn(*lead, 2, queries, 4, dtype=dtype, device=device)
    k, v = torch.randn(2, *lead, 2, keys, 4, dtype=dtype, device=device)
    mask = torch.rand(queries, keys, device=device) > 0.2
    mask[1:2] = False
    kwargs = {"bias": torch.randn(2, 1, keys, dtype=dtype, device=device), "mask": mask} | kwargs
    out, map = attention(q, k, v, backend=backend, **kwargs)
    return out, map, v


@given(sizes, sizes)
def test_rows_sum_to_one_or_to_zero_where_they_see_nothing(device, queries, keys):
    _, map, _ = some_map(device, queries, keys)
    expected = map.lse.isfinite().double()
    torch.testing.assert_close(map.weights().sum(-1), expected, rtol=0, atol=1e-12)
    assert (map.weights() >= 0).all()


@pytest.mark.parametrize("dtype", TOLERANCE, ids=str)
@given(st.sampled_from([(), (2,), (2, 3)]), sizes, sizes)
def test_the_map_made_the_output(backend, device, dtype, lead, queries, keys):
    out, map, v = some_map(device, queries, keys, lead, dtype, backend)
    again = map.weights() @ v.to(map.weights().dtype)
    torch.testing.assert_close(again.to(dtype), out, rtol=0, atol=TOLERANCE[dtype])


@given(st.data(), sizes, sizes, strips, st.booleans())
def test_a_window_is_the_same_as_from_the_whole(device, data, queries, keys, strip, lse_known):
    _, map, _ = some_map(device, queries, keys)
    rows, cols = data.draw(parts_of(queries)), data.draw(parts_of(keys))
    with strips_of(strip):
        if lse_known:
            assert map.lse.shape == map.shape[:-1]
        window = map.window(rows, cols)
    torch.testing.assert_close(window, map.weights()[..., rows, cols], rtol=0, atol=1e-12)


@pytest.mark.parametrize("lead", [(), (2,), (2, 3)])
def test_a_bias_or_mask_of_any_shape_is_cut_with_the_window(lead, device):
    q, k = torch.randn(2, *lead, 2, 5, 4, dtype=torch.float64, device=device)
    rows, cols = slice(1, 4), slice(2, 5)
    full = (*lead, 2, 5, 5)
    for rank in range(len(full) + 1):
        for shape in product(*({1, size} for size in full[len(full) - rank :])):
            bias = torch.randn(shape, dtype=torch.float64, device=device)
            mask = torch.rand(shape, device=device) > 0.3
            map = AttentionMap(q, k, scale=1.0, bias=bias, mask=mask)
            expected = map.weights()[..., rows, cols]
            torch.testing.assert_close(map.window(rows, cols), expected, rtol=0, atol=1e-12)


@pytest.mark.parametrize("reduce", ["mean", "max"])
@given(st.data(), st.integers(1, 23), st.integers(1, 23), st.integers(1, 25), strips, st.booleans())
def test_pooled_is_the_same_as_from_the_whole(
    pooled_by_definition, device, reduce, data, queries, keys, size, strip, lse_known
):
    _, map, _ = some_map(device, queries, keys, lead=())
    rows, cols = data.draw(parts_of(queries)), data.draw(parts_of(keys))
    with strips_of(strip):
        if lse_known:
            assert map.lse.shape == map.shape[:-1]
        pooled = map.pooled(size, reduce, rows, cols)
    expected = pooled_by_definition(map.weights()[..., rows, cols], size, reduce)
    torch.testing.assert_close(pooled, expected, rtol=0, atol=1e-12)


@pytest.mark.parametrize("reduce", ["mean", "max"])
def test_pooled_over_the_whole_with_uneven_cells_that_strips_cut(
    pooled_by_definition, reduce, device
):
    _, map, _ = some_map(device, 23, 17, lead=(2, 3))
    with strips_of(2 * 3 * 2 * 17 * 8 * 5):  # strips of 5 rows, cells of 3 or 4
        pooled = map.pooled(7, reduce)
    assert pooled.shape == (2, 3, 2, 7, 7)
    expected = pooled_by_definition(map.weights(), 7, reduce)
    torch.testing.assert_close(pooled, expected, rtol=0, atol=1e-12)


def test_pooled_takes_the_mean_by_default(device):
    _, map, _ = some_map(device, 9, 9)
    assert map.pooled(4).equal(map.pooled(4, "mean"))


@pytest.mark.parametrize("reduce", ["mean", "max"])
def test_a_size_over_the_length_gives_every_weight(reduce, device):
    _, map, _ = some_map(device, 6, 9)
    pooled = map.pooled(100, reduce)
    torch.testing.assert_close(pooled, map.weights(), rtol=0, atol=1e-12)


def test_a_bias_or_mask_that_is_a_function_is_asked_only_where_one_looks(device):
    asked = []

    def near(i, j):
        asked.append((i.flatten().tolist(), j.flatten().tolist()))
        return (i - j).abs() < 4

    n = maps.SHORT + 1  # or whole rows would be as fast
    q, k = torch.randn(2, 2, n, 4, dtype=torch.float64, device=device)
    map = AttentionMap(q, k, scale=1.0, mask=near, lse=torch.zeros(2, n, device=device))
    map.window(slice(2, 4), slice(5, 8))
    assert asked == [([2, 3], [5, 6, 7])]


def test_a_window_looks_at_its_own_rows_only(device):
    asked = set()

    def near(i, j):
        asked.update(i.flatten().tolist())
        return (i - j).abs() < 4

    q, k = torch.randn(2, 2, 9, 4, dtype=torch.float64, device=device)
    map = AttentionMap(q, k, scale=1.0, mask=near)
    map.window(slice(2, 4), slice(5, 8))
    map.pooled(1, rows=slice(2, 4), cols=slice(5, 8))
    assert asked == {2, 3}


@given(st.data(), sizes, sizes, strips)
def test_windows_of_functions_are_those_of_tensors(device, data, queries, keys, strip):
    i = torch.arange(queries, device=device)[:, None]
    j = torch.arange(keys, device=device)[None, :]
    bias, mask = lambda i, j: (i - 2 * j) / 5, lambda i, j: (i + j) % 3 != 1
    q = torch.randn(2, queries, 4, dtype=torch.float64, device=device)
    k = torch.randn(2, keys, 4, dtype=torch.float64, device=device)
    functions = AttentionMap(q, k, scale=0.5, bias=bias, mask=mask)
    tensors = AttentionMap(q, k, scale=0.5, bias=bias(i, j), mask=mask(i, j))
    rows, cols = data.draw(parts_of(queries)), data.draw(parts_of(keys))
    with strips_of(strip):
        for look in (
            lambda map: map.window(rows, cols),
            lambda map: map.pooled(3, "max", rows, cols),
            lambda map: map.pooled(2),
            lambda map: map.lse,
        ):
            torch.testing.assert_close(look(functions), look(tensors), rtol=0, atol=1e-12)


def test_positions_in_a_window_are_those_of_the_whole(device):
    q = torch.randn(2, 9, 4, dtype=torch.float64, device=device)
    map = AttentionMap(q, q, scale=1.0, bias=AbsolutePositions(9, 16))
    rows, cols = slice(3, 8), slice(2, 9)
    expected = map.weights()[..., rows, cols]
    torch.testing.assert_close(map.window(rows, cols), expected, rtol=0, atol=1e-12)


@given(sizes, sizes, strips)
def test_lse_is_the_logsumexp_of_the_scores(device, queries, keys, strip):
    q = torch.randn(2, queries, 4, dtype=torch.float64, device=device)
    k = torch.randn(2, keys, 4, dtype=torch.float64, device=device)
    bias = torch.randn(2, queries, keys, dtype=torch.float64, device=device)
    mask = torch.rand(queries, keys, device=device) > 0.3
    scores = 0.3 * torch.einsum("hid,hjd->hij", q, k) + bias
    expected = scores.masked_fill(~mask, -torch.inf).logsumexp(-1)
    with strips_of(strip):
        lse = AttentionMap(q, k, scale=0.3, bias=bias, mask=mask).lse
    torch.testing.assert_close(lse, expected, rtol=0, atol=1e-12)


def test_lse_of_a_row_that_sees_nothing_is_minus_infinity(device):
    _, map, _ = some_map(device, 4, 5)
    assert map.lse[..., 1].isneginf().all()


def test_lse_is_computed_once(device):
    _, map, _ = some_map(device, 4, 5)
    assert map.lse is map.lse


def test_log_sum_exps_that_the_kernel_gave_are_used(device, monkeypatch):
    monkeypatch.setattr(maps, "SHORT", 8)
    q = torch.randn(2, 9, 4, dtype=torch.float64, device=device)
    plain = AttentionMap(q, q, scale=1.0)
    lse = plain.lse + torch.tensor(2.0).log()  # as if a second set of keys took half
    given_lse = AttentionMap(q, q, scale=1.0, lse=lse)
    part = slice(2, 6)
    torch.testing.assert_close(given_lse.window(part, part) * 2, plain.window(part, part))
    pooled = [map.pooled(2, rows=part, cols=part) for map in (given_lse, plain)]
    torch.testing.assert_close(pooled[0] * 2, pooled[1])


@pytest.mark.parametrize("part", [slice(2, 2), slice(0, 0), slice(9, 9)])
def test_an_empty_part_can_be_looked_at_before_and_after_log_sum_exps(part, device, monkeypatch):
    monkeypatch.setattr(maps, "SHORT", 8)
    _, map, _ = some_map(device, 9, 9)
    for _ in range(2):
        assert map.window(slice(0, 3), part).shape == (2, 2, 3, 0)
        assert map.window(part, slice(0, 3)).shape == (2, 2, 0, 3)
        assert map.pooled(3, "max", slice(0, 3), part).shape == (2, 2, 3, 0)
        assert map.lse.shape == (2, 2, 9)


@pytest.mark.parametrize("wrong", [2.0 * maps.LARGE, torch.inf, torch.nan])
def test_log_sum_exps_too_large_to_rebuild_weights_from_are_not_used(wrong, device, monkeypatch):
    monkeypatch.setattr(maps, "SHORT", 8)
    q = torch.randn(2, 9, 4, dtype=torch.float64, device=device)
    plain = AttentionMap(q, q, scale=1.0)
    lse = plain.lse.index_fill(-1, torch.tensor([3], device=device), wrong)
    map, part = AttentionMap(q, q, scale=1.0, lse=lse), slice(2, 6)
    torch.testing.assert_close(map.window(part, part), plain.window(part, part))


@pytest.mark.parametrize(
    ("dtype", "map_dtype"),
    [
        (torch.float64, torch.float64),
        (torch.float32, torch.float32),
        (torch.bfloat16, torch.float32),
        (torch.float16, torch.float32),
    ],
    ids=str,
)
def test_a_map_is_float32_at_least(dtype, map_dtype, device):
    _, map, _ = some_map(device, 5, 6, dtype=dtype)
    part = slice(1, 3)
    looks = (map.weights(), map.window(part, part), map.pooled(2), map.pooled(2, "max"), map.lse)
    assert {x.dtype for x in looks} == {map_dtype}
    assert {x.device for x in looks} == {map.weights().device}


def test_weights_of_bfloat16_are_computed_in_float32(device):
    q, k = torch.randn(2, 2, 9, 16, device=device).bfloat16()
    map = AttentionMap(q, k, scale=1.0)
    expected = (q.double() @ k.double().mT).softmax(-1).float()
    torch.testing.assert_close(map.weights(), expected, rtol=0, atol=1e-5)
    torch.testing.assert_close(map.pooled(9), expected, rtol=0, atol=1e-5)


@pytest.mark.parametrize("reduce", ["mean", "max"])
def test_autocast_does_not_touch_a_map(reduce, device):
    _, map, _ = some_map(device, 9, 9, dtype=torch.float32)
    rows, cols = slice(2, 8), slice(1, 7)
    looks = [map.weights(), map.window(rows, cols), map.pooled(4, reduce, rows, cols)]
    with torch.autocast(device.type, dtype=torch.bfloat16):
        again = [map.weights(), map.window(rows, cols), map.pooled(4, reduce, rows, cols)]
    for got, expected in zip(again, looks, strict=True):
        assert got.dtype == torch.float32
        torch.testing.assert_close(got, expected, rtol=0, atol=1e-6)


def test_shape_is_heads_queries_keys(device):
    _, map, _ = some_map(device, 3, 5, lead=(4, 6))
    assert map.shape == map.weights().shape == (4, 6, 2, 3, 5)
    assert repr(map) == "AttentionMap(shape=(4, 6, 2, 3, 5))"


def test_weights_are_differentiable_in_the_same_backward_as_the_output(backend, device):
    q, k, v = torch.randn(3, 2, 5, 4, dtype=torch.float64, device=device)
    bias = torch.randn(5, 5, dtype=torch.float64, device=device)
    leaves = [x.requires_grad_() for x in (q, k, v, bias)]
    out, map = attention(q, k, v, bias=bias, backend=backend)
    weights = (q @ k.mT / 2 + bias).softmax(-1)
    w, u = torch.randn_like(out), torch.randn_like(weights)
    got = torch.autograd.grad((out * w).sum() + (map.weights() * u).sum(), leaves)
    expected = torch.autograd.grad((weights @ v * w).sum() + (weights * u).sum(), leaves)
    for a, b in zip(got, expected, strict=True):
        torch.testing.assert_close(a, b, rtol=0, atol=1e-12)


def test_a_long_call_has_a_progress_bar_on_a_terminal(monkeypatch):
    import tqdm

    asked = []

    def bar(strips, **settings):
        asked.append((len(strips), settings))
        return strips

    monkeypatch.setattr(tqdm, "tqdm", bar)
    _, map, _ = some_map(torch.device("cpu"), 6, 6)
    with strips_of(1):
        expected = map.pooled(3)
    strips, settings = asked[-1]
    assert strips == 6
    assert settings["delay"] == 2 and settings["disable"] is None and not settings["leave"]
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    asked.clear()
    assert map.pooled(3).allclose(expected)  # without tqdm too
    assert asked == []


def test_parts_of_a_map_carry_no_gradient(device):
    q, k = torch.randn(2, 2, 9, 4, device=device, requires_grad=True)
    map = AttentionMap(q, k, scale=1.0)
    part = slice(2, 5)
    looks = (map.window(part, part), map.pooled(3), map.pooled(3, "max", part, part), map.lse)
    assert not any(x.requires_grad for x in looks)


def test_a_detached_map_is_the_same_without_the_graph(device):
    q, k = torch.randn(2, 2, 9, 4, device=device)
    terms = {
        "bias": torch.randn(9, 9, device=device, requires_grad=True),
        "mask": torch.rand(9, 9, device=device) > 0.3,
        "lse": torch.randn(2, 9, device=device, requires_grad=True),
    }
    map = AttentionMap(q.requires_grad_() * 2, k, scale=0.7, **terms)
    detached = map.detach()
    assert map.weights().requires_grad
    assert not any(x.requires_grad for x in vars(detached).values() if isinstance(x, torch.Tensor))
    assert detached.weights().equal(map.weights())
    assert detached.pooled(4).equal(map.pooled(4))
    assert detached.lse.equal(map.lse)


@pytest.mark.parametrize("shape", [(3, 2, 4, 5), (1, 2, 4, 5), (2, 4, 5), (4, 1, 2, 4, 5), (5,)])
def test_unbind_gives_the_map_of_each_group(shape, device):
    q = torch.randn(4, 3, 2, 4, 8, dtype=torch.float64, device=device)
    k = torch.randn(4, 3, 2, 5, 8, dtype=torch.float64, device=device)
    bias = torch.randn(shape, dtype=torch.float64, device=device)
    mask = torch.rand(shape, device=device) > 0.2
    map = AttentionMap(q, k, scale=0.5, bias=bias, mask=mask)
    groups = map.unbind()
    assert len(groups) == 3
    for group, part in enumerate(groups):
        assert part.shape == (4, 2, 4, 5)
        torch.testing.assert_close(part.weights(), map.weights()[:, group])
        torch.testing.assert_close(part.lse, map.lse[:, group])


def test_unbind_hands_on_the_log_sum_exps_that_are_known(device):
    q = torch.randn(3, 2, 5, 8, device=device)
    lse = torch.randn(3, 2, 5, device=device)
    for group, part in enumerate(AttentionMap(q, q, scale=1.0, lse=lse).unbind()):
        assert part.lse.equal(lse[group])


def test_unbind_shares_functions(device):
    q = torch.randn(3, 2, 5, 8, device=device)
    map = AttentionMap(q, q, scale=0.5, bias=lambda i, j: -(i - j).abs(), mask=lambda i, j: j <= i)
    for group, part in enumerate(map.unbind()):
        torch.testing.assert_close(part.weights(), map.weights()[group])


def test_unbind_needs_an_axis_before_the_heads():
    q = torch.zeros(2, 4, 8)
    with pytest.raises(ValueError, match=r"\(2, 4, 4\)"):
        AttentionMap(q, q, scale=1.0).unbind()


@pytest.mark.parametrize("lse_known", [False, True])
@pytest.mark.parametrize("lead", [(), (2,), (2, 4)])
def test_heads_are_slices_of_the_whole(lead, lse_known, device):
    q = torch.randn(*lead, 3, 5, 4, dtype=torch.float64, device=device)
    k = torch.randn(*lead, 3, 7, 4, dtype=torch.float64, device=device)
    rows, cols, full = slice(1, 4), slice(2, 7), (*lead, 3, 5, 7)
    for rank in range(len(full) + 1):
        for shape in product(*({1, size} for size in full[len(full) - rank :])):
            bias = torch.randn(shape, dtype=torch.float64, device=device)
            mask = torch.rand(shape, device=device) > 0.3
            map = AttentionMap(q, k, scale=0.7, bias=bias, mask=mask)
            if lse_known:
                assert map.lse.shape == full[:-1]
            heads = map.heads()
            assert len(heads) == 3
            for h, head in enumerate(heads):
                assert head.shape == (*lead, 1, 5, 7)
                for got, whole in (
                    (head.window(rows, cols), map.window(rows, cols)),
                    (head.pooled(3), map.pooled(3)),
                    (head.pooled(2, "max", rows, cols), map.pooled(2, "max", rows, cols)),
                    (head.weights(), map.weights()),
                    (head.lse[..., None], map.lse[..., None]),
                ):
                    expected = whole[..., h : h + 1, :, :]
                    torch.testing.assert_close(got, expected, rtol=0, atol=1e-12)


def test_heads_hand_on_the_log_sum_exps_that_are_known(device):
    q = torch.randn(2, 3, 5, 8, device=device)
    lse = torch.randn(2, 3, 5, device=device)
    for h, head in enumerate(AttentionMap(q, q, scale=1.0, lse=lse).heads()):
        assert head.lse.equal(lse[:, h : h + 1])


def test_heads_share_functions(device):
    q = torch.randn(3, 5, 8, device=device)
    map = AttentionMap(q, q, scale=0.5, bias=lambda i, j: -(i - j).abs(), mask=lambda i, j: j <= i)
    for h, head in enumerate(map.heads()):
        torch.testing.assert_close(head.weights()[0], map.weights()[h])
        torch.testing.assert_close(head.pooled(2)[0], map.pooled(2)[h])


def test_heads_keep_the_graph(device):
    q = torch.randn(3, 5, 8, dtype=torch.float64, device=device, requires_grad=True)
    map = AttentionMap(q, q, scale=0.5)
    u = torch.randn(3, 5, 5, dtype=torch.float64, device=device)
    (whole,) = torch.autograd.grad((map.weights() * u).sum(), q)
    parts = torch.cat([head.weights() for head in map.heads()])
    (got,) = torch.autograd.grad((parts * u).sum(), q)
    torch.testing.assert_close(got, whole)


def test_a_single_head_is_itself(device):
    _, map, _ = some_map(device, 4, 5)
    (first, *_), (again,) = map.heads(), map.heads()[0].heads()
    torch.testing.assert_close(again.weights(), first.weights())
    assert again.shape == first.shape == (2, 1, 4, 5)


@pytest.mark.parametrize("dtype", TOLERANCE, ids=str)
def test_an_empty_map_can_be_looked_at(dtype, device):
    nothing = torch.empty(3, 4, 0, 2, dtype=dtype, device=device)
    map = AttentionMap(nothing, nothing, scale=1.0)
    whole = slice(None)
    expected = torch.float64 if dtype == torch.float64 else torch.float32
    for look in (map.weights(), map.window(whole, whole), map.pooled(5), map.pooled(5, "max")):
        assert look.shape == (3, 4, 0, 0)
        assert look.dtype == expected
    assert map.lse.shape == (3, 4, 0)
    assert map.lse.dtype == expected


MAP = AttentionMap(torch.zeros(2, 4, 8), torch.zeros(2, 6, 8), scale=1.0)
ALL = slice(None)


@pytest.mark.parametrize(
    ("call", "error", "message"),
    [
        (lambda: MAP.window(slice(0, 5), ALL), ValueError, r"rows .* inside 0:4, got slice\(0, 5"),
        (lambda: MAP.window(ALL, slice(0, 7)), ValueError, r"cols .* inside 0:6, got slice\(0, 7"),
        (lambda: MAP.window(slice(-2, None), ALL), ValueError, r"rows .*got slice\(-2, None, None"),
        (lambda: MAP.window(ALL, slice(0, -1)), ValueError, r"cols .*got slice\(0, -1, None\)"),
        (lambda: MAP.window(slice(3, 2), ALL), ValueError, r"rows .*got slice\(3, 2, None\)"),
        (lambda: MAP.window(slice(0, 4, 2), ALL), ValueError, r"rows .*step 1.*slice\(0, 4, 2\)"),
        (lambda: MAP.window(slice(3, None, -1), ALL), ValueError, r"rows .*of step 1 .*None, -1\)"),
        (lambda: MAP.window(2, ALL), TypeError, r"rows must be a slice, got int"),
        (lambda: MAP.window(ALL, None), TypeError, r"cols must be a slice, got NoneType"),
        (lambda: MAP.pooled(0), ValueError, r"size must be .*at least 1, got 0"),
        (lambda: MAP.pooled(-3), ValueError, r"size must be .*at least 1, got -3"),
        (lambda: MAP.pooled(2, "sum"), ValueError, r"reduce must be .*'max'.*, got 'sum'"),
        (lambda: MAP.pooled(2, rows=slice(2, 5)), ValueError, r"rows .*0:4, got slice\(2, 5"),
        (lambda: MAP.pooled(2, cols=slice(2, 9)), ValueError, r"cols .*0:6, got slice\(2, 9"),
        (lambda: MAP.pooled(2, cols=3), TypeError, r"cols must be a slice, got int"),
    ],
)
def test_a_part_that_is_not_there_is_named(call, error, message):
    with pytest.raises(error, match=message):
        call()


@pytest.mark.parametrize("size", [2.5, "2", None, True])
def test_a_size_that_is_no_whole_number_is_named(size):
    with pytest.raises((TypeError, TypeError), match=r"size must be a whole number.*, got"):
        MAP.pooled(size)


def test_a_step_of_one_may_be_said():
    assert MAP.window(slice(1, 3, 1), slice(2, 3, 1)).shape == (2, 2, 1)


def test_a_stored_map_outlives_a_step_of_a_learned_bias(device):
    q = torch.randn(2, 5, 4, device=device)
    bias = torch.randn(2, 5, 5, device=device, requires_grad=True)
    out, map = attention(q, q, q, bias=bias)
    stored = map.detach()
    with torch.no_grad():
        bias += 10 * torch.randn_like(bias)
    torch.testing.assert_close(stored.weights() @ q, out.detach())


@pytest.mark.parametrize("ends", [("a", 2), (0.5, 2), (0, 2.0)])
def test_a_window_without_whole_numbers_is_named(ends):
    _, map = attention(*torch.randn(3, 1, 4, 2))
    with pytest.raises(TypeError, match="rows must be a slice of whole numbers"):
        map.window(slice(*ends), slice(0, 1))
