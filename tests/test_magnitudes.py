"""The output is the map times the values, at any magnitude, in every precision and backend.

A row may be off by what the rounding of its scores explains, C · eps · (1 + s) · max|v| with s the
largest |score| among the keys that carry weight in it, and by the rounding of output and weights
to their own dtypes. Excluded keys, or a bias of −1e9 on them, loosen nothing.
"""

from contextlib import nullcontext

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from attnlib import attention

C = 16  # roundings of a score: its D products, the scale, the bias, and exp
HALVES = (torch.float16, torch.bfloat16)
DTYPES = (*HALVES, torch.float32, torch.float64)
SIZES = ((2, 6, 9), (1, 40, 70))  # heads, queries, keys at most
BACKENDS = ("auto", "eager", "sdpa", "flex")


def wide(x):
    return x.double() if isinstance(x, torch.Tensor) else x


@st.composite
def cases(draw):
    """A call: tensors of any dtype, scores and bias of any magnitude, masks of any shape."""
    dtype = draw(st.sampled_from(DTYPES))
    lead = draw(st.sampled_from([(), (2,), (2, 2)]))
    heads, queries, keys = (draw(st.integers(1, n)) for n in draw(st.sampled_from(SIZES)))
    width, value_width = draw(st.sampled_from([1, 4, 64])), draw(st.sampled_from([1, 8]))
    largest = torch.finfo(dtype).max
    seed = draw(st.integers(0, 2**31))
    generator = torch.Generator().manual_seed(seed)

    def numbers(*shape, magnitude=1.0):
        x = torch.randn(shape, generator=generator, dtype=torch.float64)
        return (x * magnitude).clamp(-largest, largest).to(dtype)

    magnitudes = st.floats(0, 1).map(lambda u: largest**u)  # 1 to the largest finite
    either = draw(st.sampled_from([(1, 1), (0, 1), (1, 0), (0.5, 0.5), (0, 0)]))
    of_scores = draw(magnitudes)
    call = {
        "q": numbers(*lead, heads, queries, width, magnitude=of_scores ** either[0]),
        "k": numbers(*lead, heads, keys, width, magnitude=of_scores ** either[1]),
        "v": numbers(*lead, heads, keys, value_width),
        "scale": draw(st.sampled_from([None, 1.0, 1e-3, -40.0])),
    }
    if draw(st.booleans()):
        call["v"].zero_()
    shape = draw(
        st.sampled_from([(queries, keys), (1, keys), (queries, 1), (heads, queries, keys)])
    )
    kind = draw(st.sampled_from([None, "random", "constant", "excluding"]))
    if kind:
        bias_dtype = draw(st.sampled_from(DTYPES))
        size = torch.finfo(bias_dtype).max ** draw(st.floats(0, 1))
        bias = torch.randn(shape, generator=generator, dtype=torch.float64).clamp(-1, 1) * size
        if kind == "constant":
            bias = torch.full(shape, draw(st.sampled_from([-size, size])), dtype=torch.float64)
        if kind == "excluding":
            bias[torch.rand(shape, generator=generator) < draw(st.sampled_from([0.3, 1.0]))] = draw(
                st.sampled_from([-torch.inf, -size])
            )
        call["bias"] = bias.to(bias_dtype)
    if draw(st.booleans()):
        call["mask"] = torch.rand(shape, generator=generator) > draw(st.sampled_from([0.3, 0.9]))
    for name in ("bias", "mask"):  # functions too
        if name in call and call[name].dim() == 2 and draw(st.booleans()):
            table = call[name].expand(queries, keys)
            call[name] = lambda i, j, table=table: table[i, j]
    autocast = draw(st.sampled_from([None, *HALVES]))
    rows = sorted(draw(st.tuples(st.integers(0, queries), st.integers(0, queries))))
    cols = sorted(draw(st.tuples(st.integers(0, keys), st.integers(0, keys))))
    return call, autocast, slice(*rows), slice(*cols)


def term(call, name, queries, keys):
    """A bias or mask as a tensor."""
    given_term = call.get(name)
    if callable(given_term):
        return given_term(torch.arange(queries)[:, None], torch.arange(keys)[None, :])
    return given_term


def largest_scores(q, k, call, weights):
    """(…, H, N) the largest |score| among the keys that carry weight, in float64."""
    scale = call["scale"] if call["scale"] is not None else q.shape[-1] ** -0.5
    scores = scale * q.double() @ k.double().mT
    bias = term(call, "bias", q.shape[-2], k.shape[-2])
    if bias is not None:
        scores = scores + bias.double()
    return scores.abs().masked_fill(~(weights > 0), 0.0).amax(-1).nan_to_num(torch.inf)


def allowed(call, shape):
    """(…, H, N, M) which pairs may attend."""
    may = torch.ones(shape, dtype=torch.bool)
    bias, mask = (term(call, name, *shape[-2:]) for name in ("bias", "mask"))
    may = may if bias is None else may & ~bias.isneginf()
    return may if mask is None else may & mask


def assert_within(got, expected, limit):
    """NaN alike, and elsewhere no further apart than the limit."""
    assert got.isnan().equal(expected.isnan())
    apart = (got.double() - expected.double()).abs().nan_to_num(0.0)
    assert (apart <= limit).all(), (apart / limit).max()


@pytest.mark.parametrize("backend", BACKENDS)
@given(cases())
def test_the_output_is_the_map_times_the_values(pooled_by_definition, backend, case):
    call, autocast, rows, cols = case
    inside = torch.autocast("cpu", dtype=autocast) if autocast else nullcontext()
    with inside:
        out, map = attention(**call, backend=backend)
    q, k, v = (call[name] for name in "qkv")
    if autocast and q.dtype != torch.float64:
        q, k, v = (x.to(autocast) for x in (q, k, v))
    assert out.dtype == v.dtype
    for _ in range(2):  # before the log-sum-exps are known, and after
        weights = map.weights()
        assert weights.dtype == torch.promote_types(q.dtype, torch.float32)
        eps = torch.finfo(weights.dtype).eps
        rounding = C * eps * (1 + largest_scores(q, k, call, weights))[..., None]
        own = 2 * torch.finfo(out.dtype).eps
        broken = weights.isnan().any(-1)
        assert out.isnan().any(-1).equal(broken)
        assert_within(
            out, (weights.double() @ v.double()), (rounding + own) * v.double().abs().max()
        )
        sums, sees = weights.sum(-1), allowed(call, map.shape).any(-1)
        torch.testing.assert_close(
            sums[~broken], sees[~broken].to(sums.dtype), rtol=0, atol=C * eps
        )
        assert_within(map.window(rows, cols), weights[..., rows, cols], rounding[..., rows, :])
        for reduce in ("mean", "max"):
            cells = pooled_by_definition(weights, 3, reduce)
            assert_within(map.pooled(3, reduce), cells, rounding.amax(-2, keepdim=True))
        assert (map.lse.isnan() | ~broken).all()
