"""The kernel written to be read, against the textbook. On CUDA as it is; elsewhere interpreted.

Where there is no GPU `tests/test_interpreted.py` runs this file in a process of its own, in which
NumPy stands in for the GPU.
"""

import os

import pytest
import torch

from attnlib import AbsolutePositions, RelativePositions, SameGroup, SelfAttention, attention
from attnlib.kernels import why_not
from attnlib.positions import KeptTable

if why_not("triton"):
    pytest.skip(why_not("triton"), allow_module_level=True)
if os.environ.get("TRITON_INTERPRET") == "1":
    torch.cuda.is_available = lambda: False

DEVICE = "cuda" if torch.cuda.is_available() else "cpu"
HALVES = [torch.bfloat16, torch.float16]
# One tile is at most 128 queries × 64 keys: less than one, some whole ones, and a rest.
SIZES = [(1, 1, 1, 1), (40, 50, 7, 9), (256, 128, 64, 64), (129, 65, 32, 48)]


def qkv(queries, keys, head_dim, value_dim, lead=(2,), dtype=torch.float32):
    widths = ((queries, head_dim), (keys, head_dim), (keys, value_dim))
    return tuple(torch.randn(*lead, *width, device=DEVICE).to(dtype) for width in widths)


def positions(kind, queries, keys):
    """Of an even and of an odd length."""
    length = max(queries, keys)
    return {
        "none": None,
        "absolute": AbsolutePositions(length + length % 2, 16),
        "relative": RelativePositions(length + 1 - length % 2, 16),
    }[kind]


def worst(got, oracle):
    return (got.to(oracle.dtype) - oracle).abs().max()


def check(q, k, v, **terms):
    """Out within the errors of the textbook in the same dtype, log-sum-exps to float32."""
    out, map = attention(q, k, v, backend="triton", **terms)
    textbook, _ = attention(q, k, v, backend="eager", **terms)
    wide = [x.double() for x in (q, k, v)]
    oracle, oracle_map = attention(*wide, backend="eager", **terms)
    assert out.dtype == q.dtype and out.shape == oracle.shape
    ulp = torch.finfo(q.dtype).eps * v.abs().max().double()
    assert worst(out, oracle) <= 2 * worst(textbook, oracle) + 4 * ulp
    assert map._lse is not None
    torch.testing.assert_close(map.lse.double(), oracle_map.lse, rtol=1e-6, atol=1e-5)
    return out, map


@pytest.mark.parametrize("group", [None, 7, 64, 1000])
@pytest.mark.parametrize("kind", ["none", "absolute", "relative"])
@pytest.mark.parametrize("sizes", SIZES, ids=str)
def test_the_kernel_is_as_exact_as_the_textbook(sizes, kind, group):
    mask = None if group is None else SameGroup(group)
    check(*qkv(*sizes), bias=positions(kind, *sizes[:2]), mask=mask)


@pytest.mark.parametrize("dtype", HALVES, ids=str)
@pytest.mark.parametrize("sizes", SIZES, ids=str)
def test_in_half_precision_too(sizes, dtype):
    check(*qkv(*sizes, dtype=dtype), mask=SameGroup(20), bias=positions("absolute", *sizes[:2]))
    check(*qkv(*sizes, dtype=dtype), scale=0.9)


@pytest.mark.parametrize("head_dim", [96, 160, 256])
def test_wider_heads_take_smaller_tiles(head_dim):
    check(*qkv(70, 70, head_dim, head_dim, lead=(1,)))
    check(*qkv(70, 70, head_dim, head_dim, lead=(1,), dtype=torch.float16))


@pytest.mark.parametrize("lead", [(1,), (2, 3, 2)])
def test_every_batch_group_and_head_by_itself(lead):
    check(*qkv(20, 30, 8, 8, lead=lead))


@pytest.mark.parametrize("scale", [0.0, -1.0, 3])
def test_any_scale(scale):
    check(*qkv(20, 30, 8, 8), scale=scale)


def test_queries_whose_group_has_no_keys_give_zeros():
    q, k, v = qkv(150, 40, 8, 8)
    out, map = check(q, k, v, mask=SameGroup(40))
    assert (out[:, 40:] == 0).all() and (out[:, :40] != 0).any()
    assert map.lse[:, 40:].isneginf().all()


def test_the_map_made_the_output():
    q, k, v = qkv(70, 130, 16, 16)
    out, map = attention(q, k, v, mask=SameGroup(50), backend="triton")
    torch.testing.assert_close(map.weights() @ v, out, rtol=0, atol=2e-6)
    window = map.window(slice(10, 30), slice(20, 120))
    torch.testing.assert_close(window, map.weights()[:, 10:30, 20:120], rtol=0, atol=2e-6)


def test_large_scores_do_not_overflow_and_small_ones_are_not_lost():
    q, k, v = qkv(40, 100, 8, 8)
    check(q * 30, k, v, scale=1.0)
    descending = torch.arange(100.0, 0, -1, device=DEVICE)[:, None].expand(2, 100, 1)
    check(torch.ones_like(q[..., :1]), descending.contiguous(), v, scale=1.0)
    check(torch.ones_like(q[..., :1]), descending.flip(1), v, scale=1.0)


def test_memory_order_does_not_matter():
    wide = torch.randn(3, 50, 2, 16, device=DEVICE)
    check(*wide.transpose(1, 2))


def test_positions_as_a_module_keeps_them_are_never_made_a_table():
    q, k, v = qkv(40, 40, 8, 8)
    bias = KeptTable(AbsolutePositions(40, 16))
    out, _ = attention(q, k, v, bias=bias, backend="triton")
    assert bias._tables == {}
    expected, _ = attention(q, k, v, bias=bias, backend="eager")
    torch.testing.assert_close(out, expected, rtol=0, atol=2e-6)


def test_positions_far_out_are_exact():
    q, k, v = qkv(1, 10_000, 16, 16, lead=(1,), dtype=torch.float16)
    check(q, k, v, bias=RelativePositions(10_000, 64), scale=0.1)


@pytest.mark.parametrize("which", [0, 1, 2])
def test_nan_in_gives_nan_out(which):
    tensors = qkv(100, 100, 8, 8)
    tensors[which][0, 70, 3] = torch.nan
    out, _ = attention(*tensors, backend="triton")
    expected, _ = attention(*tensors, backend="eager")
    assert out.isnan().equal(expected.isnan())
    assert out.isnan().any()


def test_scores_that_overflow_give_nan():
    q, k, v = qkv(10, 10, 8, 8)
    assert attention(q + 1e20, k + 1e20, v, backend="triton")[0].isnan().all()


def test_under_autocast_the_output_is_low_precision():
    q, k, v = qkv(10, 10, 8, 8)
    with torch.autocast(DEVICE, dtype=torch.bfloat16):
        out, map = attention(q, k, v, backend="triton")
        expected, _ = attention(q, k, v, backend="eager")
    assert out.dtype == torch.bfloat16
    torch.testing.assert_close(out, expected, rtol=0, atol=0.05)
    assert map.weights().dtype == torch.float32


def test_a_module_takes_it_where_no_gradients_are_wanted():
    x = torch.randn(45, 32, device=DEVICE)
    modules = [
        SelfAttention(32, 32, heads=4, pos_enc="relative", backend=backend).eval().to(DEVICE)
        for backend in ("auto", "triton")
    ]
    modules[1].load_state_dict(modules[0].state_dict())
    with torch.no_grad():
        expected, got = (module(x)[0] for module in modules)
    torch.testing.assert_close(got, expected, rtol=0, atol=2e-6)


def test_scores_that_overflow_to_minus_infinity_give_nan_and_no_keys_give_zeros():
    q, k, v = qkv(60, 20, 8, 8)
    call = {"mask": SameGroup(20), "scale": -1.0, "dropout": 0.0, "bias": None}
    from attnlib.kernels import triton

    out, lse = triton.attend(q.abs() + 1e20, k.abs() + 1e20, v, **call)
    assert out[:, :20].isnan().all() and lse[:, :20].isnan().all()
    assert (out[:, 20:] == 0).all() and lse[:, 20:].isneginf().all()


def wanting(change):
    q, k, v = qkv(4, 4, 8, 8)
    call = {"q": q, "k": k, "v": v} | change(q, k, v)
    return attention(**call, backend="triton")


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda q, k, v: {"dropout": 0.5}, 'has no dropout: take "sdpa" or "eager"'),
        (lambda q, k, v: {"v": v.clone().requires_grad_()}, r"gives no gradients: take .*no_grad"),
        (
            lambda q, k, v: dict(zip("qkv", (q.double(), k.double(), v.double()), strict=True)),
            'takes float32, float16 and bfloat16, got torch.float64: take "sdpa" or "eager"',
        ),
        (
            lambda q, k, v: {"v": torch.randn(2, 4, 257, device=DEVICE)},
            'at most 256 wide, got D=8, Dv=257: take "sdpa" or "eager"',
        ),
        (lambda q, k, v: {"bias": lambda i, j: i - j}, 'positions as bias, no other: take "flex"'),
        (lambda q, k, v: {"bias": torch.randn(4, 4, device=DEVICE)}, "positions as bias, no other"),
        (lambda q, k, v: {"mask": lambda i, j: i > j}, 'SameGroup as mask, no other: take "flex"'),
    ],
)
def test_what_it_cannot_serve_it_says_and_names_another(change, message):
    with pytest.raises(ValueError, match=rf'^backend="triton" .*{message}'):
        wanting(change)


def test_without_a_graph_gradients_are_not_wanted():
    q, k, v = (x.requires_grad_() for x in qkv(4, 4, 8, 8))
    with torch.no_grad():
        assert attention(q, k, v, backend="triton")[0].shape == (2, 4, 8)
