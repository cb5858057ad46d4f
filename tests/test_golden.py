"""Both published implementations, run once in float64: outputs, maps and every gradient agree.

`golden.pt` holds timm's `nest.Attention` ("nest") and PGL-SUM's `MultiAttention` ("multi") at work:
configuration, parameters, input x, output y, the last head's map, and the gradients of (y·w).sum().
The published positions are computed in float32, hence the second tolerance.
"""

import copy
from pathlib import Path

import pytest
import torch

from attnlib import BlockAttention, GlobalLocalAttention
from attnlib.kernels import BACKENDS

GOLDEN = torch.load(Path(__file__).parent / "golden" / "golden.pt", weights_only=True)


def named(entry):
    return "-".join(f"{value}" for value in entry["cfg"].values())


nests = pytest.mark.parametrize("entry", GOLDEN["nest"], ids=named)
multis = pytest.mark.parametrize("entry", GOLDEN["multi"], ids=named)


@pytest.fixture
def every_backend(backend, monkeypatch):
    """The modules take "auto", which takes sdpa: here that name stands for each in turn."""
    monkeypatch.setitem(BACKENDS, "sdpa", BACKENDS[backend])


def close(name, got, expected, entry):
    atol = 5e-6 if entry["cfg"].get("pos_enc") else 1e-10
    said = f"{name}: {{}}".format
    torch.testing.assert_close(got.cpu(), expected, rtol=0, atol=atol, msg=said)


def loaded(kind, entry, device):
    module = kind(**entry["cfg"]).to(device, torch.float64).eval()
    module.load_state_dict(entry["state"], strict=True)
    return module


def run(module, entry, device):
    """Output and map, after a backward through the whole, and the gradient of the input."""
    x = entry["x"].to(device, copy=True).requires_grad_()
    y, map = module(x)
    (y * entry["w"].to(device)).sum().backward()
    return y, map, x.grad


def published_gradients(module):
    """The gradients under the published names: moved as the parameters are."""
    twin = copy.deepcopy(module)
    twin.load_state_dict({name: p.grad for name, p in module.named_parameters()})
    return twin.published_state_dict()


@nests
def test_nest(entry, every_backend, device):
    module = loaded(BlockAttention, entry, device)
    y, _, x_grad = run(module, entry, device)
    close("y", y, entry["y"], entry)
    close("gx", x_grad, entry["gx"], entry)
    grads = {name: p.grad for name, p in module.named_parameters()}
    assert list(grads) == list(entry["grads"])
    for name, grad in grads.items():
        close(name, grad, entry["grads"][name], entry)


@multis
def test_multi(entry, every_backend, device):
    module = loaded(GlobalLocalAttention, entry, device)
    y, map, x_grad = run(module, entry, device)
    close("y", y, entry["y"], entry)
    close("the last head's map", map.whole.weights()[-1], entry["attn"], entry)
    close("gx", x_grad, entry["gx"], entry)
    grads = published_gradients(module)
    assert set(grads) == set(entry["grads"])
    for name, grad in grads.items():
        close(name, grad, entry["grads"][name], entry)


@multis
def test_the_published_map_in_a_window_and_pooled(entry, device):
    _, map = loaded(GlobalLocalAttention, entry, device)(entry["x"].to(device))
    rows, cols = slice(2, 9), slice(1, 6)
    close("window", map.whole.window(rows, cols)[-1], entry["attn"][rows, cols], entry)
    close("mean", map.whole.pooled(1)[-1, 0, 0], entry["attn"].mean(), entry)


def test_the_attention_of_the_whole_published_network(device):
    (entry,) = GOLDEN["pglsum"]
    prefix = "attention."
    state = {
        key.removeprefix(prefix): value
        for key, value in entry["state"].items()
        if key.startswith((prefix + "attention.", prefix + "local_attention."))
    }
    module = loaded(GlobalLocalAttention, {**entry, "state": state}, device)
    _, map = module(entry["x"].to(device))
    close("attn", map.whole.weights()[-1], entry["attn"], entry)


@multis
def test_the_published_parameters_come_back_to_the_bit_and_in_their_order(entry, device):
    state = loaded(GlobalLocalAttention, entry, device).published_state_dict()
    assert list(state) == list(entry["state"])
    assert all(state[name].cpu().equal(value) for name, value in entry["state"].items())


@multis
def test_its_own_state_dict_loads_strictly(entry, device):
    module = loaded(GlobalLocalAttention, entry, device)
    other = GlobalLocalAttention(**entry["cfg"]).to(device, torch.float64).eval()
    other.load_state_dict(module.state_dict(), strict=True)
    x = entry["x"].to(device)
    assert other(x)[0].equal(module(x)[0])


@nests
def test_the_state_dict_of_block_attention_is_the_published_one(entry, device):
    state = loaded(BlockAttention, entry, device).state_dict()
    assert list(state) == list(entry["state"])
    assert all(state[name].cpu().equal(value) for name, value in entry["state"].items())


def test_published_parameters_are_copies(device):
    module = loaded(GlobalLocalAttention, GOLDEN["multi"][0], device)
    before = copy.deepcopy(module.state_dict())
    for value in module.published_state_dict().values():
        assert not value.requires_grad
        value.zero_()
    assert all(value.equal(before[name]) for name, value in module.state_dict().items())


def test_loading_leaves_the_dict_of_the_caller_untouched():
    entry = GOLDEN["multi"][0]
    state = dict(entry["state"])
    GlobalLocalAttention(**entry["cfg"]).load_state_dict(state)
    assert list(state) == list(entry["state"])
    assert all(state[name] is value for name, value in entry["state"].items())


def test_a_part_of_a_larger_network_loads_as_well():
    entry = GOLDEN["multi"][0]
    network = torch.nn.ModuleDict({"part": GlobalLocalAttention(**entry["cfg"])}).double()
    network.load_state_dict({f"part.{name}": value for name, value in entry["state"].items()})
    state = network["part"].published_state_dict()
    assert all(state[name].equal(value) for name, value in entry["state"].items())


def refused(state, message, **change):
    """Loading `state` says `message`, and leaves `state` as it was."""
    module = GlobalLocalAttention(**GOLDEN["multi"][0]["cfg"] | change)
    before = dict(state)
    with pytest.raises(RuntimeError, match=message):
        module.load_state_dict(state)
    assert list(state) == list(before)
    assert all(state[name] is value for name, value in before.items())


@pytest.mark.parametrize(
    "key",
    [
        "attention.Wq.0.weight",
        "attention.Wk.1.weight",
        "attention.Wv.3.weight",
        "attention.out.weight",
        "local_attention.0.Wq.0.weight",
        "local_attention.2.Wk.3.weight",
        "local_attention.1.out.weight",
    ],
)
def test_a_missing_key_is_named(key):
    state = dict(GOLDEN["multi"][0]["state"])
    del state[key]
    refused(state, rf'{key}: expected|Missing key[^:]*: .*"{key}"')


@pytest.mark.parametrize("key", ["attention.Wk.1.weight", "local_attention.2.Wv.0.weight"])
@pytest.mark.parametrize("axis", [0, 1])
def test_a_parameter_of_another_shape_is_named(key, axis):
    state = dict(GOLDEN["multi"][0]["state"])
    state[key] = state[key].narrow(axis, 0, 1)
    refused(state, rf"{key}: expected .*, got \({state[key].shape[0]}, {state[key].shape[1]}\)")


@pytest.mark.parametrize(("heads", "has"), [(2, r"\(16, 16\)"), (8, r"\(4, 16\)")])
def test_another_number_of_heads_is_named(heads, has):
    message = rf"attention.Wq.0.weight: expected shape {has}.* {heads} heads.*\(8, 16\)"
    refused(GOLDEN["multi"][0]["state"], message, heads=heads)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"input_size": 20}, r"attention.Wq.0.weight: expected shape \(8, 20\).*got \(8, 16\)"),
        ({"input_size": 20}, r"local_attention.0.Wq.0.weight: expected shape \(2, 20\).*\(2, 16\)"),
        ({"input_size": 20}, r"local_attention.3.out.weight: expected shape \(20, 8\)"),
        ({"output_size": 64}, r"attention.Wq.0.weight: expected shape \(16, 16\).*got \(8, 16\)"),
        ({"output_size": 64}, r"attention.out.weight: .*\[16, 32\].*\[16, 64\]"),
        ({"num_segments": 2}, r"local_attention.0.Wq.0.weight: expected shape \(4, 16\)"),
    ],
)
def test_other_widths_are_named(change, message):
    refused(GOLDEN["multi"][0]["state"], message, **change)


@pytest.mark.parametrize(
    ("num_segments", "message"),
    [
        (3, r"Unexpected key.*local_attention\.3\.Wq\.0\.weight"),
        (5, r"local_attention\.4\.Wq\.0\.weight: expected shape \(2, 16\).*got nothing"),
    ],
)
def test_another_number_of_segments_is_named(num_segments, message):
    # Every segment is 8 wide, as those of the state are: only their number tells.
    width = 8 * num_segments
    whole = GlobalLocalAttention(16, width, heads=4).published_state_dict()
    state = {k: v for k, v in GOLDEN["multi"][0]["state"].items() if k.startswith("local")} | whole
    refused(state, message, num_segments=num_segments, output_size=width)
