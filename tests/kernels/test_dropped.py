"""Dropout in strips: the textbook's numbers with the same weights dropped, and fair coins."""

from contextlib import nullcontext

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch.autograd import forward_ad
from torch.fx.experimental.proxy_tensor import make_fx
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils.checkpoint import checkpoint

from attnlib import AbsolutePositions, attention
from attnlib.kernels import dropped
from attnlib.scores import softmax

pytestmark = pytest.mark.filterwarnings("ignore:`torch.jit.script`:DeprecationWarning")

HALF = 2**dropped.DIGITS // 2
FLOATS = [torch.float64, torch.float32]
sizes = st.integers(1, 80)


@pytest.fixture
def always(monkeypatch):
    """No call is too small for it, and every one takes several strips."""
    monkeypatch.setattr(dropped, "FEWEST", 1)
    monkeypatch.setattr(dropped, "NARROWEST", 1)
    monkeypatch.setattr(dropped, "STRIP", 64)


@pytest.fixture
def taken(monkeypatch):
    """One entry for each call that is computed in strips."""
    taken, attend = [], dropped.attend
    monkeypatch.setattr(
        dropped, "attend", lambda *args, **kwargs: taken.append(1) or attend(*args, **kwargs)
    )
    return taken


def qkv(*sizes, dtype=torch.float64, width=4, value_width=4):
    """(…, H, N, M) -> leaves (…, H, N, D), (…, H, M, D), (…, H, M, Dv)."""
    *lead, queries, keys = sizes
    shapes = ((queries, width), (keys, width), (keys, value_width))
    return [torch.randn(*lead, *shape, dtype=dtype, requires_grad=True) for shape in shapes]


def with_gradients(out, leaves, g):
    return [out, *torch.autograd.grad(out, leaves, g)]


def textbook(leaves, bits, kept, scale, bias, mask):
    """The output with exactly those weights dropped, in float64."""
    q, k, v = (x.double() for x in leaves)
    keep = dropped.unpack(bits)[..., : q.shape[-2], :] == -1
    return (softmax(q, k, scale, bias, mask) * keep * 2**dropped.DIGITS / kept) @ v


@st.composite
def parts(draw, shape):
    """A shape that broadcasts to `shape`, or None."""
    if draw(st.booleans()):
        return None
    rank = draw(st.integers(0, len(shape)))
    return [draw(st.sampled_from((1, size))) for size in shape[len(shape) - rank :]]


@pytest.mark.parametrize("dtype", [*FLOATS, torch.bfloat16], ids=str)
@given(st.data())
def test_it_is_the_textbook_with_the_same_weights_dropped(dtype, data):
    lead = data.draw(st.lists(st.integers(1, 3), min_size=1, max_size=3))
    shape = (*lead, data.draw(sizes), data.draw(sizes))
    leaves = qkv(*shape, dtype=dtype, value_width=data.draw(st.integers(1, 6)))
    bias, mask = (data.draw(parts(shape)) for _ in range(2))
    if bias is not None:
        bias = torch.randn(bias, dtype=data.draw(st.sampled_from(FLOATS)))
    if mask is not None:
        mask = torch.rand(mask) > data.draw(st.sampled_from((0.2, 0.9)))
    scale = data.draw(st.sampled_from((1.0, 0.3, -0.5, 0.0)))
    p = data.draw(st.sampled_from((0.5, 0.1, 0.9)))
    wide = torch.promote_types(dtype, torch.float32)
    torch.manual_seed(3)
    bits = dropped.coins(dropped._kept(p), shape, wide)
    torch.manual_seed(3)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(dropped, "STRIP", data.draw(st.sampled_from((1, 2000, 2**19))))
        how = {"scale": scale, "bias": bias, "mask": mask}
        out, _ = dropped.attend(*leaves, dropout=p, **how)
        g = torch.randn_like(out)
        got = with_gradients(out, leaves, g)
    expected = with_gradients(textbook(leaves, bits, dropped._kept(p), **how), leaves, g.double())
    assert out.dtype == dtype
    for ours, theirs in zip(got, expected, strict=True):
        theirs, ours = theirs.double(), ours.double()
        size = theirs.abs().max() + torch.finfo(wide).eps * 100
        rounded = 2 * torch.finfo(dtype).eps if dtype == torch.bfloat16 else 0
        assert (ours - theirs).abs().max() <= ({8: 1e-13, 4: 1e-5}[wide.itemsize] + rounded) * size


@pytest.mark.parametrize("masked", [False, True])
def test_it_can_be_differentiated_twice_and_in_batches(masked, monkeypatch):
    monkeypatch.setattr(dropped, "STRIP", 1)
    leaves = qkv(2, 5, 6, width=3, value_width=2)
    bias = torch.randn(5, 6).double()
    mask = torch.arange(6) > 2 if masked else None
    bits = dropped.coins(HALF, (2, 5, 6), torch.float64)
    attend = lambda q, k, v: dropped.InStrips.apply(q, k, v, bias, mask, bits)
    assert torch.autograd.gradcheck(attend, leaves, check_batched_grad=True)
    assert torch.autograd.gradgradcheck(attend, leaves)


def test_gradients_hold_no_graph_unless_one_is_asked_for():
    leaves = qkv(1, 5, 6)
    bits = dropped.coins(HALF, (1, 5, 6), torch.float64)
    out = dropped.InStrips.apply(*leaves, None, None, bits)
    for batched, g in ((False, torch.ones_like(out)), (True, torch.ones(2, *out.shape).double())):
        found = torch.autograd.grad(out, leaves, g, is_grads_batched=batched, retain_graph=True)
        assert not any(x.requires_grad for x in found)


@pytest.mark.parametrize("which", [0, 1, 2])
def test_one_of_the_three_may_be_all_that_learns(which, always):
    leaves = [x.detach() for x in qkv(2, 40, 33)]
    leaves[which].requires_grad_()
    for create_graph in (False, True):
        torch.manual_seed(1)
        out, _ = attention(*leaves, dropout=0.5)
        (got,) = torch.autograd.grad(out.sum(), leaves[which], create_graph=create_graph)
        every = [x.detach().clone().requires_grad_() for x in leaves]
        torch.manual_seed(1)
        attention(*every, dropout=0.5)[0].sum().backward()
        torch.testing.assert_close(got, every[which].grad)


# What it is taken for, and what stays the textbook's.


class Other(torch.Tensor):
    """A subclass, which may have ideas of its own about operations."""


class Watching(TorchDispatchMode):
    def __torch_dispatch__(self, operation, types, args=(), kwargs=None):
        return operation(*args, **(kwargs or {}))


def in_forward_mode(q, k, v, how):
    with forward_ad.dual_level():
        attention(forward_ad.make_dual(q.detach(), k.detach()), k, v, **how)


def watched(q, k, v, how):
    with Watching():
        attention(q, k, v, **how)


def learned(q, k, v, how):
    attention(q, k, v, bias=torch.zeros(40, 40, requires_grad=True), **how)


def learned_function(q, k, v, how):
    rate = torch.ones((), requires_grad=True)
    attention(q, k, v, bias=lambda i, j: (i - j) * rate, **how)


def compiled(q, k, v, how):
    torch.compile(lambda q: attention(q, k, v, **how)[0], backend="eager", fullgraph=True)(q)


def exported(q, k, v, how):
    class Attend(torch.nn.Module):
        def forward(self, q, k, v):
            return attention(q, k, v, **how)[0]

    torch.export.export(Attend(), (q, k, v), strict=False)


def with_no_gradients(q, k, v, how):
    with torch.no_grad():
        learned(q, k, v, how)


def under_autocast(q, k, v, how):
    with torch.autocast("cpu", dtype=torch.bfloat16):
        attention(q.float(), k.float(), v.float(), **how)


TAKEN = {
    "plain": lambda q, k, v, how: attention(q, k, v, **how),
    "parameters": lambda q, k, v, how: attention(torch.nn.Parameter(q), k, v, **how),
    "a function as bias": lambda q, k, v, how: attention(q, k, v, bias=lambda i, j: i - j, **how),
    "positions": lambda q, k, v, how: attention(q, k, v, bias=AbsolutePositions(40, 16), **how),
    "without gradients": with_no_gradients,
    "autocast": under_autocast,
    "checkpointing": lambda q, k, v, how: checkpoint(
        lambda q: attention(q, k, v, **how)[0], q, use_reentrant=False
    ),
}
LEFT = {
    "eager, named": lambda q, k, v, how: attention(q, k, v, backend="eager", **how),
    "sdpa, named": lambda q, k, v, how: attention(q, k, v, backend="sdpa", **how),
    "no dropout": lambda q, k, v, how: attention(q, k, v),
    "all dropped": lambda q, k, v, how: attention(q, k, v, dropout=1.0),
    "next to all dropped": lambda q, k, v, how: attention(q, k, v, dropout=1 - 1e-9),
    "next to none dropped": lambda q, k, v, how: attention(q, k, v, dropout=1e-9),
    "a large scale": lambda q, k, v, how: attention(q, k, v, scale=-1.1, **how),
    "a learned bias": learned,
    "a learned function": learned_function,
    "forward mode": in_forward_mode,
    "a subclass": lambda q, k, v, how: attention(q.as_subclass(Other), k, v, **how),
    "somebody who watches": watched,
    "meta": lambda q, k, v, how: attention(q.to("meta"), k.to("meta"), v.to("meta"), **how),
    "a compiler": compiled,
    "export": exported,
    "a trace": lambda q, k, v, how: make_fx(lambda q: attention(q, k, v, **how)[0])(q),
    "vmap": lambda q, k, v, how: torch.vmap(
        lambda q: attention(q, k, v, **how)[0], randomness="different"
    )(q[None]),
    "functorch's gradients": lambda q, k, v, how: torch.func.grad(
        lambda q: attention(q, k, v, **how)[0].sum()
    )(q),
    "its forward mode": lambda q, k, v, how: torch.func.jvp(
        lambda q: attention(q, k, v, **how)[0], (q,), (q,)
    ),
}


@pytest.mark.parametrize("name", TAKEN)
def test_it_is_taken_for(name, always, taken):
    TAKEN[name](*qkv(1, 40, 40), {"dropout": 0.5})
    assert taken == [1]


@pytest.mark.parametrize("name", LEFT)
def test_it_is_not_taken_for(name, always, taken):
    LEFT[name](*qkv(1, 40, 40), {"dropout": 0.5})
    assert taken == []


@pytest.mark.parametrize("shape", [(511, 512), (127, 4096), (4096, 127)])
def test_few_pairs_or_narrow_ones_stay_the_textbooks(shape, taken):
    attention(*qkv(1, *shape, dtype=torch.float32), dropout=0.5)
    assert taken == []


@pytest.mark.parametrize("shape", [(512, 512), (128, 2048), (2048, 128)])
def test_many_pairs_are_computed_in_strips(shape, taken):
    attention(*qkv(1, *shape, dtype=torch.float32), dropout=0.5)
    assert taken == [1]


def test_vmap_keeps_its_rule_of_randomness(always):
    q, k, v = (x.detach() for x in qkv(1, 40, 40))
    many = [x.expand(2, *x.shape) for x in (q, k, v)]
    attend = lambda *qkv: attention(*qkv, dropout=0.5)[0]
    with pytest.raises(RuntimeError, match="randomness"):
        torch.vmap(attend)(*many)
    one, other = torch.vmap(attend, randomness="different")(*many)
    assert not one.equal(other)
    one, other = torch.vmap(attend, randomness="same")(*many)
    assert one.equal(other)


def test_twice_differentiated_it_drops_the_same(always):
    """By differences of the first gradient, drawn anew from the same seed."""
    leaves = qkv(2, 9, 8)
    u, w = torch.randn(2, *leaves[0].shape).double()

    def along(q, create_graph=False):
        torch.manual_seed(4)
        out, _ = attention(q, *leaves[1:], dropout=0.3)
        (gradient,) = torch.autograd.grad(out.square().sum(), q, create_graph=create_graph)
        return (gradient * u).sum()

    (got,) = torch.autograd.grad(along(leaves[0], create_graph=True), leaves[0])
    there, back = (along((leaves[0] + s * 1e-6 * w).detach().requires_grad_()) for s in (1, -1))
    torch.testing.assert_close((got * w).sum(), (there - back) / 2e-6, rtol=1e-5, atol=1e-7)


def test_checkpointing_draws_the_same_again(always):
    q, k, v = qkv(2, 40, 33)

    def gradients(run):
        torch.manual_seed(2)
        return torch.autograd.grad(run(q).square().sum(), (q, k, v))

    attend = lambda q: attention(q, k, v, dropout=0.5)[0]
    again = gradients(lambda q: checkpoint(attend, q, use_reentrant=False))
    for got, expected in zip(again, gradients(attend), strict=True):
        assert got.equal(expected)


def test_a_seed_repeats_it_and_without_one_it_draws_anew(always):
    leaves = qkv(2, 40, 33)
    draw = lambda: attention(*leaves, dropout=0.5)[0]
    torch.manual_seed(5)
    first, second = draw(), draw()
    torch.manual_seed(5)
    assert draw().equal(first)
    torch.manual_seed(6)
    assert not draw().equal(first) and not second.equal(first)


def test_a_device_that_is_the_default_elsewhere_changes_nothing(always, taken):
    leaves = qkv(2, 40, 33)
    mask = torch.rand(40, 33) > 0.3
    with torch.device("meta"):
        out, _ = attention(*leaves, mask=mask, dropout=0.5)
        out.sum().backward()
    assert taken and out.is_cpu and leaves[0].grad.isfinite().all()


# The contract, as for every other kernel.


@pytest.mark.parametrize("p", [0.5, 0.25, 0.1])
def test_a_weight_is_dropped_or_grows(p, always):
    q, k, _ = (x.detach() for x in qkv(3, 200, 200))
    out, map = attention(q, k, torch.eye(200).double().expand(3, -1, -1), dropout=p)
    weights = map.weights()
    torch.testing.assert_close(weights, attention(q, k, k)[1].weights(), rtol=0, atol=0)
    torch.testing.assert_close(out, (weights / (1 - p)).where(out != 0, 0.0), rtol=1e-6, atol=0)
    count = out.numel()
    assert abs((out == 0).sum() - p * count) < 5 * (p * (1 - p) * count) ** 0.5


@pytest.mark.parametrize("bad", [torch.nan, torch.inf])
def test_rows_that_see_nothing_and_keys_that_nobody_sees(bad, always, taken):
    leaves = qkv(2, 40, 33)
    mask, bias = torch.rand(40, 33) > 0.5, torch.zeros(40, 33)
    mask[:20] = False
    bias[20:25] = -torch.inf
    mask[:, 5] = False
    with torch.no_grad():
        leaves[0][:, 3] = leaves[1][:, 5] = leaves[2][:, 5] = bad
    out, _ = attention(*leaves, bias=bias, mask=mask, dropout=0.5)
    out.square().sum().backward()
    assert taken
    assert (out[:, :25] == 0).all() and (out[:, 25:] != 0).any(-1).all()
    assert (leaves[0].grad[:, :25] == 0).all()
    assert all(x.grad.isfinite().all() for x in leaves) and out.isfinite().all()


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16], ids=str)
def test_scores_that_overflow_are_nan_in_both(dtype, always):
    q = (1e20 * torch.randn(2, 40, 4)).to(dtype)
    out, map = attention(q, q, torch.randn(2, 40, 4).to(dtype), dropout=0.5)
    assert out.isnan().all(-1).equal(map.weights().isnan().all(-1)) and out.isnan().any()


@pytest.mark.parametrize("which", [0, 1, 2])
@pytest.mark.parametrize("scale", [1.0, 0.0])
def test_nan_in_gives_nan_out(which, scale, always, taken):
    leaves = [x.detach() for x in qkv(2, 40, 33)]
    leaves[which].fill_(torch.nan)
    assert attention(*leaves, scale=scale, dropout=0.5)[0].isnan().all()
    assert taken


@pytest.mark.parametrize("autocast", [False, True])
def test_in_half_precision_scores_are_float32(autocast, always):
    # Scores near 300 that differ by about 1, where bfloat16 has steps of 2.
    base = 2.2 * torch.randn(1, 2, 1, 64)
    q, k = (base + 0.05 * torch.randn(2, 1, 2, 40, 64)).bfloat16()
    v = torch.eye(40).expand(1, 2, 40, 40).bfloat16()
    how = {"dtype": torch.bfloat16, "enabled": autocast}
    with torch.autocast("cpu", **how) if autocast else nullcontext():
        wide = torch.float32 if autocast else torch.bfloat16
        out, map = attention(q.to(wide), k.to(wide), v.to(wide), scale=1.0, dropout=0.5)
    assert out.dtype == torch.bfloat16
    expected = (2 * map.weights()).where(out != 0, 0.0)
    torch.testing.assert_close(out.float(), expected, rtol=2**-8, atol=1e-6)


# The coins.


def test_each_bit_has_its_place():
    bits = torch.tensor([[[1, 2, -1]], [[-(2**31), 5, 0]]], dtype=torch.int32)
    rows = dropped.unpack(bits)
    assert rows.shape == (2, 32, 3)
    expected = torch.zeros(2, 32, 3, dtype=torch.int32)
    expected[0, 0, 0] = expected[0, 1, 1] = expected[0, :, 2] = -1
    expected[1, 31, 0] = expected[1, [0, 2], 1] = -1
    assert rows.equal(expected)


@pytest.mark.parametrize("dtype", FLOATS, ids=str)
@pytest.mark.parametrize("kept", [HALF, HALF // 2, 3 * HALF // 2, 0xE66666, 0x19999A, 1, 2**24 - 1])
def test_as_many_come_up_as_should_for_every_row_column_and_bit(kept, dtype):
    ones = dropped.unpack(dropped.coins(kept, (2, 640, 512), dtype)).abs().double()
    share = kept / 2**dropped.DIGITS
    for axes in ((0, 1, 2), (0, 1), (1, 2), (0, 2)):
        count = ones.numel() / ones.sum(axes).numel()
        error = (ones.mean(axes) - share).abs().max()
        assert error <= 6 * (share * (1 - share) / count) ** 0.5 + 2 / count


def test_one_half_is_one_draw():
    torch.manual_seed(0)
    drawn = torch.empty(3, dtype=torch.int64).random_(-(2**63), None)
    torch.manual_seed(0)
    assert dropped.coins(HALF, (1, 32, 6), torch.float32).flatten().equal(drawn.view(torch.int32))


@pytest.mark.parametrize("kept", [HALF, 0xE66666])
def test_coins_know_nothing_of_each_other(kept):
    ones = dropped.unpack(dropped.coins(kept, (2, 640, 512), torch.float32)).abs().double()
    ones = (ones - ones.mean()) / ones.std()
    bound = 6 / (ones.numel() / 2) ** 0.5
    assert (ones[0] * ones[1]).mean().abs() < bound
    for down in (0, 1, 7, 8, 16, 31, 32, 64):
        for across in (0, 1, 2, 4, 8, 32):
            if down or across:
                apart = ones[:, down:, across:] * ones[:, : 640 - down, : 512 - across]
                assert apart.mean().abs() < bound, (down, across)
