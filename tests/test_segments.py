"""Global and local attention are what the mathematics says, for every length and segment."""

import copy
import math
import sys

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from attnlib import (
    AbsolutePositions,
    GlobalLocalAttention,
    GlobalLocalMap,
    SelfAttention,
    attention,
    fuse,
    segment_slices,
)

C = 8
FUSIONS = ["add", "mult", "avg", "max"]
POSITIONS = [None, "absolute", "relative"]
DTYPES = [torch.float64, torch.float32, torch.bfloat16]


def module(device, dtype=torch.float64, num_segments=3, fusion="add", pos_enc="absolute"):
    torch.manual_seed(1)
    width = 12 * (num_segments or 2)  # 12 for each segment
    built = GlobalLocalAttention(
        C, width, freq=100, pos_enc=pos_enc, num_segments=num_segments, heads=2, fusion=fusion
    )
    return built.to(device, dtype).eval()


def frames(device, *shape, dtype=torch.float64):
    return torch.randn(*shape, C, dtype=dtype, device=device)


# The mathematics, one number at a time, from the published parameters.


def position(pos_enc, i, j, length, width, freq):
    if pos_enc is None or (length % 2 and j == length - 1):
        return 0.0  # for odd lengths the last column stays zero
    if pos_enc == "absolute":
        angle = i / freq ** (2 * (j // 2) / width)
    else:
        angle = (j - i + length - 1) / freq ** ((i + j) / (2 * length))
    return math.cos(angle) if j % 2 else math.sin(angle)


def one_branch(x, parameters, heads, pos_enc, freq):
    """(L, C) and the parameters of one branch -> (L, C) and its maps (H, L, L)."""
    length, width = x.shape
    outputs, maps = [], torch.empty(heads, length, length, dtype=torch.float64)
    for head in range(heads):
        q, k, v = (x @ parameters[f"{name}.{head}.weight"].T for name in ("Wq", "Wk", "Wv"))
        rows = []
        for i in range(length):
            scores = [
                sum(a * b for a, b in zip(q[i].tolist(), k[j].tolist(), strict=True))
                + position(pos_enc, i, j, length, width, freq)
                for j in range(length)
            ]
            powers = [math.exp(score) for score in scores]
            weights = [power / sum(powers) for power in powers]
            rows.append(sum(weight * v[j] for j, weight in enumerate(weights)))
            maps[head, i] = torch.tensor(weights, dtype=torch.float64)
        outputs.append(torch.stack(rows))
    return torch.cat(outputs, 1) @ parameters["out.weight"].T, maps


def below(parameters, prefix):
    return {key[len(prefix) :]: p for key, p in parameters.items() if key.startswith(prefix)}


def combined(whole, local, fusion):
    rows = []
    for a, b in zip(whole.tolist(), local.tolist(), strict=True):
        a_norm, b_norm = math.hypot(*a), math.hypot(*b)
        pairs = [(x / a_norm, y / b_norm) for x, y in zip(a, b, strict=True)]
        combine = {
            "add": lambda x, y: x + y,
            "mult": lambda x, y: x * y,
            "avg": lambda x, y: 0.5 * x + 0.5 * y,
            "max": max,
        }[fusion]
        rows.append([combine(*pair) for pair in pairs])
    return torch.tensor(rows, dtype=torch.float64)


@pytest.mark.parametrize("pos_enc", POSITIONS, ids=str)
@pytest.mark.parametrize("num_segments", [2, 3, 4, 5, 6])
def test_every_length_is_the_mathematics(num_segments, pos_enc, device):
    fusion = FUSIONS[num_segments % 4]
    built = module(device, num_segments=num_segments, fusion=fusion, pos_enc=pos_enc)
    parameters = {key: p.cpu() for key, p in built.published_state_dict().items()}
    for length in range(1, 26):
        x = frames("cpu", length)
        y, map = built(x.to(device))
        whole, whole_map = one_branch(x, below(parameters, "attention."), 2, pos_enc, 100)
        local, maps, size = [], [whole_map], math.ceil(length / num_segments)
        for segment in range(num_segments):
            own = x[segment * size : (segment + 1) * size]
            maps.append(torch.empty(4, 0, 0, dtype=torch.float64))
            if len(own):
                part = below(parameters, f"local_attention.{segment}.")
                result, maps[-1] = one_branch(own, part, 4, pos_enc, 100)
                local.append(result)
        got = (y, *(part.weights() for part in (map.whole, *map.segments)))
        expected = (combined(whole, torch.cat(local), fusion), *maps)
        said = f"{length=} {{}}".format
        for a, b in zip(got, expected, strict=True):
            torch.testing.assert_close(a.cpu(), b, rtol=0, atol=1e-11, msg=said)


@pytest.mark.parametrize("length", [1, 2, 5, 9, 12])
@pytest.mark.parametrize("lead", [(), (3,)])
def test_every_map_has_its_shape(length, lead, device):
    y, map = module(device, num_segments=5)(frames(device, *lead, length))
    assert y.shape == (*lead, length, C)
    assert map.whole.shape == map.whole.weights().shape == (*lead, 2, length, length)
    assert isinstance(map.segments, tuple)
    assert [part.shape for part in map.segments] == [
        (*lead, 4, own.stop - own.start, own.stop - own.start) for own in segment_slices(length, 5)
    ]
    assert [part.weights().shape for part in map.segments] == [part.shape for part in map.segments]


def test_without_segments_there_are_no_maps_of_them(device):
    y, map = module(device, num_segments=None, fusion=None)(frames(device, 5))
    assert type(map) is GlobalLocalMap
    assert map.segments == ()
    assert y.shape == (5, C)


@given(st.integers(1, 14), st.integers(2, 6), st.sampled_from(FUSIONS), st.sampled_from(POSITIONS))
def test_every_video_of_a_batch_is_by_itself(device, length, num_segments, fusion, pos_enc):
    built = module(device, num_segments=num_segments, fusion=fusion, pos_enc=pos_enc)
    x = frames(device, 3, length)
    y, map = built(x)
    for video in range(3):
        alone, alone_map = built(x[video])
        torch.testing.assert_close(y[video], alone, rtol=0, atol=1e-12)
        for got, expected in zip(
            (map.whole, *map.segments), (alone_map.whole, *alone_map.segments), strict=True
        ):
            torch.testing.assert_close(got.weights()[video], expected.weights())


def test_self_attention_alone_is_the_global_branch(device):
    built = module(device, num_segments=None, fusion=None)
    x = frames(device, 7)
    y, map = built.attention(x)
    expected, expected_map = built(x)
    assert y.equal(expected)
    assert map.weights().equal(expected_map.whole.weights())


def test_local_attention_is_attention_under_a_mask_of_segments_where_parameters_are_shared(device):
    built = module(device, pos_enc=None)
    local = built.local_attention
    with torch.no_grad():
        local.qkv.copy_(local.qkv[:1].expand_as(local.qkv))
        local.out.copy_(local.out[:1].expand_as(local.out))
    x = frames(device, 10)
    y, _ = local(x)
    q, k, v = (x @ local.qkv[0].mT).unflatten(-1, (3, 4, -1)).permute(1, 2, 0, 3)
    out, _ = attention(q, k, v, scale=1.0, mask=lambda i, j: i // 4 == j // 4)
    torch.testing.assert_close(y, out.permute(1, 0, 2).flatten(1) @ local.out[0].mT)


def influence(f, x):
    """(L, L) norms of ∂yᵢ/∂xⱼ."""
    jacobian = torch.autograd.functional.jacobian(f, x)  # (L, C, L, C)
    return jacobian.square().sum((1, 3)).sqrt()


def test_only_the_global_branch_sees_across_segments(device):
    built = module(device)
    x = frames(device, 7)  # segments of 3, 3, 1
    segment = torch.arange(7, device=device) // 3
    apart = segment[:, None] != segment[None, :]
    assert (influence(lambda x: built.local_attention(x)[0], x)[apart] == 0).all()  # exactly
    assert (influence(lambda x: built(x)[0], x) > 1e-6).all()


@pytest.mark.filterwarnings("ignore:There is a performance drop")
def test_the_jacobian_of_functorch_is_that_of_autograd(device):
    built, x = module(device), frames(device, 7)
    f = lambda x: built(x)[0]
    torch.testing.assert_close(torch.func.jacrev(f)(x), torch.autograd.functional.jacobian(f, x))


# Fusion


@pytest.mark.parametrize("fusion", FUSIONS)
@pytest.mark.parametrize("lead", [(), (2,)])
def test_fusion_is_the_formula(fusion, lead, device):
    whole, local = frames(device, *lead, 6), frames(device, *lead, 6)
    fused = fuse(whole, local, fusion)
    assert fused.shape == whole.shape
    rows = zip(whole.reshape(-1, C), local.reshape(-1, C), fused.reshape(-1, C), strict=True)
    for a, b, got in rows:
        expected = combined(a[None].cpu(), b[None].cpu(), fusion)[0]
        torch.testing.assert_close(got.cpu(), expected, rtol=0, atol=1e-14)


@pytest.mark.parametrize(
    ("fusion", "norm"), [("add", 2**0.5), ("max", 1.0), ("avg", 0.5**0.5), ("mult", 1024**-0.5)]
)
def test_norm_of_a_fused_row(fusion, norm):
    rows = fuse(torch.randn(200, 1024), torch.randn(200, 1024), fusion).norm(dim=-1)
    assert rows.mean().item() == pytest.approx(norm, rel=0.03)


def test_names_of_fusions_may_be_in_upper_case():
    x, y = torch.randn(2, 3, C)
    assert fuse(x, y, "ADD").equal(fuse(x, y, "add"))
    assert GlobalLocalAttention(C, 16, num_segments=2, fusion="Max").fusion == "max"


def test_rows_of_zeros_are_fused_without_nan():
    assert fuse(torch.zeros(3, C), torch.zeros(3, C), "add").equal(torch.zeros(3, C))


# Training


def spied_dropout(monkeypatch):
    """Every dropout that the branches ask `attention` for."""
    asked = []

    def spy(*args, dropout, **kwargs):
        asked.append(dropout)
        return attention(*args, dropout=dropout, **kwargs)

    monkeypatch.setattr(sys.modules["attnlib.segments"], "attention", spy)
    return asked


def test_in_training_half_of_the_weights_are_dropped_in_both_branches(monkeypatch, device):
    asked = spied_dropout(monkeypatch)
    module(device).train()(frames(device, 7))
    assert asked == [0.5, 0.5, 0.5]  # global, the equal segments, the shorter last one


def test_in_eval_nothing_is_dropped(monkeypatch, device):
    asked = spied_dropout(monkeypatch)
    module(device)(frames(device, 7))
    assert asked == [0.0, 0.0, 0.0]


def test_eval_is_deterministic(device):
    built, x = module(device), frames(device, 7)
    assert built(x)[0].equal(built(x)[0])


@pytest.mark.parametrize("branch", ["attention", "local_attention"])
def test_dropout_keeps_the_mean_and_the_map(branch, device):
    part = getattr(module(device), branch)
    x = frames(device, 7)
    expected, maps = part(x)
    draws, drawn_maps = part.train()(x.expand(6000, -1, -1))
    error = (draws.mean(0) - expected).abs() / (draws.std(0) / len(draws) ** 0.5)
    assert error.max() < 5  # standard errors
    for got, kept in zip(_tuple(drawn_maps), _tuple(maps), strict=True):
        torch.testing.assert_close(got.weights()[0], kept.weights())


def _tuple(maps):
    return maps if isinstance(maps, tuple) else (maps,)


@pytest.mark.parametrize("length", [1, 2, 4, 9, 10])
def test_every_parameter_that_takes_part_gets_a_gradient(length, device):
    built = module(device, num_segments=4)
    y, map = built(frames(device, length))
    (y.square().sum() + map.whole.weights().square().sum()).backward()
    grads = {name: p.grad for name, p in built.named_parameters()}
    assert all(grad.isfinite().all() for grad in grads.values())
    sizes = [own.stop - own.start for own in segment_slices(length, 4)]
    for size, grad in zip(sizes, grads["local_attention.out"], strict=True):
        assert (grad != 0).any() == (size > 0)


@pytest.mark.parametrize("dtype", DTYPES, ids=str)
def test_segments_of_one_frame_train_even_when_all_their_weights_are_dropped(dtype, device):
    built = module(device, dtype).train()
    y, _ = built(frames(device, 200, 3, dtype=dtype))  # a local row is zeros once in 16
    y.float().square().sum().backward()
    assert all(p.grad.isfinite().all() for p in built.parameters())


@pytest.mark.parametrize("dtype", DTYPES, ids=str)
@pytest.mark.parametrize("length", [9, 10])
def test_the_output_has_the_dtype_of_the_input(dtype, length, device):
    built = module(device, dtype, num_segments=4)
    x = frames(device, 2, length, dtype=dtype)
    y, map = built(x)
    y.float().square().sum().backward()
    exact, exact_map = copy.deepcopy(built).double()(x.double())
    limit = {torch.float64: 1e-12, torch.float32: 1e-5, torch.bfloat16: 0.03}[dtype]
    assert y.dtype == dtype
    torch.testing.assert_close(y.double(), exact, rtol=0, atol=limit)
    pairs = zip((map.whole, *map.segments), (exact_map.whole, *exact_map.segments), strict=True)
    for got, expected in pairs:
        assert got.weights().dtype == torch.promote_types(dtype, torch.float32)
        torch.testing.assert_close(got.weights().double(), expected.weights(), rtol=0, atol=limit)
    assert all(p.grad.isfinite().all() for p in built.parameters())


def test_it_trains_under_autocast(device):
    built = module(device, torch.float32)
    x = frames(device, 10, dtype=torch.float32)
    exact, exact_map = built(x)
    with torch.autocast(device.type, dtype=torch.bfloat16):
        y, map = built(x)
        weights = map.whole.weights()
    (y.float().square().sum() + weights.square().sum()).backward()
    assert weights.dtype == map.segments[-1].weights().dtype == torch.float32
    torch.testing.assert_close(y.float(), exact, rtol=0, atol=0.03)
    torch.testing.assert_close(weights, exact_map.whole.weights(), rtol=0, atol=0.03)
    assert all(p.grad.isfinite().all() for p in built.parameters())


def test_nan_in_a_frame_is_nan_in_every_frame(device):
    x = frames(device, 10)
    x[4, 2] = torch.nan
    y, map = module(device)(x)
    assert y.isnan().all()  # all frames see it
    assert map.whole.weights().isnan().all()
    assert [part.weights().isnan().any().item() for part in map.segments] == [False, True, False]


def test_a_detached_map_has_no_graph(device):
    _, map = module(device)(frames(device, 10))
    assert map.whole.weights().requires_grad
    detached = map.detach()
    assert type(detached) is GlobalLocalMap
    for got, kept in zip((detached.whole, *detached.segments), (map.whole, *map.segments)):  # noqa: B905
        assert not got.weights().requires_grad
        assert got.weights().equal(kept.weights())


# Positions are made once


@pytest.fixture
def built_tables(monkeypatch):
    """How many queries each evaluation of positions was for."""
    counted, evaluate = [], AbsolutePositions.__call__

    def counting(self, i, j):
        counted.append(i.numel())
        return evaluate(self, i, j)

    monkeypatch.setattr(AbsolutePositions, "__call__", counting)
    return counted


def test_positions_are_made_at_the_first_call_of_a_length_only(built_tables, device):
    built = module(device)
    for _ in range(3):
        built(frames(device, 7))
    assert built_tables == [7, 3, 1]  # once each, for all heads and all equal segments
    built(frames(device, 8))
    assert built_tables == [7, 3, 1, 8, 2]  # 3, 3, 2


@pytest.mark.parametrize("precision", ["float32", "bfloat16", "autocast"])
def test_looking_at_maps_does_not_make_the_next_call_build_positions(
    precision, built_tables, device
):
    dtype = torch.bfloat16 if precision == "bfloat16" else torch.float32
    built = module(device, dtype, num_segments=None, fusion=None)
    x = frames(device, 7, dtype=dtype)
    with torch.autocast(device.type, torch.bfloat16, enabled=precision == "autocast"):
        for _ in range(3):
            _, map = built(x)
            map.whole.weights()
    assert len(built_tables) <= 2  # one for the outputs, one at most for the maps


def test_a_first_call_under_inference_mode_does_not_break_training(device):
    built = module(device)
    x = frames(device, 7)
    with torch.inference_mode():
        expected, _ = built(x)
    y, map = built(x)
    (y.sum() + map.whole.weights().square().sum()).backward()
    torch.testing.assert_close(y, expected)
    assert all(p.grad.isfinite().all() for p in built.parameters())


def test_positions_are_no_part_of_the_state(device):
    built = module(device)
    before = list(built.state_dict())
    built(frames(device, 7))
    assert list(built.state_dict()) == before
    assert not list(built.buffers())


def test_a_used_module_can_be_copied_moved_and_keeps_working(device):
    built, x = module(device), frames(device, 7)
    expected, _ = built(x)
    moved = copy.deepcopy(built).float()
    torch.testing.assert_close(moved(x.float())[0], expected.float(), rtol=0, atol=1e-5)


@pytest.mark.filterwarnings("ignore:There is a performance drop")
def test_a_module_used_by_functorch_can_be_copied(device):
    built, x = module(device), frames(device, 7)
    torch.func.jacrev(lambda x: built(x)[0])(x)
    torch.testing.assert_close(copy.deepcopy(built)(x)[0], built(x)[0])


# Parameters


def is_uniform(parameter, bound):
    """In ±bound and spread all over it, by its largest and its standard deviation."""
    assert parameter.abs().max() <= bound
    assert parameter.abs().max() > 0.97 * bound
    assert parameter.std().item() == pytest.approx(bound / 3**0.5, rel=0.05)
    assert abs(parameter.mean().item()) < 0.05 * bound


def test_parameters_of_the_global_branch_start_as_one_linear_layer_a_head():
    built = SelfAttention(64, 256, heads=8)
    for part in built.qkv.weight.chunk(3):
        is_uniform(part, 64**-0.5)
    is_uniform(built.out.weight, 256**-0.5)


def test_parameters_of_every_segment_start_as_layers_of_its_own():
    local = GlobalLocalAttention(64, 512, num_segments=4, fusion="add").local_attention
    assert local.qkv.shape == (4, 3 * 128, 64)
    assert local.out.shape == (4, 64, 128)
    for qkv, out in zip(local.qkv, local.out, strict=True):
        is_uniform(qkv, 64**-0.5)
        is_uniform(out, 128**-0.5)
    assert not local.qkv[0].equal(local.qkv[1])


def test_names_and_shapes_of_parameters():
    built = GlobalLocalAttention(64, 48, num_segments=3, heads=2, fusion="add")
    assert {name: tuple(p.shape) for name, p in built.named_parameters()} == {
        "attention.qkv.weight": (144, 64),
        "attention.out.weight": (64, 48),
        "local_attention.qkv": (3, 48, 64),
        "local_attention.out": (3, 64, 16),
    }


def test_defaults_are_the_published_ones():
    built = GlobalLocalAttention()
    assert {name: tuple(p.shape) for name, p in built.named_parameters()} == {
        "attention.qkv.weight": (3072, 1024),
        "attention.out.weight": (1024, 1024),
    }
    assert built.attention.heads == SelfAttention().heads == 1
    assert SelfAttention().qkv.weight.shape == (3072, 1024)
    assert built.attention.positions(8) is None
    assert GlobalLocalAttention(pos_enc="absolute").attention.positions(8).function.freq == 10000


# What is refused


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"output_size": 30, "heads": 4}, r"heads=4 .*divide output_size=30"),
        ({"heads": 0}, r"heads must be a whole number, at least 1, got 0"),
        ({"num_segments": 1, "fusion": "add"}, r"num_segments must .*at least 2, got 1"),
        ({"num_segments": 0, "fusion": "add"}, r"num_segments must .*at least 2, got 0"),
        (
            {"num_segments": 2},
            r"num_segments and fusion must be given together.*num_segments=2, fusion=None",
        ),
        (
            {"fusion": "add"},
            r"num_segments and fusion must be given together.*num_segments=None, fusion='add'",
        ),
        (
            {"num_segments": 3, "fusion": "add", "output_size": 256},
            r"output_size // num_segments must be a multiple of 4.*256 // 3 = 85",
        ),
        (
            {"num_segments": 9, "fusion": "add", "output_size": 8},
            r"output_size // num_segments must be a multiple of 4.*8 // 9 = 0",
        ),
        (
            {"num_segments": 2, "fusion": "sum"},
            r"fusion must be one of \('add', 'mult', 'avg', 'max'\), got 'sum'",
        ),
        ({"num_segments": 2, "fusion": 3}, r"fusion must be one of .*, got 3"),
        ({"num_segments": 2, "fusion": ["add"]}, r"fusion must be one of .*, got \['add'\]"),
        (
            {"pos_enc": "sinusoid"},
            r"pos_enc must be one of \(None, 'absolute', 'relative'\), got 'sinusoid'",
        ),
    ],
    ids=str,
)
def test_a_module_that_cannot_work_is_not_built(arguments, message):
    with pytest.raises(ValueError, match=message):
        GlobalLocalAttention(**{"input_size": 16, "output_size": 16} | arguments)


def test_self_attention_refuses_the_same():
    with pytest.raises(ValueError, match=r"heads=3 .*divide output_size=16"):
        SelfAttention(16, 16, heads=3)
    with pytest.raises(ValueError, match=r"pos_enc must be one of .*, got 'none'"):
        SelfAttention(16, 16, pos_enc="none")


def test_an_unknown_fusion_is_refused():
    with pytest.raises(ValueError, match=r"fusion must be one of .*'max'\), got None"):
        fuse(torch.zeros(2, 4), torch.zeros(2, 4), None)


BRANCHES = {
    "SelfAttention": SelfAttention(16, 16),
    "GlobalLocalAttention": GlobalLocalAttention(16, 16, num_segments=2, fusion="add"),
}


@pytest.mark.parametrize("name", BRANCHES)
@pytest.mark.parametrize(
    ("x", "error", "message"),
    [
        (torch.zeros(16), ValueError, r"x must be \(L, C=16\) or \(B, L, C\), got shape \(16,\)"),
        (torch.zeros(1, 1, 4, 16), ValueError, r"x must be .*, got shape \(1, 1, 4, 16\)"),
        (torch.zeros(4, 15), ValueError, r"x must be \(L, C=16\).*, got shape \(4, 15\)"),
        (torch.zeros(0, 16), ValueError, r"x must not be empty, got shape \(0, 16\)"),
        (torch.zeros(0, 4, 16), ValueError, r"x must not be empty, got shape \(0, 4, 16\)"),
        (torch.zeros(4, 16).int(), TypeError, r"x must be floating point, got torch.int32"),
        (None, TypeError, r"x must be a torch.Tensor \(L, C=16\).*, got NoneType"),
    ],
)
def test_input_that_does_not_fit_is_named(name, x, error, message):
    with pytest.raises(error, match=message):
        BRANCHES[name](x)
