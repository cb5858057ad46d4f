"""Both whole networks: as published to the last digits, trainable, and clear about wrong input.

"nest_model" and "pglsum" in `golden.pt` hold timm's `Nest` and PGL-SUM's `PGL_SUM` at work.
"""

import copy
from pathlib import Path

import pytest
import torch
import torch.nn.functional as F

from attnlib.course.models.nest import Layer, NestClassifier
from attnlib.course.models.scorer import FrameScorer
from tests.test_memory import Allocations

GOLDEN = torch.load(Path(__file__).parents[2] / "golden" / "golden.pt", weights_only=True)
(NEST,), (PGLSUM,) = GOLDEN["nest_model"], GOLDEN["pglsum"]

SMALL = {
    "img_size": 16,
    "patch_size": 2,
    "num_levels": 2,
    "embed_dims": (6, 8),
    "num_heads": (2, 4),
    "depths": (2, 1),
    "num_classes": 3,
}
NETWORKS = {
    "nest": (lambda: NestClassifier(**SMALL), (4, 3, 16, 16)),
    "nest, same": (lambda: NestClassifier(**SMALL, pad_type="same"), (4, 3, 16, 16)),
    "scorer": (lambda: FrameScorer(8, 16, heads=2), (4, 9, 8)),
    "scorer with segments": (
        lambda: FrameScorer(8, 16, 10000, "absolute", 2, 2, "add"),
        (4, 9, 8),
    ),
}


@pytest.fixture(params=NETWORKS)
def built(request, device):
    """A network, and an input for it."""
    make, shape = NETWORKS[request.param]
    return make().to(device), torch.randn(shape, device=device)


def loaded(kind, entry, device, **change):
    network = kind(**entry["cfg"] | change).to(device, torch.float64).eval()
    network.load_state_dict(entry["state"], strict=True)
    return network


def all_maps(maps):
    if hasattr(maps, "whole"):
        return (maps.whole, *maps.segments)
    return tuple(map for level in maps for map in level)


def close(got, expected, atol):
    torch.testing.assert_close(got.cpu(), expected, rtol=0, atol=atol)


# as published


def test_nest_gives_what_timm_gives(device):
    logits, _ = loaded(NestClassifier, NEST, device)(NEST["x"].to(device))
    close(logits, NEST["y"], 1e-14)


def test_the_other_padding_is_another_function(device):
    logits, _ = loaded(NestClassifier, NEST, device, pad_type="same")(NEST["x"].to(device))
    assert (logits.cpu() - NEST["y"]).abs().max() > 1e-3


def test_nest_padded_as_in_tensorflow_gives_what_timm_gives(device):
    network = NestClassifier(**SMALL | {"depths": 1}, pad_type="same").to(device, torch.float64)
    for i, (name, value) in enumerate(network.state_dict().items()):
        numbers = torch.arange(value.numel(), dtype=torch.float64) * (1 + i / 7) + i
        network.get_parameter(name).data.copy_(numbers.sin().reshape(value.shape))
    x = (torch.arange(3 * 16 * 16, dtype=torch.float64) ** 2 / 9).cos().reshape(1, 3, 16, 16)
    # timm 1.0.31, with these parameters and pad_type="same"
    expected = torch.tensor([[0.369986872213639, -1.967810416290367, 2.815809751793497]])
    close(network(x.to(device))[0], expected.double(), 1e-6)


def test_nest_has_the_names_of_timm_in_their_order(device):
    state = loaded(NestClassifier, NEST, device).state_dict()
    assert list(state) == list(NEST["state"])
    assert all(state[name].cpu().equal(value) for name, value in NEST["state"].items())


def test_scorer_gives_what_pgl_sum_gives(device):
    importance, maps = loaded(FrameScorer, PGLSUM, device)(PGLSUM["x"].to(device))
    # The published positions are computed in float32.
    close(importance, PGLSUM["y"][0], 1e-7)
    close(maps.whole.weights()[-1], PGLSUM["attn"], 1e-7)


def test_the_published_parameters_of_a_scorer_come_back_in_their_order(device):
    state = loaded(FrameScorer, PGLSUM, device).published_state_dict()
    assert list(state) == list(PGLSUM["state"])
    assert all(state[name].cpu().equal(value) for name, value in PGLSUM["state"].items())


def test_the_published_parameters_of_a_scorer_are_copies(device):
    network = loaded(FrameScorer, PGLSUM, device)
    before = copy.deepcopy(network.state_dict())
    for value in network.published_state_dict().values():
        assert not value.requires_grad
        value.zero_()
    assert all(value.equal(before[name]) for name, value in network.state_dict().items())


# what comes out


def test_each_layer_of_each_level_gives_its_map(device):
    network, seen = NestClassifier(**SMALL).to(device), []
    for level in network.levels:
        for layer in level.transformer_encoder:
            layer.attn.register_forward_hook(lambda module, x, out: seen.append(out[1]))
    logits, maps = network(torch.randn(5, 3, 16, 16, device=device))
    assert logits.shape == (5, 3)
    assert [len(level) for level in maps] == [2, 1]
    assert all(map is expected for map, expected in zip(all_maps(maps), seen, strict=True))
    assert {map.shape for map in maps[0]} == {(5, 4, 2, 16, 16)}  # (B, G, H, N, N)
    assert maps[1][0].shape == (5, 1, 4, 16, 16)


def test_the_blocks_of_the_first_level_lie_in_the_picture_row_by_row(device):
    network = NestClassifier(**SMALL).to(device)
    x = torch.zeros(1, 3, 16, 16, device=device)
    changed = x.clone()
    changed[..., :8, 8:] = torch.randn(3, 8, 8, device=device)  # above, right
    before, after = (network(given)[1][0][0].weights()[0] for given in (x, changed))
    assert [bool((a != b).any()) for a, b in zip(before, after, strict=True)] == [0, 1, 0, 0]


def test_importance_is_one_number_a_frame_from_0_to_1(device):
    network = FrameScorer(8, 16, 10000, "relative", 4, 2, "max").to(device).eval()
    x = 100 * torch.randn(3, 9, 8, device=device)
    importance, maps = network(x)
    assert importance.shape == (3, 9)
    assert importance.min() >= 0 and importance.max() <= 1
    assert maps.whole.shape == (3, 2, 9, 9) and len(maps.segments) == 4
    alone, _ = network(x[1])
    assert alone.shape == (9,)
    torch.testing.assert_close(alone, importance[1], rtol=0, atol=1e-6)


def test_a_video_of_one_frame_has_one_importance(device):
    network = FrameScorer(8, 16, 10000, "absolute", 4, 2, "add").to(device)
    assert network(torch.randn(1, 8, device=device))[0].shape == (1,)


@pytest.mark.parametrize("shape", [(3, 16, 16), (2, 3, 16, 8), (2, 3, 8, 8), (2, 1, 16, 16)])
def test_nest_names_a_picture_of_another_shape(shape):
    with pytest.raises(ValueError, match=r"x must be \(B, in_chans=3, img_size=16, img_size\)"):
        NestClassifier(**SMALL)(torch.zeros(shape))


@pytest.mark.parametrize(
    ("x", "error", "message"),
    [
        (torch.zeros(0, 3, 16, 16), ValueError, r"B at least 1, got shape \(0, 3, 16, 16\)"),
        (
            torch.zeros(1, 3, 16, 16, dtype=torch.uint8),
            TypeError,
            "floating point, got torch.uint8",
        ),
        ([[0.0]], TypeError, "must be a torch.Tensor .*, got list"),
    ],
)
def test_nest_names_another_wrong_input(x, error, message):
    with pytest.raises(error, match=message):
        NestClassifier(**SMALL)(x)


@pytest.mark.parametrize("shape", [(8,), (9, 7), (1, 2, 9, 8), (0, 8)])
def test_scorer_names_features_of_another_shape(shape):
    with pytest.raises(ValueError, match=r"x must .*got shape"):
        FrameScorer(8, 16)(torch.zeros(shape))


# arguments


@pytest.mark.parametrize(
    ("change", "error", "message"),
    [
        ({"img_size": 15}, ValueError, "patch_size=2 must divide img_size=15"),
        ({"img_size": (16, 8)}, TypeError, r"img_size must be a whole number.*got \(16, 8\)"),
        (
            {"img_size": 18, "num_levels": 3},
            ValueError,
            r"img_size / patch_size = 18 / 2 = 9 must be a multiple of 2\^\(num_levels − 1\) = 4",
        ),
        ({"num_levels": 0}, ValueError, "num_levels must be a whole number, at least 1, got 0"),
        ({"num_levels": 1}, ValueError, r"embed_dims must be .* num_levels=1, got \(6, 8\)"),
        ({"num_heads": (2, 4, 4)}, ValueError, r"num_heads must be .* num_levels=2, got"),
        ({"num_heads": 4}, ValueError, "num_heads=4 must divide dim=6"),
        ({"depths": (1, 0)}, ValueError, "depths must be a whole number, at least 1, got 0"),
        ({"depths": (1, 1.5)}, TypeError, "depths must be a whole number, at least 1, got 1.5"),
        ({"num_classes": 0}, ValueError, "num_classes must be .* at least 1, got 0"),
        ({"in_chans": 0}, ValueError, "in_chans must be .* at least 1, got 0"),
        ({"mlp_ratio": 0.1}, ValueError, "mlp_ratio=0.1 .* 6 channels"),
        ({"drop_rate": 1.5}, ValueError, r"drop_rate must be in \[0, 1\], got 1.5"),
        ({"proj_drop_rate": -1}, ValueError, r"proj_drop must be in \[0, 1\], got -1"),
        ({"attn_drop_rate": -1}, ValueError, r"attn_drop must be in \[0, 1\], got -1"),
        ({"drop_path_rate": 2}, ValueError, r"drop_path_rate must be in \[0, 1\], got 2"),
        ({"pad_type": "valid"}, ValueError, r"pad_type must be one of \('', 'same'\), got 'valid'"),
        ({"global_pool": "avg"}, TypeError, "global_pool"),
    ],
)
def test_nest_names_a_wrong_argument(change, error, message):
    with pytest.raises(error, match=message):
        NestClassifier(**SMALL | change)


def test_one_number_stands_for_all_levels():
    short = NestClassifier(**SMALL | {"embed_dims": 8, "num_heads": 4, "depths": 1})
    full = NestClassifier(**SMALL | {"embed_dims": (8, 8), "num_heads": (4, 4), "depths": (1, 1)})
    assert str(short) == str(full)


def test_parameters_start_as_a_truncated_normal_and_biases_at_zero():
    state = NestClassifier(**SMALL | {"embed_dims": (60, 80)}).state_dict()
    for name, value in state.items():
        if name.endswith("bias"):
            assert value.abs().max() == 0, name
        elif ".norm" not in name and not name.startswith("norm"):
            assert 0.017 < value.std() < 0.023, name


@pytest.mark.parametrize(
    "rate", ["drop_rate", "proj_drop_rate", "attn_drop_rate", "drop_path_rate"]
)
def test_each_rate_acts_in_training_and_only_there(rate):
    plain, dropping = NestClassifier(**SMALL), NestClassifier(**SMALL, **{rate: 0.5})
    dropping.load_state_dict(plain.state_dict())
    x = torch.randn(4, 3, 16, 16)
    torch.testing.assert_close(plain(x)[0], plain.eval()(x)[0])
    assert (dropping(x)[0] - plain(x)[0]).abs().max() > 1e-6
    torch.testing.assert_close(dropping.eval()(x)[0], plain(x)[0])


def test_the_rate_of_leaving_out_rises_from_0_evenly():
    network = NestClassifier(**SMALL, drop_path_rate=0.5)
    rates = [layer.drop_path for level in network.levels for layer in level.transformer_encoder]
    assert rates == [0, 0.25, 0.5]
    (only,) = NestClassifier(
        img_size=4, num_levels=1, embed_dims=4, num_heads=1, depths=1, drop_path_rate=0.5
    ).levels[0].transformer_encoder  # fmt: skip
    assert only.drop_path == 0


def test_a_branch_is_left_out_for_a_picture_as_a_whole_and_the_others_stand_for_it():
    kept = {"proj_drop": 0.0, "attn_drop": 0.0, "backend": "auto"}
    layer = Layer(8, 2, mlp_ratio=1, qkv_bias=True, drop_path=0.75, **kept)
    torch.nn.init.zeros_(layer.mlp.fc2.weight)
    torch.nn.init.zeros_(layer.mlp.fc2.bias)
    x = torch.randn(400, 2, 3, 8)
    branch = layer.eval()(x)[0] - x
    added = layer.train()(x)[0] - x
    kept = added.flatten(1).abs().amax(1) > 0
    assert 60 <= kept.sum() <= 140  # one in four; five standard deviations
    torch.testing.assert_close(added[kept], 4 * branch[kept])


def test_a_layer_drops_at_three_places():
    (layer,) = NestClassifier(
        img_size=4, num_levels=1, embed_dims=4, num_heads=1, depths=1, proj_drop_rate=0.5
    ).levels[0].transformer_encoder  # fmt: skip
    dropped = [m.p for m in layer.modules() if isinstance(m, torch.nn.Dropout)]
    assert dropped == [0.5, 0.5, 0.5]


def test_without_qkv_bias_there_is_none():
    names = [name for name in NestClassifier(**SMALL, qkv_bias=False).state_dict() if "qkv" in name]
    assert len(names) == 3 and all(name.endswith("qkv.weight") for name in names)


def test_scorer_drops_half_the_channels_twice_in_training():
    network, dropped = FrameScorer(8, 16, heads=2), []
    network.drop.register_forward_hook(lambda module, x, out: dropped.append(x[0]))
    x = torch.randn(9, 8)
    assert not network(x)[0].equal(network(x)[0])
    first, second, *_ = dropped
    assert len(dropped) == 4 and first.min() < 0 and second.min() == 0  # the second after the ReLU
    assert network.eval()(x)[0].equal(network(x)[0])
    assert network.drop.p == 0.5


def test_scorer_takes_the_arguments_of_pgl_sum_in_their_order():
    network = FrameScorer(8, 16, 100.0, "absolute", 2, 4, "avg").attention
    assert (network.attention.heads, network.local_attention.num_segments) == (4, 2)
    assert network.fusion == "avg" and network.attention.positions.freq == 100.0


# as modules


def test_gradients_reach_every_parameter(built):
    network, x = built
    y, maps = network(x.requires_grad_())
    (y.square().sum() + sum(map.weights().square().sum() for map in all_maps(maps))).backward()
    for name, parameter in (("x", x), *network.named_parameters()):
        assert parameter.grad is not None and parameter.grad.abs().max() > 0, name


def test_training_reduces_the_loss(built):
    network, x = built
    target = x.flatten(2)[..., :3].mean(1) if x.dim() == 4 else (x[..., 0] > 0).float()
    optimiser = torch.optim.AdamW(network.parameters(), 1e-2)

    def loss():
        return F.mse_loss(network(x)[0], target)

    before = loss().item()
    for _ in range(100):
        optimiser.zero_grad()
        loss().backward()
        optimiser.step()
    network.eval()
    assert loss().item() < before / 2


def test_in_float64_it_gives_the_same_and_more_digits(built):
    network, x = built
    network.eval()
    y, _ = network(x)
    wide, maps = network.double()(x.double())
    assert wide.dtype == torch.float64
    assert {map.weights().dtype for map in all_maps(maps)} == {torch.float64}
    torch.testing.assert_close(wide.float(), y, rtol=0, atol=1e-5)


def test_a_copy_is_equal_and_independent(built):
    network, x = built
    y, _ = network.eval()(x)  # positions are made: they are copied too
    other = copy.deepcopy(network)
    assert other(x)[0].equal(y)
    for parameter in other.parameters():
        parameter.data.zero_()
    assert network(x)[0].equal(y)


COMPILED = {
    "nest": (lambda: NestClassifier(**SMALL | {"depths": 1}), (4, 3, 16, 16)),
    "scorer": (lambda: FrameScorer(8, 16, 10000, "absolute", None, 2), (9, 8)),
}


@pytest.mark.parametrize("name", COMPILED)
@pytest.mark.filterwarnings("ignore:`torch.jit.script_method`:DeprecationWarning")
def test_compiled_whole_it_gives_the_same(name, device):
    torch.compiler.reset()
    make, shape = COMPILED[name]
    network, x = make().to(device).eval(), torch.randn(shape, device=device)
    compiled = torch.compile(network, fullgraph=True, backend="aot_eager")
    results = []
    for f in (network, compiled):
        network.zero_grad()
        y, maps = f(x)
        weights = [map.weights() for map in all_maps(maps)]
        (y.square().sum() + sum(w.square().sum() for w in weights)).backward()
        results.append([y, *weights, *(p.grad for p in network.parameters())])
    for got, expected in zip(*results, strict=True):
        torch.testing.assert_close(got, expected, rtol=1e-4, atol=1e-5)


def grown(network, x, keep):
    """Bytes that a step leaves behind with what it keeps of its maps, once caches are full."""
    log, alive = [], []
    with Allocations() as allocations:
        for _ in range(4):
            _, maps = network(x)
            log.append([keep(map) for map in all_maps(maps)])
            del maps
            alive.append(allocations.alive)
    return alive[3] - alive[2]


def test_a_log_of_detached_maps_grows_by_their_queries_and_keys_only(built):
    network, x = built
    rows = sum(map.shape[:-1].numel() * map._q.shape[-1] for map in all_maps(network(x)[1]))
    # Queries, keys and the values that lie beside them, all of one size, 4 bytes a number.
    assert grown(network, x, lambda map: map.detach()) <= 3 * 4 * rows
    assert grown(network, x, lambda map: None) == 0


def test_the_ruler_sees_a_graph_that_is_kept(device):
    network, x = NestClassifier(**SMALL).to(device), torch.randn(4, 3, 16, 16, device=device)
    assert grown(network, x, lambda map: map) > 2 * grown(network, x, lambda map: map.detach())
