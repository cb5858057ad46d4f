"""FlexAttention against the textbook: on a CPU forward only, at small lengths; on CUDA compiled."""

import math
import warnings
from functools import partial

import pytest
import torch

from attnlib import AbsolutePositions, RelativePositions, SameGroup, attention
from attnlib.kernels import flex
from attnlib.positions import KeptTable

LEADS = [(), (2,), (2, 3)]


def qkv(lead, queries, keys, head_dim, value_dim, device, dtype):
    widths = ((queries, head_dim), (keys, head_dim), (keys, value_dim))
    return tuple(torch.randn(*lead, 2, *width, device=device).to(dtype) for width in widths)


def worst(got, oracle):
    return (got.to(oracle.dtype) - oracle).abs().max()


def check(q, k, v, **terms):
    """Out within the errors of the textbook in the same dtype, log-sum-exps to float32."""
    out, map = attention(q, k, v, backend="flex", **terms)
    textbook, _ = attention(q, k, v, backend="eager", **terms)
    wide = [x.double() for x in (q, k, v)]
    oracle, oracle_map = attention(*wide, backend="eager", **terms)
    assert out.dtype == q.dtype and out.shape == oracle.shape
    ulp = torch.finfo(q.dtype).eps * v.abs().max().double()
    limit = 1e-12 if q.dtype == torch.float64 else 2 * worst(textbook, oracle) + 4 * ulp
    assert worst(out, oracle) <= limit
    torch.testing.assert_close(map._lse.double(), oracle_map.lse, rtol=1e-6, atol=1e-5)
    return out, map


def dtypes(device):
    halves = [torch.float32, torch.bfloat16, torch.float16]
    return halves if device.type == "cuda" else [torch.float64, *halves]


BIASES = {
    "none": lambda lead: None,
    "absolute": lambda lead: AbsolutePositions(50, 16),
    "relative": lambda lead: RelativePositions(51, 16),
    "function": lambda lead: lambda i, j: (j - i) / 3,
    "tensor": lambda lead: torch.randn(*lead, 2, 1, 50),
}
MASKS = {
    "none": lambda lead: None,
    "groups": lambda lead: SameGroup(7),
    "function": lambda lead: lambda i, j: j <= i - 3,
    "tensor": lambda lead: torch.rand(*lead, 1, 40, 50) > 0.9,
}


@pytest.mark.parametrize("mask", MASKS)
@pytest.mark.parametrize("bias", BIASES)
def test_the_kernel_is_as_exact_as_the_textbook(bias, mask, device):
    for number, dtype in enumerate(dtypes(device)):
        lead = LEADS[number % 3]
        terms = {"bias": BIASES[bias](lead), "mask": MASKS[mask](lead)}
        terms = {n: t.to(device) if isinstance(t, torch.Tensor) else t for n, t in terms.items()}
        check(*qkv(lead, 40, 50, 24, 9, device, dtype), **terms)


@pytest.mark.parametrize(("queries", "keys", "head_dim"), [(1, 1, 1), (1, 130, 16), (129, 1, 7)])
def test_any_length_and_width(queries, keys, head_dim, device):
    check(*qkv((), queries, keys, head_dim, 5, device, torch.float32), scale=0.9)


def test_queries_that_see_nothing_give_zeros(device):
    q, k, v = qkv((), 50, 20, 16, 16, device, torch.float32)
    out, map = check(q, k, v, mask=SameGroup(20))
    assert (out[:, 20:] == 0).all() and map.lse[:, 20:].isneginf().all()


def test_the_map_made_the_output(device):
    q, k, v = qkv((2,), 40, 40, 16, 16, device, torch.float32)
    out, map = attention(q, k, v, bias=AbsolutePositions(40, 16), backend="flex")
    torch.testing.assert_close(map.weights() @ v, out, rtol=0, atol=2e-6)
    window = map.window(slice(3, 20), slice(5, 40))
    torch.testing.assert_close(window, map.weights()[..., 3:20, 5:40], rtol=0, atol=2e-6)


def test_no_table_of_positions_is_made(device):
    q, k, v = qkv((), 40, 40, 16, 16, device, torch.float32)
    bias = KeptTable(AbsolutePositions(40, 16))
    check(q, k, v, bias=bias.function)
    attention(q, k, v, bias=bias, backend="flex")
    assert bias._tables == {}


def test_nan_in_gives_nan_out(device):
    q, k, v = qkv((), 20, 20, 16, 16, device, torch.float32)
    q[0, 7, 3] = torch.nan
    out, _ = attention(q, k, v, backend="flex")
    assert out[0, 7].isnan().all() and out[0, 6].isfinite().all()


def test_it_says_nothing_of_its_own(device):
    flex.flex_attention.__globals__["_WARNINGS_SHOWN"].clear()
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        attention(*qkv((), 4, 4, 16, 16, device, torch.float32), backend="flex")


def test_under_autocast_the_map_is_that_of_the_unrounded_queries(device):
    q, k, v = qkv((), 30, 30, 16, 16, device, torch.float32)
    with torch.autocast(device.type, dtype=torch.bfloat16):
        out, map = attention(q, k, v, scale=2.0, backend="flex")
    assert out.dtype == torch.bfloat16
    sums = map.window(slice(0, 30), slice(0, 30)).sum(-1)
    torch.testing.assert_close(sums, torch.ones_like(sums), rtol=0, atol=1e-5)


@pytest.fixture
def compiled_cheaply(monkeypatch):
    """flex_attention as it is compiled on CUDA, by a compiler that hands back what it gets.

    Its graphs come too, as they are compiled.
    """
    torch.compiler.reset()
    graphs = []
    cheap = lambda graph, _: graphs.append(graph) or graph
    monkeypatch.setattr(torch, "compile", partial(torch.compile, backend=cheap))
    yield flex._compiled.__wrapped__(flex.flex_attention), graphs
    torch.compiler.reset()


def score_mods(count):
    """Functions that differ in their code, as those of different callers do."""
    return [eval(f"lambda score, b, h, i, j: score + {n} * (i - j)") for n in range(count)]


@pytest.mark.filterwarnings("error")  # PyTorch warns where it runs uncompiled
def test_the_twentieth_function_is_still_compiled(compiled_cheaply):
    run, graphs = compiled_cheaply
    q, k, v = torch.randn(3, 1, 2, 20, 16)
    for n, function in enumerate(score_mods(20)):
        out = run(q, k, v, function)
        expected, _ = attention(q, k, v, bias=lambda i, j, n=n: n * (i - j), backend="eager")
        torch.testing.assert_close(out, expected, rtol=0, atol=1e-5)
        assert len(graphs) == n + 1
        assert run(q, k, v, function).equal(out) and len(graphs) == n + 1


def test_what_others_compile_does_not_count(compiled_cheaply):
    run, graphs = compiled_cheaply
    q, k, v = torch.randn(3, 1, 2, 20, 16)
    theirs, *ours = torch.compile(flex.flex_attention), *score_mods(10)
    for function in ours:  # more than PyTorch takes
        theirs(q, k, v, function)
    found = len(graphs)
    run(q, k, v, ours[-1])
    assert len(graphs) == found + 1


def test_where_no_more_is_compiled_it_says_so(compiled_cheaply, monkeypatch):
    run, graphs = compiled_cheaply
    monkeypatch.setattr(flex, "MOST", 2)
    q, k, v = torch.randn(3, 1, 2, 20, 16)
    first, second, third = score_mods(3)
    run(q, k, v, first), run(q, k, v, second)
    with pytest.raises(RuntimeError, match=r'"flex" has been compiled 2 times.*reset\(\)'):
        run(q, k, v, third)
    run(q, k, v, first)
    torch.compiler.reset()
    run(q, k, v, third)


def test_it_can_be_part_of_what_a_caller_compiles():
    def double(q, k, v):
        return 2 * attention(q, k, v, backend="flex")[0]

    torch._dynamo.reset()
    q, k, v = torch.randn(3, 2, 20, 16)
    compiled = torch.compile(double, backend="eager", fullgraph=True)
    expected = 2 * attention(q, k, v, backend="eager")[0]
    torch.testing.assert_close(compiled(q, k, v), expected, rtol=0, atol=1e-5)


def test_dropout_is_refused(device):
    with pytest.raises(ValueError, match=r'"flex" has no dropout: take "sdpa" or "eager"'):
        attention(*torch.randn(3, 2, 4, 16, device=device), dropout=0.5, backend="flex")


@pytest.mark.parametrize("wanting", ["q", "k", "v", "bias"])
def test_on_a_cpu_gradients_are_refused(wanting):
    call = dict(zip("qkv", torch.randn(3, 2, 4, 16), strict=True)) | {"bias": torch.randn(4, 4)}
    call[wanting] = call[wanting].clone().requires_grad_()
    with pytest.raises(
        ValueError, match=r'"flex" gives no gradients on cpu: take "sdpa" or "eager"'
    ):
        attention(**call, backend="flex")
    with torch.no_grad():
        attention(**call, backend="flex")


@pytest.mark.cuda
@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a CUDA device")
def test_on_cuda_gradients_are_those_of_the_textbook_and_float64_is_refused():
    q, k, v = torch.randn(3, 2, 130, 32, device="cuda")
    w = torch.randn_like(q)

    def gradients(backend, dtype):
        leaves = [x.to(dtype).requires_grad_() for x in (q, k, v)]
        bias, mask = AbsolutePositions(130, 16), SameGroup(50)
        out, _ = attention(*leaves, bias=bias, mask=mask, backend=backend)
        return torch.autograd.grad((out * w).sum(), leaves)

    expected = gradients("eager", torch.float64)
    for got, right in zip(gradients("flex", torch.float32), expected, strict=True):
        torch.testing.assert_close(got.double(), right, rtol=1e-4, atol=1e-5)
    with pytest.raises(ValueError, match=r'no float64 on CUDA: take "sdpa" or "eager"'):
        gradients("flex", torch.float64)


def test_the_scale_is_handed_on(device):
    q, k, v = qkv((), 5, 6, 16, 16, device, torch.float32)
    out, _ = attention(q, k, v, scale=0.0, backend="flex")
    torch.testing.assert_close(out, v.mean(-2, keepdim=True).expand_as(out))
    assert math.isclose(attention(q, k, v, backend="flex")[1]._scale, 1 / 4)
