"""The pooled map in one pass of a kernel, against the dense one. See `test_triton.py`."""

import os

import pytest
import torch

from attnlib import AbsolutePositions, RelativePositions, SameGroup, attention, maps
from attnlib.kernels import why_not

if why_not("triton"):
    pytest.skip(why_not("triton"), allow_module_level=True)
if os.environ.get("TRITON_INTERPRET") == "1":
    torch.cuda.is_available = lambda: False

DEVICE = "cuda" if torch.cuda.is_available() else "cpu"


@pytest.fixture(autouse=True)
def pooled_by_the_kernel(monkeypatch):
    """As on CUDA; and it fails where it would not be the kernel that pools."""
    from attnlib.kernels import triton

    monkeypatch.setattr(maps, "triton_for", lambda *_: triton)
    monkeypatch.setattr(maps, "reduce_columns", None)


def some_map(queries, keys, dtype=torch.float32, lead=(2,), head_dim=16, **terms):
    q = torch.randn(*lead, queries, head_dim, device=DEVICE).to(dtype)
    k = torch.randn(*lead, keys, head_dim, device=DEVICE).to(dtype)
    _, map = attention(q, k, k, backend="triton", **terms)
    dense = attention(q.double(), k.double(), k.double(), backend="eager", **terms)[1].weights()
    return map, dense


@pytest.mark.parametrize("reduce", ["mean", "max"])
@pytest.mark.parametrize(
    ("queries", "keys", "size"), [(1, 1, 1), (70, 100, 1), (70, 100, 3), (5, 9, 6), (9, 4, 100)]
)
def test_cells_are_those_of_the_dense_map(pooled_by_definition, queries, keys, size, reduce):
    map, dense = some_map(queries, keys)
    expected = pooled_by_definition(dense, size, reduce)
    torch.testing.assert_close(map.pooled(size, reduce).double(), expected, rtol=1e-5, atol=1e-7)


@pytest.mark.parametrize("reduce", ["mean", "max"])
@pytest.mark.parametrize(
    "terms",
    [
        {"mask": SameGroup(30)},
        {"bias": AbsolutePositions(70, 16), "scale": 0.5},
        {"bias": RelativePositions(71, 16), "mask": SameGroup(50)},
    ],
    ids=["groups", "absolute", "relative, groups"],
)
def test_groups_and_positions_in_a_window_of_the_map(pooled_by_definition, terms, reduce):
    map, dense = some_map(70, 60, **terms)
    rows, cols = slice(13, 68), slice(5, 47)
    got = map.pooled(4, reduce, rows, cols).double()
    expected = pooled_by_definition(dense[:, rows, cols], 4, reduce)
    torch.testing.assert_close(got, expected, rtol=1e-5, atol=1e-7)


@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float16], ids=str)
def test_half_precision_is_pooled_in_float32(pooled_by_definition, dtype):
    map, dense = some_map(70, 60, dtype)
    torch.testing.assert_close(
        map.pooled(4).double(), pooled_by_definition(dense, 4, "mean"), rtol=1e-4, atol=1e-7
    )
    assert map.pooled(4).dtype == torch.float32


def test_axes_before_the_heads_stay(pooled_by_definition):
    map, dense = some_map(20, 20, lead=(2, 3, 2))
    assert map.pooled(3).shape == (2, 3, 2, 3, 3)
    expected = pooled_by_definition(dense, 3, "mean")
    torch.testing.assert_close(map.pooled(3).double(), expected, rtol=1e-5, atol=1e-7)


def test_queries_that_see_nothing_are_zero_in_their_cells():
    map, dense = some_map(90, 30, mask=SameGroup(30))
    assert (map.pooled(3)[:, 1:] == 0).all()
    assert (map.pooled(3)[:, 0] > 0).all()


@pytest.mark.parametrize("reduce", ["mean", "max"])
def test_nan_is_not_lost(reduce):
    q = torch.randn(1, 20, 16, device=DEVICE)
    k = q.clone()
    q[0, 7] = torch.nan
    map = attention(q, k, k, backend="triton")[1]
    cells = map.pooled(4, reduce)
    assert cells[0, 1].isnan().all() and cells[0, [0, 2, 3]].isfinite().all()


def test_log_sum_exps_that_no_kernel_gave_are_asked_of_it():
    q, k = torch.randn(2, 2, 50, 8, device=DEVICE)
    map = attention(q, k, k, backend="sdpa")[1]
    assert map._lse is None
    expected = (q.double() @ k.double().mT / 8**0.5).logsumexp(-1)
    torch.testing.assert_close(map.lse.double(), expected, rtol=1e-6, atol=1e-6)
    assert map._lse is not None


def test_an_empty_window_gives_no_cells():
    map, _ = some_map(9, 9)
    assert map.pooled(3, rows=slice(4, 4)).shape == (2, 0, 3)
