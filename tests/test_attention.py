"""The one contract: softmax(scale · q kᵀ + bias) v, in every backend, dtype and shape."""

import importlib
import itertools
import math

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch.utils._python_dispatch import TorchDispatchMode

from attnlib import (
    AttentionMap,
    BlockAttention,
    GlobalLocalAttention,
    SelfAttention,
    attention,
    available_backends,
)
from attnlib.kernels import BACKENDS

LEADS = [(), (2,), (2, 3)]  # the axes before the heads
sizes = st.integers(1, 7)
terms = st.sampled_from(["none", "tensor", "function"])


def qkv(lead, heads, queries, keys, head_dim, value_dim, device, dtype=torch.float64):
    q = torch.randn(*lead, heads, queries, head_dim, device=device, dtype=dtype)
    k = torch.randn(*lead, heads, keys, head_dim, device=device, dtype=dtype)
    return q, k, torch.randn(*lead, heads, keys, value_dim, device=device, dtype=dtype)


def in_loops(q, k, v, scale, bias, mask):
    """One head, (N, D), (M, D), (M, E), bias and mask (N, M): the formula, number by number."""
    out = []
    for i, query in enumerate(q.tolist()):
        scores = [
            scale * sum(a * b for a, b in zip(query, key, strict=True)) + bias[i][j].item()
            for j, key in enumerate(k.tolist())
        ]
        powers = [math.exp(s) if mask[i][j] else 0.0 for j, s in enumerate(scores)]
        total = sum(powers) or 1.0  # a row that sees nothing gives zeros
        weights = [power / total for power in powers]
        columns = zip(*v.tolist(), strict=True)
        out.append([sum(w * x for w, x in zip(weights, col, strict=True)) for col in columns])
    return torch.tensor(out, dtype=torch.float64)


@pytest.mark.parametrize("lead", LEADS)
def test_attention_is_the_formula(lead, backend, device):
    q, k, v = qkv(lead, 2, 4, 5, 3, 6, device)
    bias = torch.randn(*lead, 2, 4, 5, dtype=torch.float64, device=device)
    mask = torch.rand(*lead, 2, 4, 5, device=device) > 0.4
    mask[..., 0, 1, :] = False
    out, _ = attention(q, k, v, scale=0.7, bias=bias, mask=mask, backend=backend)
    for index in itertools.product(*map(range, (*lead, 2))):
        expected = in_loops(q[index], k[index], v[index], 0.7, bias[index], mask[index])
        torch.testing.assert_close(out[index].cpu(), expected, rtol=0, atol=1e-12)


def test_the_scale_is_one_over_the_root_of_the_head_width(backend, device):
    q, k, v = qkv((), 2, 4, 5, 9, 6, device)
    out, map = attention(q, k, v, backend=backend)
    expected, expected_map = attention(q, k, v, scale=1 / 3, backend=backend)
    assert out.equal(expected)
    assert map.weights().equal(expected_map.weights())


def test_a_scale_of_zero_takes_the_mean(backend, device):
    q, k, v = qkv((2,), 2, 4, 5, 3, 3, device)
    out, _ = attention(q, k, v, scale=0.0, backend=backend)
    torch.testing.assert_close(out, v.mean(-2, keepdim=True).expand_as(out))


def worst(got, oracle):
    """The largest error; torch's maximum, since Python's would lose a NaN."""
    return (got.to(oracle.dtype) - oracle).abs().max()


def as_exact_as_the_textbook(q, k, v, backend, **kwargs):
    """The output, seen to be off by little more than the textbook's is in that dtype."""
    oracle, _ = attention(q.double(), k.double(), v.double(), backend="eager", **kwargs)
    out, _ = attention(q, k, v, backend=backend, **kwargs)
    textbook, _ = attention(q, k, v, backend="eager", **kwargs)
    assert out.dtype == q.dtype
    ulp = torch.finfo(q.dtype).eps * v.abs().max().double()
    limit = 1e-12 if q.dtype == torch.float64 else 2 * worst(textbook, oracle) + 4 * ulp
    assert worst(out, oracle) <= limit
    return out


@pytest.mark.parametrize("dtype", [torch.float64, torch.float32, torch.bfloat16], ids=str)
@given(
    st.sampled_from(LEADS),
    st.integers(1, 3),
    st.integers(1, 40),
    st.integers(1, 40),
    st.sampled_from([1, 4, 8, 32]),
    st.sampled_from([None, 1.0, 0.1, -0.5, 0.0]),
    terms,
    terms,
)
def test_a_kernel_is_as_exact_as_the_textbook(
    backend, device, dtype, lead, heads, queries, keys, head_dim, scale, bias, mask
):
    q, k, v = qkv(lead, heads, queries, keys, head_dim, head_dim, device, dtype)
    kwargs = {"scale": scale, "bias": None, "mask": None}
    if bias != "none":
        numbers = torch.randn(queries, keys, device=device, dtype=dtype)
        kwargs["bias"] = numbers if bias == "tensor" else lambda i, j: numbers[i, j]
    if mask != "none":
        may = torch.rand(queries, keys, device=device) > 0.3
        kwargs["mask"] = may if mask == "tensor" else lambda i, j: may[i, j]
    as_exact_as_the_textbook(q, k, v, backend, **kwargs)


@pytest.mark.parametrize("lead", LEADS)
def test_gradients_are_those_of_the_textbook(lead, backend, device):
    q, k, v = qkv(lead, 2, 4, 5, 8, 8, device)
    bias = torch.randn(2, 1, 5, dtype=torch.float64, device=device)
    mask = torch.rand(4, 5, device=device) > 0.3
    mask[1] = False
    w = torch.randn_like(q)

    def gradients(backend):
        leaves = [x.clone().requires_grad_() for x in (q, k, v, bias)]
        out, _ = attention(*leaves[:3], bias=leaves[3], mask=mask, backend=backend)
        return torch.autograd.grad((out * w).sum(), leaves)

    for got, expected in zip(gradients(backend), gradients("eager"), strict=True):
        torch.testing.assert_close(got, expected, rtol=0, atol=1e-12)


def legal_shapes(full):
    """All shapes that broadcast to `full`, from () on."""
    for rank in range(len(full) + 1):
        yield from itertools.product(*({1, size} for size in full[len(full) - rank :]))


@pytest.mark.parametrize("lead", LEADS)
def test_every_shape_that_broadcasts_serves(lead, backend, device):
    q, k, v = qkv(lead, 2, 3, 4, 5, 5, device)
    full = (*lead, 2, 3, 4)
    for shape in legal_shapes(full):
        bias = torch.randn(shape, dtype=torch.float64, device=device)
        mask = torch.rand(shape, device=device) > 0.3
        out, map = attention(q, k, v, bias=bias, mask=mask, backend=backend)
        spread = {"bias": bias.expand(full), "mask": mask.expand(full)}
        expected, _ = attention(q, k, v, backend="eager", **spread)
        said = f"bias and mask of shape {shape}: {{}}".format
        torch.testing.assert_close(out, expected, rtol=0, atol=1e-12, msg=said)
        torch.testing.assert_close(map.weights() @ v, expected, rtol=0, atol=1e-12, msg=said)


def test_a_function_is_as_good_as_a_tensor(backend, device):
    q, k, v = qkv((2, 3), 2, 4, 6, 5, 5, device)
    i, j = torch.arange(4, device=device)[:, None], torch.arange(6, device=device)[None, :]
    bias, mask = lambda i, j: (j - i) / 3, lambda i, j: j <= i + 1
    out, map = attention(q, k, v, bias=bias, mask=mask, backend=backend)
    expected, expected_map = attention(q, k, v, bias=bias(i, j), mask=mask(i, j), backend=backend)
    torch.testing.assert_close(out, expected, rtol=0, atol=1e-12)
    torch.testing.assert_close(map.weights(), expected_map.weights(), rtol=0, atol=1e-12)


def test_a_bias_of_minus_infinity_excludes_as_a_mask_does(backend, device):
    q, k, v = qkv((2,), 2, 4, 5, 8, 8, device)
    mask = torch.rand(4, 5, device=device) > 0.4
    mask[:, 0] = True  # every row sees something
    bias = torch.zeros(4, 5, device=device).masked_fill(~mask, -torch.inf)
    out, map = attention(q, k, v, bias=bias, backend=backend)
    expected, expected_map = attention(q, k, v, mask=mask, backend=backend)
    torch.testing.assert_close(out, expected, rtol=0, atol=1e-12)
    torch.testing.assert_close(map.weights(), expected_map.weights(), rtol=0, atol=1e-12)
    torch.testing.assert_close(map.pooled(3), expected_map.pooled(3), rtol=0, atol=1e-12)


@pytest.mark.parametrize("dtype", [torch.float64, torch.float32, torch.bfloat16], ids=str)
@pytest.mark.parametrize("bias_dtype", [torch.float64, torch.float32, torch.int64], ids=str)
@pytest.mark.parametrize("as_function", [False, True])
def test_a_bias_of_another_dtype_is_taken(dtype, bias_dtype, as_function, backend, device):
    q, k, v = qkv((2,), 2, 4, 5, 8, 8, device, dtype)
    bias = torch.randint(-3, 4, (4, 5), device=device)  # which every dtype can tell
    other = bias.to(bias_dtype)
    term = (lambda i, j: other[i, j]) if as_function else other
    out = as_exact_as_the_textbook(q, k, v, backend, bias=term)
    # Beside a wider bias a GPU's kernel computes in its dtype: closer to the formula, not equal.
    if backend == "eager" or device.type == "cpu" or dtype != torch.bfloat16:
        assert out.equal(attention(q, k, v, bias=bias.to(dtype), backend=backend)[0])


@pytest.mark.parametrize("lead", LEADS)
@pytest.mark.parametrize("biased", [False, True])
def test_a_row_that_sees_nothing_gives_zeros_and_zero_gradients(lead, biased, backend, device):
    q, k, v = (x.requires_grad_() for x in qkv(lead, 2, 4, 5, 8, 8, device))
    mask = torch.ones(4, 5, dtype=torch.bool, device=device)
    mask[[0, 2]] = False
    bias = torch.randn(4, 5, dtype=torch.float64, device=device) if biased else None
    out, map = attention(q, k, v, bias=bias, mask=mask, backend=backend)
    (out.square().sum() + map.weights().square().sum()).backward()
    assert (out[..., [0, 2], :] == 0).all()
    assert (map.weights()[..., [0, 2], :] == 0).all()
    assert (q.grad[..., [0, 2], :] == 0).all()
    assert (q.grad[..., [1, 3], :] != 0).all()
    assert all(x.grad.isfinite().all() for x in (q, k, v))


@pytest.fixture
def handed(monkeypatch):
    """The terms and scales that PyTorch's fused kernels are handed."""
    handed = []
    fused = torch.nn.functional.scaled_dot_product_attention

    def spy(q, k, v, term, *args, scale):
        handed.append((term, scale))
        return fused(q, k, v, term, *args, scale=scale)

    monkeypatch.setattr(torch.nn.functional, "scaled_dot_product_attention", spy)
    return handed


@pytest.mark.parametrize("biased", [False, True])
def test_the_fused_kernels_are_given_no_row_without_keys(biased, handed, device):
    # What they make of one differs, and some make NaN.
    mask = torch.zeros(4, 5, dtype=torch.bool, device=device)
    bias = torch.randn(4, 5, dtype=torch.float64, device=device) if biased else None
    out, _ = attention(*qkv((2,), 2, 4, 5, 8, 8, device), mask=mask, bias=bias, backend="sdpa")
    assert (out == 0).all()
    ((term, _),) = handed
    assert (term.isfinite() if biased else term).any(-1).all()


NO_SCALES = [-1.0, -0.5, -3, 0, 0.0, -0.0, 1e-50, -1e-50]


@pytest.mark.parametrize("scale", NO_SCALES)
def test_the_fused_kernels_are_given_a_scale_above_zero(scale, handed, device):
    # With another, some make NaN on CUDA. float32 knows nothing between 1e-45 and zero.
    attention(*qkv((2,), 2, 4, 5, 8, 8, device, torch.bfloat16), scale=scale, backend="sdpa")
    ((_, got),) = handed
    assert got >= torch.finfo(torch.float32).tiny


def test_a_scale_above_zero_is_handed_on_with_the_queries_as_they_are(monkeypatch, device):
    seen = []
    take = lambda q, k, v, *args, scale: seen.append((q, scale)) or v
    monkeypatch.setattr(torch.nn.functional, "scaled_dot_product_attention", take)
    q, k, v = qkv((2,), 2, 5, 5, 8, 8, device)
    attention(q, k, v, scale=0.3, backend="sdpa")
    ((got, scale),) = seen
    assert got is q and scale == 0.3


@pytest.mark.parametrize("scale", NO_SCALES)
def test_any_scale_gives_what_the_textbook_gives(scale, device):
    inputs = qkv((2,), 2, 4, 5, 8, 8, device)
    w = torch.randn_like(inputs[0])

    def results(backend):
        leaves = [x.clone().requires_grad_() for x in inputs]
        out, _ = attention(*leaves, scale=scale, backend=backend)
        return out, *torch.autograd.grad((out * w).sum(), leaves)

    for got, expected in zip(results("sdpa"), results("eager"), strict=True):
        torch.testing.assert_close(got, expected, rtol=0, atol=1e-12)


@pytest.mark.parametrize("bad", [torch.nan, torch.inf, -torch.inf])
@pytest.mark.parametrize("which", [0, 1])
def test_a_scale_of_zero_does_not_hide_what_is_no_number(which, bad, backend, device):
    inputs = qkv((), 2, 4, 5, 8, 8, device)
    inputs[which][:, 1, 3] = bad  # a query spoils its row, a key all of them
    out, map = attention(*inputs, scale=0.0, backend=backend)
    spoilt = torch.ones(4, dtype=torch.bool, device=device) if which else torch.arange(4) == 1
    for x in (out, map.weights()):
        assert x.isnan().all(-1).equal(spoilt.to(device).expand(2, 4))


def test_a_batch_of_one_is_the_unbatched(backend, device):
    q, k, v = qkv((), 2, 4, 5, 8, 8, device)
    bias = torch.randn(2, 4, 5, dtype=torch.float64, device=device)
    out, map = attention(q, k, v, bias=bias, backend=backend)
    batched, batched_map = attention(q[None], k[None], v[None], bias=bias, backend=backend)
    torch.testing.assert_close(batched[0], out)
    torch.testing.assert_close(batched_map.weights()[0], map.weights())


@given(st.lists(st.integers(1, 3), min_size=1, max_size=3).map(tuple), sizes, sizes, sizes, sizes)
def test_every_entry_of_a_batch_is_by_itself(
    backend, device, lead, queries, keys, head_dim, value_dim
):
    q, k, v = qkv(lead, 2, queries, keys, head_dim, value_dim, device)
    bias = torch.randn(*lead, 1, queries, keys, dtype=torch.float64, device=device)
    out, _ = attention(q, k, v, bias=bias, backend=backend)
    for index in itertools.product(*map(range, lead)):
        alone, _ = attention(q[index], k[index], v[index], bias=bias[index], backend=backend)
        torch.testing.assert_close(out[index], alone, rtol=0, atol=1e-12)


@given(st.permutations(range(5)), st.permutations(range(4)))
def test_the_order_of_keys_does_not_matter_that_of_queries_carries_over(
    backend, device, keys, queries
):
    q, k, v = qkv((2,), 2, 4, 5, 8, 8, device)
    out, _ = attention(q, k, v, backend=backend)
    permuted, _ = attention(q[..., queries, :], k[..., keys, :], v[..., keys, :], backend=backend)
    torch.testing.assert_close(permuted, out[..., queries, :], rtol=0, atol=1e-12)


def test_memory_order_does_not_matter(backend, device):
    x = torch.randn(3, 5, 2, 4, 8, dtype=torch.float64, device=device)  # (three, N, H, B, D)
    q, k, v = x.permute(0, 3, 2, 1, 4)
    out, _ = attention(q, k, v, backend=backend)
    expected, _ = attention(q.contiguous(), k.contiguous(), v.contiguous(), backend=backend)
    torch.testing.assert_close(out, expected, rtol=0, atol=1e-12)


@pytest.mark.parametrize("dtype", [torch.float64, torch.float32, torch.bfloat16], ids=str)
@pytest.mark.parametrize(
    ("which", "spoilt"),
    [
        ("q", (slice(None), 1, slice(None))),  # the row of that query
        ("k", (slice(None), slice(None), slice(None))),  # every row sees that key
        ("v", (slice(None), slice(None), 3)),  # that channel of every row
    ],
)
def test_nan_in_gives_nan_out(which, spoilt, dtype, backend, device):
    x = dict(zip("qkv", qkv((), 2, 4, 4, 8, 8, device, dtype), strict=True))
    x[which][:, 1, 3] = torch.nan
    out, map = attention(x["q"], x["k"], x["v"], backend=backend)
    assert out[spoilt].isnan().all()
    assert out.isnan().sum() == out[spoilt].numel()
    if which != "v":
        assert map.weights()[spoilt[:2]].isnan().all()
        assert map.pooled(2, "max").isnan().any()
        assert map.window(slice(1, 2), slice(0, 4)).isnan().all()


@pytest.mark.parametrize("dtype", [torch.float64, torch.float32, torch.bfloat16], ids=str)
@pytest.mark.parametrize("which", ["q", "k", "v"])
@pytest.mark.parametrize("keys", [1, 4, 7, 15, 16, 40])
def test_nothing_but_nan_in_gives_nothing_but_nan_out(keys, which, dtype, backend, device):
    x = dict(zip("qkv", qkv((2,), 2, 5, keys, 8, 8, device, dtype), strict=True))
    x[which].fill_(torch.nan)
    out, _ = attention(**x, backend=backend)
    assert out.isnan().all()


def test_dropout_keeps_the_mean(backend, device):
    q, k, v = qkv((), 1, 3, 4, 8, 8, device)
    expected, _ = attention(q, k, v)
    draws = 4000
    many = [x.expand(draws, *x.shape) for x in (q, k, v)]
    out, _ = attention(*many, dropout=0.25, backend=backend)
    error = (out.mean(0) - expected).abs() / (out.std(0) / draws**0.5)
    assert error.max() < 5  # standard errors


def test_dropout_drops_that_share_of_the_weights(backend, device):
    q, k, _ = qkv((500,), 1, 4, 4, 8, 8, device)
    identity = torch.eye(4, dtype=torch.float64, device=device).expand(500, 1, 4, 4)
    out, _ = attention(q, k, identity, dropout=0.25, backend=backend)  # the dropped weights
    assert (out == 0).double().mean().item() == pytest.approx(0.25, abs=0.025)


def test_the_map_is_that_before_dropout(backend, device):
    q, k, v = qkv((2,), 2, 4, 5, 8, 8, device)
    out, map = attention(q, k, v, dropout=0.5, backend=backend)
    kept, kept_map = attention(q, k, v, backend=backend)
    assert map.weights().equal(kept_map.weights())
    assert not torch.allclose(out, kept)


def test_dropout_of_everything_gives_zeros(backend, device):
    out, _ = attention(*qkv((), 2, 4, 5, 8, 8, device), dropout=1.0, backend=backend)
    assert (out == 0).all()


@pytest.mark.parametrize("low", [torch.bfloat16, torch.float16], ids=str)
def test_under_autocast_output_and_map_are_of_the_rounded_queries(low, backend, device):
    # The bias is not rounded: it is added in float32.
    q, k, v = qkv((2,), 2, 6, 6, 8, 8, device, torch.float32)
    bias = torch.randn(6, 6, device=device)
    rounded = [x.to(low).double() for x in (q, k, v)]
    expected, expected_map = attention(*rounded, bias=bias.double(), backend="eager")
    with torch.autocast(device.type, dtype=low):
        out, map = attention(q, k, v, bias=bias, backend=backend)
        weights = map.weights()
    assert out.dtype == low
    assert weights.dtype == torch.float32
    eps = torch.finfo(low).eps * v.abs().max().item()
    torch.testing.assert_close(out.double(), expected, rtol=0, atol=2 * eps)
    torch.testing.assert_close(weights.double(), expected_map.weights(), rtol=0, atol=1e-6)


def test_autocast_leaves_float64_as_it_is(backend, device):
    q, k, v = qkv((2,), 2, 6, 6, 8, 8, device)
    expected, _ = attention(q, k, v, backend=backend)
    with torch.autocast(device.type, dtype=torch.bfloat16):
        assert attention(q, k, v, backend=backend)[0].equal(expected)


def test_tensors_without_numbers_have_no_autocast(backend):
    q, k, v = qkv((2,), 2, 6, 6, 8, 3, "meta", torch.float32)
    with torch.autocast("cpu", dtype=torch.bfloat16):
        out, map = attention(q, k, v, backend=backend)
    assert out.dtype == torch.float32 and out.shape == (2, 2, 6, 3)
    assert map.weights().shape == (2, 2, 6, 6)


class Operations(TorchDispatchMode):
    """The names of PyTorch's operations inside."""

    def __init__(self):
        super().__init__()
        self.names = set()

    def __torch_dispatch__(self, operation, types, args=(), kwargs=None):
        self.names.add(operation.overloadpacket.__name__)
        return operation(*args, **(kwargs or {}))


@pytest.mark.parametrize("name", ["nothing", "bias", "mask"])
def test_where_nothing_can_be_looked_at_nothing_is_reduced_for_it(name, backend):
    # As on a GPU, where each of these would be a kernel more to launch.
    looks = {"amin", "all", "isnan"}
    for device, reduced in (("cpu", True), ("meta", False)):
        term = torch.zeros(6, 6, device=device)
        term = {"nothing": {}, "bias": {"bias": term}, "mask": {"mask": term == 0}}[name]
        with Operations() as operations:
            attention(*qkv((2,), 2, 6, 6, 8, 8, device), **term, backend=backend)
        assert bool(looks & operations.names) == reduced


@pytest.mark.filterwarnings("ignore:There is a performance drop")
def test_the_jacobian_of_functorch_is_that_of_autograd(backend, device):
    q, k, v = qkv((), 2, 3, 3, 4, 4, device)
    f = lambda q: attention(q, k, v, backend=backend)[0]
    got = torch.func.jacrev(f)(q)
    torch.testing.assert_close(got, torch.autograd.functional.jacobian(f, q), rtol=0, atol=1e-12)


def test_eager_and_sdpa_are_there():
    assert available_backends()[:2] == ("eager", "sdpa")


@pytest.mark.parametrize("dropout", [0.0, 0.5])
def test_auto_takes_the_fused_kernel_where_it_is_one(dropout, monkeypatch, device):
    taken = []
    for name in ("eager", "sdpa"):
        kernel = lambda q, k, v, name=name, **_: (v, taken.append(name))
        monkeypatch.setitem(BACKENDS, name, kernel)
    attention(*qkv((), 2, 3, 3, 4, 4, device), dropout=dropout)
    assert taken == ["eager" if dropout and device.type == "cpu" else "sdpa"]


def test_a_named_backend_is_taken(monkeypatch, device):
    monkeypatch.setitem(BACKENDS, "sdpa", None)
    attention(*qkv((), 2, 3, 3, 4, 4, device), backend="eager")


def test_log_sum_exps_of_a_kernel_go_into_the_map(monkeypatch, device):
    q, k, v = qkv((), 2, 3, 3, 4, 4, device)
    lse = torch.zeros(2, 3, device=device)
    monkeypatch.setitem(BACKENDS, "eager", lambda q, k, v, **_: (v, lse))
    out, map = attention(q, k, v, backend="eager")
    assert out is v
    assert map.lse is lse


def test_output_and_map_come_back_whatever_is_asked(backend, device):
    q, k, v = qkv((2, 3), 2, 4, 5, 8, 6, device)
    out, map = attention(q, k, v, backend=backend)
    assert out.shape == (2, 3, 2, 4, 6)
    assert type(map) is AttentionMap
    assert map.shape == (2, 3, 2, 4, 5)


Q = torch.zeros(2, 3, 4, 8)
K = torch.zeros(2, 3, 5, 8)


@pytest.mark.parametrize(
    ("change", "error", "message"),
    [
        ({"q": [1.0]}, TypeError, r"q must be a torch.Tensor, got list"),
        ({"v": None}, TypeError, r"v must be a torch.Tensor, got NoneType"),
        ({"q": Q.int()}, TypeError, r"q must be floating point, got torch.int32"),
        ({"k": K.bool()}, TypeError, r"k must be floating point, got torch.bool"),
        ({"k": K.double()}, TypeError, r"k must be torch.float32 .*as q is, got torch.float64"),
        ({"v": K.bfloat16()}, TypeError, r"v must be torch.float32 .*, got torch.bfloat16"),
        ({"k": K.to("meta")}, TypeError, r"k must be torch.float32 on cpu .*, got .* on meta"),
        ({"q": Q[0, 0]}, ValueError, r"q must be \(…, H, N, D\), .*got shape \(4, 8\)"),
        ({"q": Q[:, :, :0]}, ValueError, r"q must be .*no axis empty, got shape \(2, 3, 0, 8\)"),
        ({"k": K[:, :, :0]}, ValueError, r"k must be .*no axis empty, got shape \(2, 3, 0, 8\)"),
        ({"k": K[:1]}, ValueError, r"k must be \(2, 3, M, 8\) to fit q, got shape \(1, 3, 5, 8\)"),
        ({"k": K[:, :1]}, ValueError, r"k must be \(2, 3, M, 8\) .*got shape \(2, 1, 5, 8\)"),
        ({"k": K[..., :7]}, ValueError, r"k must be \(2, 3, M, 8\) .*got shape \(2, 3, 5, 7\)"),
        ({"k": K[0]}, ValueError, r"k must be \(2, 3, M, 8\) .*got shape \(3, 5, 8\)"),
        ({"v": K[:, :, :4]}, ValueError, r"v must be \(2, 3, 5, Dv\) to fit k, .*\(2, 3, 4, 8\)"),
        ({"v": K[:1]}, ValueError, r"v must be \(2, 3, 5, Dv\) to fit k, got .*\(1, 3, 5, 8\)"),
        ({"bias": 1.0}, TypeError, r"bias must be a torch.Tensor.*, got float"),
        ({"bias": torch.ones(4, 5).bool()}, TypeError, r"bias must be .*, got torch.bool"),
        ({"bias": torch.ones(4, 5) * 1j}, TypeError, r"bias must be .*, got torch.complex64"),
        ({"bias": torch.ones(5, 4)}, ValueError, r"bias must broadcast .*got shape \(5, 4\)"),
        ({"bias": torch.ones(2, 4, 5)}, ValueError, r"bias must .*, got shape \(2, 4, 5\)"),
        ({"bias": torch.ones(1, 2, 3, 4, 5)}, ValueError, r"bias .* shape \(1, 2, 3, 4, 5\)"),
        ({"mask": torch.ones(4, 5)}, TypeError, r"mask must be bool .*, got torch.float32"),
        ({"mask": True}, TypeError, r"mask must be a torch.Tensor.*, got bool"),
        ({"mask": torch.ones(4).bool()}, ValueError, r"mask must broadcast .*got shape \(4,\)"),
        ({"bias": lambda i, j: 1.0}, TypeError, r"bias\(i, j\) must be .*, got float"),
        ({"bias": lambda i, j: j > i}, TypeError, r"bias\(i, j\) must be .*, got torch.bool"),
        ({"mask": lambda i, j: i - j}, TypeError, r"mask\(i, j\) must be bool.*, got torch.int64"),
        ({"mask": lambda i, j: (i < j).mT}, ValueError, r"mask\(i, j\) .*\(4, 5\).*\(5, 4\)"),
        ({"dropout": -0.1}, ValueError, r"dropout must be in \[0, 1\], got -0.1"),
        ({"dropout": 1.1}, ValueError, r"dropout must be in \[0, 1\], got 1.1"),
        ({"dropout": math.nan}, ValueError, r"dropout must be in \[0, 1\], got nan"),
        ({"backend": "flash"}, ValueError, r"backend must be one of .*'sdpa'.*, got 'flash'"),
    ],
)
def test_what_does_not_fit_is_named(change, error, message):
    arguments = {"q": Q, "k": K, "v": K} | change
    with pytest.raises(error, match=message):
        attention(**arguments)


def test_a_shape_in_an_error_reads_as_a_shape():
    with pytest.raises(ValueError, match=r"bias must broadcast to \(2, 3, 4, 5\), got"):
        attention(Q, K, K, bias=torch.ones(3, 5))


def test_bad_input_is_refused_before_a_kernel_runs(monkeypatch):
    module = importlib.import_module("attnlib.attention")  # the name is the function's too
    monkeypatch.setattr(module, "BACKENDS", {})
    with pytest.raises(ValueError, match="dropout"):
        attention(Q, K, K, dropout=2)


@pytest.mark.parametrize("n", [1, 6, 40])
@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16], ids=str)
def test_scores_that_overflow_give_nan_not_zeros(n, dtype, backend, device):
    q = (1e20 * torch.randn(2, n, 4, device=device)).to(dtype)
    v = torch.randn(2, n, 4, device=device).to(dtype)
    out, map = attention(q, q, v, backend=backend)
    assert out.isnan().all(-1).equal(map.weights().isnan().all(-1))
    assert out.isnan().any()


class Table(torch.nn.Module):
    """A bias of its own, learned, which happens to call its parameter so."""

    def __init__(self, n):
        super().__init__()
        self.table = torch.nn.Parameter(torch.randn(2 * n - 1, dtype=torch.float64))

    def forward(self, i, j):
        return self.table[i - j + len(self.table) // 2]


def test_a_module_is_a_function_too_whatever_it_is_made_of(backend, device):
    q, k, v = qkv((2,), 2, 5, 5, 8, 8, device)
    bias = Table(5).to(device)
    index = torch.arange(5, device=device)
    out, map = attention(q, k, v, bias=bias, backend=backend)
    expected, _ = attention(q, k, v, bias=bias(index[:, None], index), backend=backend)
    torch.testing.assert_close(out, expected)
    assert map.detach().weights().equal(map.weights())


HALF = torch.float16


def test_large_queries_whose_scores_do_not_overflow(backend, device):
    # The bound on a score, D · max|q| · max|k|, overflows float16, or float32; the scores do not.
    q, k = (10 * torch.randn(2, 2, 1, 8, 64, device=device)).to(HALF)
    out, _ = attention(q, k, torch.zeros_like(k), backend=backend)
    assert (out == 0).all()
    q = torch.tensor([[[1e20, 0.0]]], device=device)
    out, map = attention(q, q.flip(-1), torch.zeros_like(q), backend=backend)
    assert (out == 0).all() and (map.weights() == 1).all()


@pytest.mark.parametrize("dtype", [HALF, torch.float32], ids=str)
@pytest.mark.parametrize("low", [None, HALF, torch.bfloat16], ids=str)
def test_a_bias_of_minus_a_milliard_everywhere_changes_nothing(low, dtype, backend, device):
    q, v = torch.zeros(1, 2, 1, device=device, dtype=dtype), torch.ones(1, 2, 1, device=device)
    bias = torch.full((2, 2), -1e9, device=device)
    with torch.autocast(device.type, dtype=low or HALF, enabled=low is not None):
        out, map = attention(q, q, v.to(dtype), bias=bias, backend=backend)
    half = torch.full((1, 2, 2), 0.5, device=device)
    everything = (slice(0, 2), slice(0, 2))
    assert (out == 1).all()
    for _ in range(2):
        assert map.weights().equal(half) and map.window(*everything).equal(half)
        assert map.pooled(2).equal(half)
        assert map.lse.shape == (1, 2)


def test_a_bias_beyond_half_precision_is_not_rounded(backend, device):
    q, v = torch.zeros(1, 2, 1, device=device, dtype=HALF), torch.eye(2, device=device)
    bias = torch.tensor([[1e5, 0.0]], device=device)
    out, map = attention(q, q, v[None].to(HALF), bias=bias, backend=backend)
    assert out[0].tolist() == map.weights()[0].tolist() == [[1, 0], [1, 0]]


def test_large_scores_in_half_precision_are_computed_in_float32(backend, device):
    # Scores near 300 that differ by about 1, where float16 has steps of 0.25.
    base = 2.2 * torch.randn(1, 2, 1, 64, device=device)
    q, k = (base + 0.05 * torch.randn(2, 1, 2, 20, 64, device=device)).to(HALF)
    v = torch.randn(1, 2, 20, 64, device=device).to(HALF)
    out, map = attention(q, k, v, scale=1.0, backend=backend)
    expected = map.weights() @ v.float()
    eps = torch.finfo(HALF).eps
    torch.testing.assert_close(out.float(), expected, rtol=2 * eps, atol=2 * eps * v.abs().max())


@pytest.mark.parametrize("lead", LEADS)
@pytest.mark.parametrize("dropout", [0.0, 0.5])
@pytest.mark.parametrize("as_function", [False, True])
def test_a_row_emptied_by_the_bias_or_by_both_gives_zeros(
    as_function, dropout, lead, backend, device
):
    q, k, v = (x.requires_grad_() for x in qkv(lead, 2, 4, 5, 8, 8, device))
    bias = torch.zeros(4, 5, dtype=torch.float64, device=device)
    bias[0] = bias[1, :3] = bias[2, 0] = -torch.inf
    mask = torch.ones(4, 5, dtype=torch.bool, device=device)
    mask[1, 3:] = False
    terms = {"bias": bias, "mask": mask}
    if as_function:
        terms = {name: lambda i, j, t=t: t[i, j] for name, t in terms.items()}
    out, map = attention(q, k, v, **terms, dropout=dropout, backend=backend)
    weights = map.weights()
    (out.square().sum() + weights.square().sum()).backward()
    for x in (out, weights, q.grad, map.window(slice(0, 4), slice(0, 5))):
        assert (x[..., :2, :] == 0).all() and x.isfinite().all()
    assert k.grad.isfinite().all() and v.grad.isfinite().all()
    assert map.lse[..., :2].isneginf().all() and map.lse[..., 2:].isfinite().all()
    seen = torch.tensor([0, 0, 4, 5], device=device)
    assert (map.visible() == seen).all()
    assert (map.visible(slice(1, 3)) == seen[1:3]).all()


@pytest.mark.parametrize("bad", [torch.nan, torch.inf, -torch.inf])
@pytest.mark.parametrize("name", ["bias", "mask"])
@pytest.mark.parametrize("as_function", [False, True])
def test_what_stands_in_a_key_that_nobody_sees_has_no_effect(
    as_function, name, bad, backend, device
):
    q, k, v = qkv((2,), 2, 4, 5, 8, 8, device)
    mask = torch.ones(2, 1, 1, 5, dtype=torch.bool, device=device)
    mask[:, ..., 3:] = False
    bias = torch.zeros(mask.shape, device=device).masked_fill(~mask, -torch.inf)
    term = {"bias": bias, "mask": mask}[name]
    if as_function:
        term = lambda i, j, row=term[0, 0]: row[0 * i, j]
    expected, expected_map = attention(q, k, v, **{name: term}, backend=backend)
    k[..., 3:, :], v[..., 4:, 2] = bad, bad
    if name == "mask" and not as_function:
        term = term & (torch.arange(4, device=device) != 2)[:, None]  # a query that is padding too
        q[..., 2, :] = bad
        expected, expected_map = attention(
            q.nan_to_num(0.0, 0.0, 0.0), k.nan_to_num(0.0, 0.0, 0.0), v.nan_to_num(0.0, 0.0, 0.0),
            mask=term, backend=backend,
        )  # fmt: skip
    leaves = [x.clone().requires_grad_() for x in (q, k, v)]
    out, map = attention(*leaves, **{name: term}, backend=backend)
    assert out.equal(expected)
    weights = map.weights()
    torch.testing.assert_close(weights, expected_map.weights(), rtol=0, atol=0)
    (out.sum() + weights.square().sum()).backward()
    assert all(x.grad.isfinite().all() for x in leaves)


@pytest.mark.parametrize(("width", "value_width"), [(8, 3), (3, 8)])
def test_on_a_cpu_values_of_another_width_are_served_by_the_fused_kernel(width, value_width):
    from torch.profiler import profile

    q, k, v = qkv((), 2, 4, 5, width, value_width, "cpu")
    with profile() as seen:
        out, _ = attention(q, k, v)
    assert out.shape == (2, 4, value_width)
    assert any("flash" in event.key for event in seen.key_averages())


@pytest.mark.parametrize("module", [BlockAttention, SelfAttention, GlobalLocalAttention])
def test_a_module_names_a_backend_that_it_cannot_have(module):
    with pytest.raises(ValueError, match=r"backend must be one of .*'sdpa'.*, got 'flash'"):
        module(8, 8, backend="flash")


def test_a_bias_elsewhere_is_refused():
    q = torch.randn(2, 5, 4)
    for bias in (torch.zeros(5, 5, device="meta"), lambda i, j: torch.zeros(5, 5, device="meta")):
        with pytest.raises(TypeError, match=r"bias.* must be on cpu as q is, got meta"):
            attention(q, q, q, bias=bias)


@pytest.mark.parametrize(
    ("scale", "error", "words"),
    [
        (torch.tensor(0.5), TypeError, "scale must be a number, got Tensor; multiply q"),
        ("1", TypeError, "scale must be a number, got str"),
        (float("nan"), ValueError, "scale must be finite, got nan"),
        (float("inf"), ValueError, "scale must be finite, got inf"),
    ],
)
def test_a_scale_that_is_no_number_is_named(scale, error, words):
    q = torch.randn(2, 5, 4)
    with pytest.raises(error, match=words):
        attention(q, q, q, scale=scale)


def test_a_dropout_that_is_no_number_is_named():
    q = torch.randn(2, 5, 4)
    with pytest.raises(TypeError, match="dropout must be a number, got '0.5'"):
        attention(q, q, q, dropout="0.5")
