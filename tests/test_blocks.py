"""Block attention sees its own block and nothing else, and treats all blocks alike."""

import copy

import pytest
import torch
from einops import rearrange
from hypothesis import given
from hypothesis import strategies as st

from attnlib import BlockAttention, attention, merge_heads

DTYPES = [torch.float64, torch.float32, torch.bfloat16]


def module(device, dtype=torch.float64, dim=12, heads=3, **kwargs):
    torch.manual_seed(1)
    return BlockAttention(dim, heads, **kwargs).to(device, dtype).eval()


def tokens(device, *shape, dtype=torch.float64):
    return torch.randn(shape, dtype=dtype, device=device)


def as_written(block_attention, x):
    """NesT's formula head by head, in full; channel c of the output is head c mod H."""
    heads = block_attention.num_heads
    queries, keys, values = block_attention.qkv(x).chunk(3, -1)  # each (B, G, N, C)
    head_dim = queries.shape[-1] // heads
    merged, maps = torch.empty_like(values), []
    for head in range(heads):
        own = slice(head * head_dim, (head + 1) * head_dim)
        scores = queries[..., own] @ keys[..., own].mT / head_dim**0.5
        maps.append(scores.softmax(-1))
        merged[..., head::heads] = maps[-1] @ values[..., own]
    return block_attention.proj(merged), torch.stack(maps, 2)


@pytest.mark.parametrize("qkv_bias", [False, True])
@given(st.integers(1, 3), st.integers(1, 4), st.integers(1, 9), st.sampled_from([1, 2, 3, 6]))
def test_block_attention_is_the_formula(device, qkv_bias, batch, blocks, length, heads):
    block_attention = module(device, heads=heads, qkv_bias=qkv_bias)
    x = tokens(device, batch, blocks, length, 12)
    y, map = block_attention(x)
    expected, expected_map = as_written(block_attention, x)
    torch.testing.assert_close(y, expected, rtol=0, atol=1e-12)
    torch.testing.assert_close(map.weights(), expected_map, rtol=0, atol=1e-12)


@given(st.integers(1, 3), st.integers(1, 4), st.integers(1, 6))
def test_blocks_are_full_attention_under_a_block_diagonal_mask(device, batch, blocks, length):
    block_attention = module(device)
    x = tokens(device, batch, blocks, length, 12)
    y, map = block_attention(x)
    qkv = rearrange(block_attention.qkv(x), "b g n (three h d) -> three b h (g n) d", three=3, h=3)
    out, full_map = attention(*qkv, mask=lambda i, j: i // length == j // length)
    full = block_attention.proj(merge_heads(out, "d h"))  # (B, L, C)
    torch.testing.assert_close(full, y.flatten(1, 2), rtol=0, atol=1e-12)
    for block, part in enumerate(map.unbind()):
        own = slice(block * length, (block + 1) * length)
        window = full_map.window(own, own)
        torch.testing.assert_close(window, part.weights(), rtol=0, atol=1e-12)


@given(st.permutations(range(4)))
def test_permuting_whole_blocks_permutes_the_output(device, order):
    block_attention = module(device)
    x = tokens(device, 2, 4, 5, 12)
    y, map = block_attention(x)
    permuted, permuted_map = block_attention(x[:, order])
    torch.testing.assert_close(permuted, y[:, order], rtol=0, atol=1e-12)
    expected = map.weights()[:, order]
    torch.testing.assert_close(permuted_map.weights(), expected, rtol=0, atol=1e-12)


@given(st.permutations(range(5)))
def test_permuting_tokens_inside_a_block_permutes_the_output(device, order):
    block_attention = module(device)
    x = tokens(device, 2, 4, 5, 12)
    y, map = block_attention(x)
    permuted, permuted_map = block_attention(x[:, :, order])
    torch.testing.assert_close(permuted, y[:, :, order], rtol=0, atol=1e-12)
    expected = map.weights()[..., order, :][..., order]
    torch.testing.assert_close(permuted_map.weights(), expected, rtol=0, atol=1e-12)


def test_permuting_tokens_across_blocks_changes_more_than_the_order(device):
    block_attention = module(device)
    x = tokens(device, 1, 2, 3, 12)
    order = [3, 1, 2, 0, 4, 5]  # the first tokens of the two blocks change places
    across = x.flatten(1, 2)[:, order].unflatten(1, (2, 3))
    y, permuted = (block_attention(x)[0].flatten(1, 2) for x in (x, across))
    assert (permuted - y[:, order]).abs().max() > 1e-3


def test_nothing_outside_its_block_has_any_influence(device):
    block_attention = module(device)
    x = tokens(device, 1, 3, 4, 12).requires_grad_()
    for block in range(3):
        y, _ = block_attention(x)
        (grad,) = torch.autograd.grad(y[:, block].square().sum(), x)
        others = [other for other in range(3) if other != block]
        assert (grad[:, others] == 0).all()  # exactly
        assert (grad[:, block] != 0).all()


def test_a_batch_of_one_is_any_entry_of_a_batch(device):
    block_attention = module(device)
    x = tokens(device, 3, 2, 4, 12)
    y, _ = block_attention(x)
    for entry in range(3):
        alone, _ = block_attention(x[entry : entry + 1])
        torch.testing.assert_close(alone[0], y[entry], rtol=0, atol=1e-12)


def test_one_map_a_head_and_a_block(device):
    y, map = module(device)(tokens(device, 2, 5, 4, 12))
    assert y.shape == (2, 5, 4, 12)
    assert map.shape == (2, 5, 3, 4, 4)


@pytest.mark.parametrize("dtype", DTYPES, ids=str)
def test_the_output_has_the_dtype_of_the_input(dtype, device):
    block_attention = module(device, dtype)
    x = tokens(device, 2, 5, 4, 12, dtype=dtype)
    y, map = block_attention(x)
    y.float().square().sum().backward()
    exact, exact_map = copy.deepcopy(block_attention).double()(x.double())
    limit = {torch.float64: 1e-12, torch.float32: 1e-5, torch.bfloat16: 0.03}[dtype]
    assert y.dtype == dtype
    torch.testing.assert_close(y.double(), exact, rtol=0, atol=limit)
    torch.testing.assert_close(map.weights().double(), exact_map.weights(), rtol=0, atol=limit)
    assert all(p.grad.isfinite().all() for p in block_attention.parameters())


def test_it_trains_under_autocast(device):
    block_attention = module(device, torch.float32)
    x = tokens(device, 2, 5, 4, 12, dtype=torch.float32)
    exact, exact_map = block_attention(x)
    with torch.autocast(device.type, dtype=torch.bfloat16):
        y, map = block_attention(x)
        weights = map.weights()
    (y.float().square().sum() + weights.square().sum()).backward()
    assert weights.dtype == torch.float32
    torch.testing.assert_close(y.float(), exact, rtol=0, atol=0.03)
    torch.testing.assert_close(weights, exact_map.weights(), rtol=0, atol=0.03)
    assert all(p.grad.isfinite().all() for p in block_attention.parameters())


def test_eval_is_deterministic(device):
    block_attention = module(device, attn_drop=0.5, proj_drop=0.5)
    x = tokens(device, 2, 5, 4, 12)
    assert block_attention(x)[0].equal(block_attention(x)[0])


@pytest.mark.parametrize("drop", [{"attn_drop": 0.5}, {"proj_drop": 0.5}], ids=str)
def test_training_drops_and_the_map_does_not_show_it(drop, device):
    block_attention = module(device, **drop)
    x = tokens(device, 2, 5, 4, 12)
    y, map = block_attention(x)
    dropped, dropped_map = block_attention.train()(x)
    assert not torch.allclose(dropped, y)
    torch.testing.assert_close(dropped_map.weights(), map.weights())


@pytest.mark.parametrize("drop", [{"attn_drop": 0.3}, {"proj_drop": 0.3}], ids=str)
def test_dropout_keeps_the_mean(drop, device):
    block_attention = module(device, **drop)
    x = tokens(device, 1, 2, 4, 12)
    expected, _ = block_attention(x)
    draws, _ = block_attention.train()(x.expand(4000, -1, -1, -1))
    error = (draws.mean(0) - expected[0]).abs() / (draws.std(0) / len(draws) ** 0.5)
    assert error.max() < 5  # standard errors


def test_without_dropout_training_is_eval(device):
    block_attention = module(device)
    x = tokens(device, 2, 5, 4, 12)
    assert block_attention(x)[0].equal(block_attention.train()(x)[0])


def test_nan_in_one_block_stays_in_it(device):
    x = tokens(device, 1, 3, 4, 12)
    x[:, 1, 2, 5] = torch.nan
    y, map = module(device)(x)
    assert y[:, 1].isnan().all()
    assert map.weights()[:, 1].isnan().all()
    assert y[:, [0, 2]].isfinite().all()


@pytest.mark.parametrize("qkv_bias", [False, True])
def test_parameters_have_the_published_names_and_shapes(qkv_bias):
    parameters = BlockAttention(12, 3, qkv_bias).named_parameters()
    shapes = {name: tuple(parameter.shape) for name, parameter in parameters}
    bias = {"qkv.bias": (36,)} if qkv_bias else {}
    expected = {"qkv.weight": (36, 12), "proj.weight": (12, 12), "proj.bias": (12,)}
    assert shapes == expected | bias


def test_defaults_are_the_published_ones():
    block_attention = BlockAttention(64)
    assert block_attention.num_heads == 8
    assert block_attention.qkv.bias is None
    assert block_attention.attn_drop == 0
    assert block_attention.proj_drop.p == 0


def test_parameters_start_as_linear_layers_do():
    block_attention = BlockAttention(256, 4, qkv_bias=True)
    for parameter in block_attention.parameters():
        assert parameter.abs().max() <= 256**-0.5
        assert parameter.std().item() == pytest.approx((3 * 256) ** -0.5, rel=0.1)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"dim": 30, "num_heads": 4}, r"num_heads=4 .*divide dim=30"),
        ({"dim": 12, "num_heads": 0}, r"num_heads must be a whole number, at least 1, got 0"),
        ({"dim": 12, "num_heads": -3}, r"num_heads must be a whole number, at least 1, got -3"),
        ({"dim": 8, "attn_drop": 1.5}, r"attn_drop must be in \[0, 1\], got 1.5"),
        ({"dim": 8, "proj_drop": -0.5}, r"proj_drop must be in \[0, 1\], got -0.5"),
    ],
)
def test_a_module_that_cannot_work_is_not_built(arguments, message):
    with pytest.raises(ValueError, match=message):
        BlockAttention(**arguments)


@pytest.mark.parametrize(
    ("x", "error", "message"),
    [
        (torch.zeros(2, 4, 12), ValueError, r"x must be \(B, G, N, C=12\), got shape \(2, 4, 12\)"),
        (torch.zeros(1, 1, 2, 4, 12), ValueError, r"x must be .* got shape \(1, 1, 2, 4, 12\)"),
        (torch.zeros(1, 2, 4, 13), ValueError, r"x must be .*C=12\), got shape \(1, 2, 4, 13\)"),
        (torch.zeros(1, 2, 0, 12), ValueError, r"x must not be empty, got shape \(1, 2, 0, 12\)"),
        (torch.zeros(0, 2, 4, 12), ValueError, r"x must not be empty, got shape \(0, 2, 4, 12\)"),
        (torch.zeros(1, 2, 4, 12).long(), TypeError, r"x must be floating point, got torch.int64"),
        ([[1.0]], TypeError, r"x must be a torch.Tensor \(B, G, N, C=12\), got list"),
    ],
)
def test_input_that_does_not_fit_is_named(x, error, message):
    with pytest.raises(error, match=message):
        BlockAttention(12, 3)(x)
