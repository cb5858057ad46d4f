"""A whole network from a file of its parameters: which of the two it is, and how large."""

import re
from collections.abc import Callable
from fractions import Fraction
from functools import reduce
from math import isqrt
from os import PathLike

import torch
from torch import Tensor, nn

from attnlib.course.data.checks import finite
from attnlib.course.models.files import read_state_dict
from attnlib.course.models.nest import NestClassifier
from attnlib.course.models.scorer import FrameScorer

ASKED = {
    "num_heads": "num_heads=…, of each level, like (3, 6, 12)",
    "pad_type": 'pad_type="same" for parameters that timm publishes as trained, else ""',
    "heads": "heads=…, of the global branch",
    "pos_enc": 'pos_enc=None, "absolute" or "relative"',
    "fusion": 'fusion="add", "mult", "avg" or "max"',
}
FLOATS = (torch.float16, torch.bfloat16, torch.float32, torch.float64)
LAYER, HEAD = 11, 3  # how many tensors a layer of NesT has at least, and a head of PGL-SUM
NAMED = 6  # mismatches that are listed; more are only counted


def load_checkpoint(path: str | PathLike, **settings) -> NestClassifier | FrameScorer:
    """The network whose parameters a file holds, timm's NesT or PGL-SUM, ready for use.

    It is built from the shapes in the file, and comes in eval mode and the dtype of the file. What
    shapes do not tell must be given: num_heads and pad_type of a NesT; pos_enc of a PGL-SUM,
    fusion if it has segments, and heads if the file was saved from a `FrameScorer` (published
    names tell them). Other arguments of the network may be given: freq, if it is not 10000, and
    what matters in training only.

    Args:
        path: .pt, .pth, .pkl, .ckpt, .bin or .pth.tar, as `torch.save` writes a state dict, or
            .safetensors; wrappers of trainers are taken off (see `read_state_dict`). It is read as
            tensors: no code in it is ever run, and no more is built than it holds.
        settings: arguments of `NestClassifier` or `FrameScorer`.
    Raises:
        FileNotFoundError, or ValueError with what was found: a file that cannot be read, holds
        another network, or does not fit; a parameter that is not finite, or none of float16,
        bfloat16, float32 and float64; a setting that is missing. TypeError: a setting that the
        network does not have.
    """
    state = read_state_dict(path)
    kind, read_shapes = _recognise(path, state)
    try:
        known, unknown = read_shapes(state)
        _check_asked(unknown, settings)
        dtype = _dtype(state)
        with torch.device("meta"):  # shapes alone: a damaged file may ask for any size
            _check_fits(kind(**known | settings), state)
        for name, value in state.items():
            finite(name, value)
        network = kind(**known | settings).to(dtype)
    except ValueError as error:
        raise ValueError(f"{path}, taken for a {kind.__name__}: {error}") from error
    network.load_state_dict(state)
    return network.eval()


def _recognise(path, state) -> tuple[type[nn.Module], Callable]:
    if any(re.match(r"levels\.\d+\.(transformer_encoder|pos_embed)", name) for name in state):
        return NestClassifier, _nest
    if any(name.startswith("attention.attention.") for name in state):
        return FrameScorer, _scorer
    some = ", ".join(f"{name} {tuple(state[name].shape)}" for name in list(state)[:3])
    raise ValueError(
        f"{path} holds neither a NestClassifier (levels.0.pos_embed, …) nor a FrameScorer "
        f"(attention.attention.…), but {len(state)} tensors, the first of them {some}"
    )


def _nest(state) -> tuple[dict, list[str]]:
    """The arguments that the shapes tell, and the names of those that they do not."""
    num_levels = _count(state, r"levels\.(\d{1,9})\.", LAYER)
    first = "levels.{}.transformer_encoder.0.".format
    dims = [_shape(state, f"levels.{i}.pos_embed", 4)[3] for i in range(num_levels)]
    hidden = [_shape(state, first(i) + "mlp.fc1.weight", 2)[0] for i in range(num_levels)]
    _, blocks, tokens, _ = _shape(state, "levels.0.pos_embed", 4)
    _, in_chans, _, patch_size = _shape(state, "patch_embed.proj.weight", 4)
    known = {
        "img_size": isqrt(blocks * tokens) * patch_size,
        "in_chans": in_chans,
        "patch_size": patch_size,
        "num_levels": num_levels,
        "embed_dims": dims,
        "depths": [
            _count(state, rf"levels\.{i}\.transformer_encoder\.(\d{{1,9}})\.", LAYER)
            for i in range(num_levels)
        ],
        "num_classes": _shape(state, "head.weight", 2)[0],
        # Hidden widths are rounded down. The largest ratio of all levels gives each of them.
        "mlp_ratio": max(map(Fraction, hidden, dims)),
        "qkv_bias": any(name.endswith("attn.qkv.bias") for name in state),
    }
    return known, ["num_heads", "pad_type"]


def _scorer(state) -> tuple[dict, list[str]]:
    """The same for a FrameScorer, under the published names or its own stacked ones."""
    input_size, output_size = _shape(state, "attention.attention.out.weight", 2)
    known = {"input_size": input_size, "output_size": output_size}
    unknown = ["pos_enc"]
    if _is_published(state):
        known["heads"] = _count(state, r"attention\.attention\.W[kqv]\.(\d{1,9})\.", HEAD)
        segments = _count(state, r"attention\.local_attention\.(\d{1,9})\.", HEAD)
    else:
        unknown.append("heads")
        stacked = "attention.local_attention.qkv"
        segments = _shape(state, stacked, 3)[0] if stacked in state else 0
    if segments:
        known["num_segments"] = segments
        unknown.append("fusion")
    return known, unknown


def _count(state, pattern, tensors) -> int:
    """How many parts are numbered where the pattern has its group, 0, 1, …; a gap counts too.

    A part has at least so many `tensors`. Hardly more parts are counted than the file has.
    """
    numbers = [int(match[1]) for name in state if (match := re.match(pattern, name))]
    return min(1 + max(numbers, default=-1), 1 + len(state) // tensors)


def _shape(state, name, rank) -> tuple[int, ...]:
    if name not in state:
        raise ValueError(f"{name} is missing")
    shape = tuple(state[name].shape)
    if len(shape) != rank or 0 in shape:
        raise ValueError(f"{name} must have {rank} axes, none empty, got shape {shape}")
    return shape


def _check_asked(unknown, settings):
    missing = [name for name in unknown if name not in settings]
    if missing:
        asked = "; ".join(ASKED[name] for name in missing)
        raise ValueError(f"its shapes do not tell {' and '.join(missing)}. Give {asked}")


def _check_fits(network, state):
    """Name tensors that are missing, left over, or of another shape, in one short message."""
    published = isinstance(network, FrameScorer) and _is_published(state)
    expected = network.published_state_dict() if published else network.state_dict()
    wanted = {name: tuple(value.shape) for name, value in expected.items()}
    found = {name: tuple(value.shape) for name, value in state.items()}
    wrong = [
        f"{name} must be {wanted.get(name, 'left out')}, got {found.get(name, 'nothing')}"
        for name in wanted | found
        if wanted.get(name) != found.get(name)
    ]
    if wrong:
        more = f"; and {len(wrong) - NAMED} more" if len(wrong) > NAMED else ""
        raise ValueError("; ".join(wrong[:NAMED]) + more)


def _is_published(state) -> bool:
    """Whether a PGL-SUM has a Linear for each head, not the stacked ones of a FrameScorer."""
    return any(name.startswith("attention.attention.W") for name in state)


def _dtype(state: dict[str, Tensor]) -> torch.dtype:
    for name, value in state.items():
        if value.dtype not in FLOATS:
            raise ValueError(f"{name} must be floating point, got {value.dtype}")
    return reduce(torch.promote_types, (value.dtype for value in state.values()))
