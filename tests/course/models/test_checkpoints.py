"""Files of parameters: both kinds come back as they were; every broken one is told by name."""

import os
import pickle
import struct
import sys
from argparse import Namespace
from collections import OrderedDict
from importlib.util import find_spec
from pathlib import Path

import pytest
import torch
from torch import nn

from attnlib.course.models.checkpoints import load_checkpoint
from attnlib.course.models.nest import NestClassifier
from attnlib.course.models.scorer import FrameScorer

GOLDEN = torch.load(Path(__file__).parents[2] / "golden" / "golden.pt", weights_only=True)
(NEST,), (PGLSUM,) = GOLDEN["nest_model"], GOLDEN["pglsum"]
ENTRIES = {
    "nest": (NestClassifier, NEST, {"num_heads": (1, 2, 4), "pad_type": ""}),
    "pglsum": (FrameScorer, PGLSUM, {"pos_enc": "absolute", "fusion": "add"}),
}
needs_safetensors = pytest.mark.skipif(
    find_spec("safetensors") is None, reason="safetensors is not installed"
)
SUFFIXES = (".pt", ".pth", ".pkl", pytest.param(".safetensors", marks=needs_safetensors))


def save(state, path):
    if path.suffix == ".safetensors":
        from safetensors.torch import save_file

        save_file(state, path)
    else:
        torch.save(state, path)
    return path


def gives_the_published_output(network, entry):
    y, _ = network(entry["x"])
    torch.testing.assert_close(y, entry["y"].squeeze(0), rtol=0, atol=1e-7)


@pytest.fixture
def refused(tmp_path):
    """What is said of a state dict that is saved and does not load."""

    def said(state, error=ValueError, **settings):
        with pytest.raises(error) as caught:
            load_checkpoint(save(state, tmp_path / "x.pt"), **settings)
        assert error is TypeError or "x.pt" in str(caught.value)
        return str(caught.value)

    return said


# what loads


@pytest.mark.parametrize("name", ENTRIES)
@pytest.mark.parametrize("suffix", SUFFIXES)
def test_a_published_file_gives_its_network_whole(name, suffix, tmp_path):
    kind, entry, settings = ENTRIES[name]
    network = load_checkpoint(save(entry["state"], tmp_path / f"x{suffix}"), **settings)
    assert type(network) is kind
    assert not network.training
    assert {value.dtype for value in network.state_dict().values()} == {torch.float64}
    gives_the_published_output(network, entry)


@pytest.mark.parametrize("name", ENTRIES)
@pytest.mark.parametrize("suffix", SUFFIXES)
def test_a_file_of_its_own_gives_the_same_network(name, suffix, tmp_path):
    kind, entry, settings = ENTRIES[name]
    network = kind(**entry["cfg"]).eval()
    if kind is FrameScorer:
        settings = settings | {"heads": 8}
    path = save(network.state_dict(), tmp_path / f"x{suffix}")
    other = load_checkpoint(str(path), **settings)
    x = entry["x"].float()
    assert other(x)[0].equal(network(x)[0])


def prefixed(prefix, state):
    return {prefix + name: value for name, value in state.items()}


WRAPPED = {
    "state_dict": lambda state: {"epoch": 7, "state_dict": state, "optimizer": {"lr": 0.1}},
    "model": lambda state: {"model": OrderedDict(state)},
    "DataParallel": lambda state: {f"module.{name}": value for name, value in state.items()},
    "torch.compile": lambda state: {f"_orig_mod.{name}": value for name, value in state.items()},
    "Lightning": lambda state: {
        "pytorch-lightning_version": "2.5",
        "state_dict": prefixed("model.", state),
        "hyper_parameters": {"lr": 0.1},
    },
    "both": lambda state: {"model": prefixed("module.", state)},
    "model_state_dict": lambda state: {"model_state_dict": state, "loss": 0.3},
    "inside one another": lambda state: {"model": {"state_dict": {"model": state}}},
    "three prefixes": lambda state: {"model": prefixed("module._orig_mod.model.", state)},
    "prefixes the other way round": lambda state: prefixed("model._orig_mod.module.", state),
    "state_dict_ema": lambda state: {"state_dict_ema": prefixed("module.", state), "epoch": 7},
    "model_ema": lambda state: {"model": None, "model_ema": {"state_dict": state}},
    "ema": lambda state: {"ema": {"decay": 0.9, "shadow": state}, "optimizer": {}},
    "one under two names": lambda state: {"model": state, "state_dict": state},
    "a name beside": lambda state: {"model": "nest_tiny", "state_dict": state},
    "parameters": lambda state: {name: nn.Parameter(value) for name, value in state.items()},
    "EMA in capitals": lambda state: {"EMA": state},
}


@pytest.mark.parametrize("name", ENTRIES)
@pytest.mark.parametrize("wrap", WRAPPED)
def test_what_trainers_put_round_the_parameters_is_taken_off(name, wrap, tmp_path):
    _, entry, settings = ENTRIES[name]
    path = save(WRAPPED[wrap](entry["state"]), tmp_path / "x.pth")
    gives_the_published_output(load_checkpoint(path, **settings), entry)


@pytest.mark.parametrize("name", ["x.ckpt", "x.bin", "x.pth.tar", "x.best.PTH.tar"])
def test_extensions_that_trainers_use(name, tmp_path):
    _, entry, settings = ENTRIES["pglsum"]
    gives_the_published_output(
        load_checkpoint(save(entry["state"], tmp_path / name), **settings), entry
    )


@pytest.mark.parametrize(
    ("found", "places"),
    [
        (
            lambda one, two: {"state_dict": one, "state_dict_ema": two},
            "['state_dict'] and ['state_dict_ema']",
        ),
        (
            lambda one, two: {"model": one, "model_ema": {"module": two}},
            "['model'] and ['model_ema']['module']",
        ),
        (
            lambda one, two: {"model": one, "ema": {"shadow": two}},
            "['ema']['shadow'] and ['model']",
        ),
        (
            lambda one, two: {"model": {"state_dict": one, "ema": two}},
            "['model']['ema'] and ['model']['state_dict']",
        ),
        (lambda one, two: {"model": one, "state_dict": two}, "['model'] and ['state_dict']"),
    ],
)
def test_of_two_state_dicts_none_is_chosen_silently(found, places, refused):
    one, two = PGLSUM["state"], {name: value + 1 for name, value in PGLSUM["state"].items()}
    said = refused(found(one, two))
    assert f"holds several state dicts, {places}. Save the one you want alone: torch.save(" in said


def test_the_suffix_may_be_in_capitals(tmp_path):
    _, entry, settings = ENTRIES["nest"]
    path = save(entry["state"], tmp_path / "x.pt").rename(tmp_path / "X.PT")
    gives_the_published_output(load_checkpoint(path, **settings), entry)


@pytest.mark.parametrize(
    "arguments",
    [
        {"num_levels": 1, "embed_dims": 6, "num_heads": 2, "depths": 3, "qkv_bias": False},
        {"num_levels": 2, "embed_dims": (6, 8), "num_heads": (2, 4), "depths": (1, 2)},
        {"num_levels": 2, "embed_dims": (6, 8), "num_heads": 1, "depths": 1, "in_chans": 1},
        {"num_levels": 3, "embed_dims": (8, 16, 24), "num_heads": 1, "depths": 1, "mlp_ratio": 2.7},
        {"num_levels": 2, "embed_dims": 49, "num_heads": 7, "depths": 1, "mlp_ratio": 0.03},
    ],
)
@pytest.mark.parametrize("patch_size", [1, 4])
def test_a_nest_of_any_size_is_read_from_its_shapes(arguments, patch_size, tmp_path):
    network = NestClassifier(
        img_size=24 if arguments["num_levels"] < 3 else 16,
        patch_size=patch_size,
        num_classes=5,
        pad_type="same",
        **arguments,
    )
    other = load_checkpoint(
        save(network.state_dict(), tmp_path / "x.pt"),
        num_heads=arguments["num_heads"],
        pad_type="same",
    )
    assert str(other) == str(network.eval())
    x = torch.randn(2, network.in_chans, network.img_size, network.img_size)
    assert other(x)[0].equal(network(x)[0])


@pytest.mark.parametrize("published", [True, False])
@pytest.mark.parametrize(
    "arguments",
    [
        {"input_size": 8, "output_size": 12, "heads": 3, "pos_enc": None},
        {"input_size": 6, "output_size": 8, "heads": 1, "pos_enc": "relative", "freq": 100.0},
        {
            "input_size": 8, "output_size": 24, "heads": 2, "pos_enc": "absolute",
            "num_segments": 3, "fusion": "MULT",
        },
    ],
)  # fmt: skip
def test_a_scorer_of_any_size_is_read_from_its_shapes(arguments, published, tmp_path):
    network = FrameScorer(**arguments).eval()
    state = network.published_state_dict() if published else network.state_dict()
    known = ("input_size", "output_size", "num_segments") + ("heads",) * published
    settings = {name: value for name, value in arguments.items() if name not in known}
    other = load_checkpoint(save(state, tmp_path / "x.pt"), **settings)
    x = torch.randn(7, arguments["input_size"])
    torch.testing.assert_close(other(x)[0], network(x)[0], rtol=0, atol=0)


def test_settings_that_matter_in_training_only_are_taken(tmp_path):
    _, entry, settings = ENTRIES["nest"]
    path = save(entry["state"], tmp_path / "x.pt")
    assert load_checkpoint(path, drop_rate=0.25, **settings).drop.p == 0.25


# what shapes do not tell


def test_what_a_nest_does_not_tell_is_asked_for(refused):
    said = refused(NEST["state"])
    assert "taken for a NestClassifier: its shapes do not tell num_heads and pad_type." in said
    assert "num_heads=…, of each level" in said and 'pad_type="same"' in said
    assert "do not tell pad_type. Give pad_type" in refused(NEST["state"], num_heads=1)


def test_what_a_pgl_sum_does_not_tell_is_asked_for(refused):
    said = refused(PGLSUM["state"])
    assert "taken for a FrameScorer: its shapes do not tell pos_enc and fusion." in said
    assert 'pos_enc=None, "absolute"' in said and 'fusion="add"' in said
    global_only = FrameScorer(8, 8, heads=2)
    assert "do not tell pos_enc. Give" in refused(global_only.published_state_dict())
    assert "do not tell pos_enc and heads. Give" in refused(global_only.state_dict())


@pytest.mark.parametrize(
    ("name", "change", "error", "message"),
    [
        ("nest", {"num_heads": (1, 2, 5)}, ValueError, "num_heads=5 must divide dim=24"),
        ("nest", {"pad_type": "valid"}, ValueError, "pad_type must be one of"),
        ("nest", {"fusion": "add"}, TypeError, "fusion"),
        ("nest", {"img_size": 64}, ValueError, "levels.0.pos_embed must be (1, 16, 256, 8), got"),
        ("pglsum", {"fusion": None}, ValueError, "num_segments=4, fusion=None"),
        ("pglsum", {"pos_enc": "sine"}, ValueError, "'sine'"),
        ("pglsum", {"num_heads": 8}, TypeError, "num_heads"),
        ("pglsum", {"heads": 4}, ValueError, "Wk.0.weight must be (8, 32), got (4, 32)"),
    ],
)
def test_a_setting_that_does_not_fit_is_named(name, change, error, message, refused):
    _, entry, settings = ENTRIES[name]
    assert message in refused(entry["state"], error, **settings | change)


# what is missing, too much, or of another shape


@pytest.mark.parametrize(
    ("name", "key"),
    [(name, key) for name, (_, entry, _) in ENTRIES.items() for key in entry["state"]],
)
def test_each_missing_parameter_is_named(name, key, refused):
    _, entry, settings = ENTRIES[name]
    state = {other: value for other, value in entry["state"].items() if other != key}
    said, shape = refused(state, **settings), tuple(entry["state"][key].shape)
    assert f"{key} is missing" in said or f"{key} must be {shape}, got nothing" in said


@pytest.mark.parametrize(
    ("name", "part"),
    [
        ("nest", "levels.0."),
        ("nest", "levels.1."),
        ("nest", "levels.1.pool."),
        ("nest", "levels.1.transformer_encoder."),
        ("nest", "head."),
        ("pglsum", "attention.local_attention.2."),
        ("pglsum", "norm_y."),
    ],
)
def test_a_missing_part_is_named(name, part, refused):
    _, entry, settings = ENTRIES[name]
    state = {key: value for key, value in entry["state"].items() if not key.startswith(part)}
    said = refused(state, **settings)
    assert any(
        key in said and (f"{key} is missing" in said or "got nothing" in said)
        for key in entry["state"]
        if key.startswith(part)
    )


@pytest.mark.parametrize(
    ("name", "key"),
    [
        ("nest", "levels.0.transformer_encoder.0.norm3.weight"),
        ("nest", "levels.0.pool.conv.weight"),
        ("pglsum", "attention.local_attention.2.Wk.4.weight"),
        ("pglsum", "attention.attention.out.bias"),
        ("pglsum", "linear_3.weight"),
    ],
)
def test_a_parameter_too_many_is_named(name, key, refused):
    _, entry, settings = ENTRIES[name]
    said = refused(entry["state"] | {key: torch.zeros(3)}, **settings)
    assert f"{key} must be left out, got (3,)" in said


def test_a_layer_that_stands_after_a_gap_is_no_smaller_network(refused):
    _, entry, settings = ENTRIES["nest"]
    state = {key.replace("encoder.0", "encoder.1"): v for key, v in entry["state"].items()}
    assert "levels.0.transformer_encoder.0.mlp.fc1.weight is missing" in refused(state, **settings)


def test_absurd_numbers_build_nothing_absurd(refused):
    for key in ("levels.0.transformer_encoder.{}.x", "levels.{}.pos_embed"):
        refused(NEST["state"] | {key.format(10**12): torch.zeros(3)}, **ENTRIES["nest"][2])
    for key in ("attention.attention.Wq.{}.weight", "attention.local_attention.{}.Wq.0.weight"):
        refused(PGLSUM["state"] | {key.format(10**12): torch.zeros(3)}, **ENTRIES["pglsum"][2])


@pytest.mark.parametrize(
    ("name", "key", "shape", "message"),
    [
        ("nest", "norm.weight", (7,), "norm.weight must be (24,), got (7,)"),
        (
            "nest",
            "levels.1.pool.conv.weight",
            (16, 8, 5, 5),
            "must be (16, 8, 3, 3), got (16, 8, 5",
        ),
        (
            "nest",
            "levels.2.pos_embed",
            (1, 1, 49, 24),
            "must be (1, 1, 64, 24), got (1, 1, 49, 24)",
        ),
        ("nest", "levels.0.pos_embed", (16, 64, 8), "must have 4 axes, none empty, got shape (16,"),
        (
            "nest",
            "levels.0.pos_embed",
            (1, 16, 64, 0),
            "must have 4 axes, none empty, got shape (1",
        ),
        ("nest", "patch_embed.proj.weight", (8, 3, 1, 2), "must be (8, 3, 2, 2), got (8, 3, 1, 2)"),
        ("nest", "levels.0.pos_embed", (1, 9, 4, 8), "multiple of 2^(num_levels − 1) = 4"),
        ("pglsum", "linear_2.weight", (2, 32), "linear_2.weight must be (1, 32), got (2, 32)"),
        ("pglsum", "attention.attention.Wq.3.weight", (4, 16), "must be (4, 32), got (4, 16)"),
        ("pglsum", "attention.attention.out.weight", (32,), "must have 2 axes"),
    ],
)
def test_a_parameter_of_another_shape_is_named(name, key, shape, message, refused):
    _, entry, settings = ENTRIES[name]
    assert message in refused(entry["state"] | {key: torch.zeros(shape)}, **settings)


def test_of_many_misfits_some_are_named_and_the_rest_counted(refused):
    _, entry, settings = ENTRIES["pglsum"]
    said = refused(entry["state"], **settings | {"heads": 4})
    assert said.count(" must be ") == 6 and said.endswith("; and 18 more")


def test_whole_numbers_are_no_parameters(refused):
    _, entry, settings = ENTRIES["nest"]
    said = refused(entry["state"] | {"norm.bias": torch.zeros(24, dtype=torch.int64)}, **settings)
    assert "norm.bias must be floating point, got torch.int64" in said


# other files


@pytest.mark.parametrize(
    "state",
    [
        nn.Sequential(nn.Conv2d(3, 8, 7), nn.BatchNorm2d(8)).state_dict(),
        nn.TransformerEncoderLayer(8, 2).state_dict(),
        GOLDEN["multi"][0]["state"],  # a part only
        {"levels.0.weight": torch.zeros(3)},
    ],
)
def test_another_network_is_told_by_its_first_parameters(state, refused):
    said = refused(state)
    first = next(iter(state))
    assert "neither a NestClassifier" in said and "nor a FrameScorer" in said
    assert f"{len(state)} tensors, the first of them {first} {tuple(state[first].shape)}" in said


@pytest.mark.parametrize(
    ("found", "message"),
    [
        ({}, "a state dict, got {}"),
        ({"epoch": 3, "lr": 0.1}, "got {'epoch': int, 'lr': float}"),
        ({"state_dict": {}}, "a state dict, got {}"),
        ({"model": torch.zeros(3), "step": 3}, "got {'model': Tensor, 'step': int}"),
        ({str(i): i for i in range(9)}, "got {'0': int, '1': int, '2': int, '3': int, …}"),
        ({3: torch.zeros(3)}, "got {3: Tensor}"),
        ([torch.zeros(3)], "got a list"),
        (torch.zeros(3), "got a Tensor"),
    ],
)
def test_a_file_without_a_state_dict_is_told_by_what_it_holds(found, message, refused):
    assert message in refused(found)


@pytest.mark.parametrize("legacy", [False, True])
@pytest.mark.parametrize("keep", [1, 10, 100, 0.5, 0.99])
def test_a_file_cut_off_is_said_to_be(keep, legacy, tmp_path):
    whole, path = tmp_path / "whole.pt", tmp_path / "cut.pt"
    torch.save(NEST["state"], whole, _use_new_zipfile_serialization=not legacy)
    data = whole.read_bytes()
    size = keep if keep >= 1 else int(keep * len(data))
    path.write_bytes(data[:size])
    with pytest.raises(
        ValueError, match=rf"cut\.pt \({size} bytes\) is cut off, damaged"
    ) as caught:
        load_checkpoint(path)
    assert "arbitrary code" not in str(caught.value)  # torch's advice to let the file run code


@needs_safetensors
@pytest.mark.parametrize("keep", [1, 10, 100, 0.5, 0.99])
def test_a_safetensors_file_cut_off_is_said_to_be(keep, tmp_path):
    whole, path = save(NEST["state"], tmp_path / "whole.safetensors"), tmp_path / "x.safetensors"
    data = whole.read_bytes()
    path.write_bytes(data[: keep if keep >= 1 else int(keep * len(data))])
    with pytest.raises(ValueError, match="bytes.* is cut off, .* written by safetensors"):
        load_checkpoint(path)


@pytest.mark.parametrize("suffix", SUFFIXES)
def test_an_empty_file_is_said_to_be(suffix, tmp_path):
    path = tmp_path / f"x{suffix}"
    path.touch()
    with pytest.raises(ValueError, match="is empty: 0 bytes"):
        load_checkpoint(path)


class Code:
    """Pickled, it asks whoever reads it to make a folder."""

    def __init__(self, path):
        self.path = path

    def __reduce__(self):
        return os.mkdir, (str(self.path),)


@pytest.mark.parametrize("suffix", SUFFIXES)
@pytest.mark.filterwarnings("ignore:Detected pickle protocol")
@pytest.mark.parametrize("protocol", [None, 0, 2, 4])
def test_code_in_a_file_is_never_run(suffix, protocol, tmp_path):
    trap, path = tmp_path / "sprung", tmp_path / f"x{suffix}"
    code = {"levels.0.pos_embed": torch.zeros(3), "norm.weight": Code(trap)}
    if protocol is None:
        torch.save(code, path)
    else:
        path.write_bytes(pickle.dumps(Code(trap), protocol))
    with pytest.raises(ValueError, match="holds more than tensors: .*mkdir|is cut off, damaged"):
        load_checkpoint(path)
    assert not trap.exists()


@pytest.mark.parametrize(
    ("found", "what"),
    [
        ({"state_dict": NEST["state"], "args": Namespace(lr=0.1)}, "argparse.Namespace"),
        (nn.Linear(2, 2), "torch.nn.modules.linear.Linear"),
    ],
)
def test_what_only_code_can_read_is_named_with_what_to_do(found, what, refused):
    said = refused(found)
    assert f"holds more than tensors: {what}." in said
    assert "torch.save(network.state_dict(), …)" in said


@pytest.mark.parametrize("suffix", SUFFIXES)
@pytest.mark.parametrize(
    "data",
    [
        b"hello world\n" * 9,
        bytes(range(256)),
        b"PK\x03\x04" + bytes(99),
        struct.pack("<Q", 1 << 60),
    ],
)
def test_another_kind_of_file_is_refused(data, suffix, tmp_path):
    path = tmp_path / f"x{suffix}"
    path.write_bytes(data)
    with pytest.raises(ValueError, match="is cut off, damaged, or not written by"):
        load_checkpoint(path)


@needs_safetensors
@pytest.mark.parametrize(("has", "said"), [(".pt", ".safetensors"), (".safetensors", ".pth")])
def test_one_kind_under_the_name_of_the_other_is_refused(has, said, tmp_path):
    path = save(NEST["state"], tmp_path / f"x{has}").rename(tmp_path / f"x{said}")
    with pytest.raises(ValueError, match="or not written by"):
        load_checkpoint(path)


@pytest.mark.parametrize("name", ["x.tar", "x", "x.pt.zip", "x.h5", "pth.tar"])
def test_another_extension_is_named(name, tmp_path):
    path = tmp_path / name
    path.write_bytes(b"0")
    known = r"\.pt, \.pth, \.pkl, \.ckpt, \.bin, \.pth\.tar, \.safetensors"
    expected = rf"must end in {known}, got .*{name}$"
    with pytest.raises(ValueError, match=expected):
        load_checkpoint(path)


def test_a_missing_file_and_a_folder_are_told_apart(tmp_path):
    with pytest.raises(FileNotFoundError, match=r"none\.pt is not there"):
        load_checkpoint(tmp_path / "none.pt")
    with pytest.raises(FileNotFoundError, match="is a folder"):
        load_checkpoint(tmp_path)


def test_what_is_no_path_is_refused():
    with pytest.raises(TypeError, match="int"):
        load_checkpoint(3)


def test_without_safetensors_it_says_what_to_install(tmp_path, monkeypatch):
    path = tmp_path / "x.safetensors"
    path.write_bytes(b"0")
    monkeypatch.setitem(sys.modules, "safetensors", None)
    with pytest.raises(ModuleNotFoundError, match='pip install "safetensors>=0.5"') as caught:
        load_checkpoint(path)
    assert caught.value.name == "safetensors"
