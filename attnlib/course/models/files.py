"""Parameters by name from a file of any kind. Nothing that a file holds is ever run."""

import re
from contextlib import contextmanager
from os import PathLike
from pathlib import Path

from torch import Tensor

from attnlib.course.models.archives import open_archive
from attnlib.course.models.bounded import build, check
from attnlib.course.models.pickles import AsksForCode, Odd, Other, Stored

# Under which trainers keep the parameters, beside other things. Their moving average has the word
# "ema" in its name.
WRAPPERS = ("state_dict", "model", "model_state_dict")
AVERAGE = "ema"
# What DataParallel, torch.compile and Lightning put before every name.
PREFIXES = ("module.", "_orig_mod.", "model.")
DEPTH = 4  # wrappers, or prefixes, inside one another
TORCH = (".pt", ".pth", ".pkl", ".ckpt", ".bin", ".pth.tar")
SAFETENSORS = (".safetensors",)


def read_state_dict(path: str | PathLike) -> dict[str, Tensor]:
    """The parameters in a file of `torch.save` or of safetensors, on the CPU.

    The extension tells which: .pt, .pth, .pkl, .ckpt, .bin or .pth.tar, or .safetensors.

    What trainers put round them is taken off, also several times: {"state_dict": …},
    {"model": …}, {"model_state_dict": …}, an entry with the word "ema" in its name (a moving
    average, as state_dict_ema or model_ema); "module.", "_orig_mod." or "model." before every name.
    A file with two such entries is refused: both are named, and how to save the one you want.

    It takes about as much memory as the file: nothing is built that is larger than what the file
    holds for it, and all tensors together are at most 16 times the file (they may share storages).
    Beside the numbers a file of `torch.save` may hold 8 MB.

    Raises FileNotFoundError; ValueError, with what was found, for another extension and for a file
    that is empty, cut off, damaged, compressed, holds something else, would run code or would grow,
    or has sparse, meta, quantised or nested tensors, or conjugated or negated views, among the
    parameters; ModuleNotFoundError (with what to install) for safetensors without its package.
    """
    path = Path(path)
    if not path.is_file():
        raise FileNotFoundError(f"{path} is {'a folder' if path.is_dir() else 'not there'}")
    name = path.name.lower()
    if not name.endswith(TORCH + SAFETENSORS):
        raise ValueError(f"path must end in {', '.join(TORCH + SAFETENSORS)}, got {path}")
    if not path.stat().st_size:
        raise ValueError(f"{path} is empty: 0 bytes")
    with path.open("rb") as file:
        state = _read_torch(file) if name.endswith(TORCH) else _read_safetensors(file)
    for prefix in PREFIXES * DEPTH:
        if all(name.startswith(prefix) for name in state):
            state = {name.removeprefix(prefix): value for name, value in state.items()}
    return state


def _read_torch(file):
    with _telling_damage(file, "torch.save"):
        archive = open_archive(file)
    described = _unwrapped(file.name, archive.described)
    try:
        check(described, archive.sizes, Path(file.name).stat().st_size)
    except ValueError as error:
        raise ValueError(f"{file.name}: {error}") from None
    with _telling_damage(file, "torch.save"):
        return build(described, archive.read)


def _read_safetensors(file):
    try:
        import safetensors.torch
    except ImportError:
        raise ModuleNotFoundError(
            '.safetensors files are read by a package that is not installed: pip install "'
            'safetensors>=0.5"',
            name="safetensors",
        ) from None
    with _telling_damage(file, "safetensors"):
        state = safetensors.torch.load(file.read())
    if not state:
        raise ValueError(f"{file.name} must hold parameters by name, got none")
    return state


@contextmanager
def _telling_damage(file, kind):
    """Whatever a reader raises, as a ValueError: a broken file may make it raise any exception."""
    try:
        yield
    except AsksForCode as error:
        raise ValueError(
            f"{file.name} holds more than tensors: {str(error):.99}. To read that is to run code, "
            "and here no file runs any. Where you trust it, save the parameters alone: "
            "torch.save(network.state_dict(), …)"
        ) from None
    except Exception as error:
        size = Path(file.name).stat().st_size
        sentence = re.split(r"[.]?\s*\n|[.] ", str(error))[0]
        raise ValueError(
            f"{file.name} ({size} bytes) is cut off, damaged, or not written by {kind}: "
            f"{type(error).__name__} {sentence:.200}"
        ) from None


def _unwrapped(path, found):
    """The one state dict in what a file holds, under whatever wrappers."""
    states, todo, seen, inmost = {}, [((), found)], set(), found
    while todo:
        names, each = todo.pop()
        if type(each) is not dict or len(names) > DEPTH or id(each) in seen:
            continue
        seen.add(id(each))  # a pickle may hold a dict twice, even inside itself
        if _is_state_dict(each):
            states[names] = each
            continue
        inmost = each
        average = any(map(_is_average, names))
        todo += [((*names, name), each[name]) for name in each if average or _wraps(name)]
    if not states:
        said = _said(inmost)
        raise ValueError(f"{path} must hold parameters by name, a state dict, got {said}")
    if len(states) > 1:
        places = ["".join(f"[{name!r:.60}]" for name in names) for names in sorted(states, key=str)]
        raise ValueError(
            f"{path} holds several state dicts, {' and '.join(places[:4])}. Save the one you want "
            f"alone: torch.save(torch.load(…){places[0]}, …)"
        )
    (state,) = states.values()
    return state


def _wraps(name) -> bool:
    return name in WRAPPERS or _is_average(name)


def _is_average(name) -> bool:
    return isinstance(name, str) and AVERAGE in re.split("[^a-z]+", name.lower())


def _is_state_dict(found) -> bool:
    return (
        type(found) is dict
        and len(found) > 0
        and all(isinstance(name, str) for name in found)
        and all(isinstance(value, Stored | Odd) for value in found.values())
    )


def _said(found) -> str:
    """What it is, with its first entries where it has any."""
    if type(found) is not dict:
        return f"a {_kind(found)}"
    entries = [f"{name!r:.60}: {_kind(value)}" for name, value in list(found.items())[:4]]
    return "{" + ", ".join(entries + ["…"] * (len(found) > 4)) + "}"


def _kind(found) -> str:
    if isinstance(found, Stored | Odd):
        return "Tensor"
    return found.name if isinstance(found, Other) else type(found).__name__
