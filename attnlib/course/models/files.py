"""Parameters by name from a file of any kind. Nothing that a file holds is ever run."""

import re
from collections.abc import Mapping
from os import PathLike
from pathlib import Path

import torch
from torch import Tensor

WRAPPERS = ("state_dict", "model")  # under which trainers keep the parameters, beside other things
PREFIXES = ("module.", "_orig_mod.")  # what DataParallel and torch.compile put before every name


def read_state_dict(path: str | PathLike) -> dict[str, Tensor]:
    """The parameters in a file of `torch.save` (.pt, .pth, .pkl) or of safetensors, on the CPU.

    What trainers put round them is taken off: {"state_dict": …}, {"model": …}, "module." before
    every name.

    Raises FileNotFoundError; ValueError, with what was found, for another extension and for a file
    that is empty, cut off, holds something else, or would run code; ModuleNotFoundError (with what
    to install) for safetensors without its package.
    """
    path = Path(path)
    if not path.is_file():
        raise FileNotFoundError(f"{path} is {'a folder' if path.is_dir() else 'not there'}")
    kind = path.suffix.lower()
    if kind not in READERS:
        raise ValueError(f"path must end in {', '.join(READERS)}, got {path}")
    if not path.stat().st_size:
        raise ValueError(f"{path} is empty: 0 bytes")
    with path.open("rb") as file:
        found = READERS[kind](file)
    for wrapper in WRAPPERS:
        if isinstance(found, Mapping) and isinstance(found.get(wrapper), Mapping):
            found = found[wrapper]
    if not _is_state_dict(found):
        raise ValueError(f"{path} must hold parameters by name, a state dict, got {_said(found)}")
    for prefix in PREFIXES:
        if all(name.startswith(prefix) for name in found):
            found = {name.removeprefix(prefix): value for name, value in found.items()}
    return dict(found)


def _read_torch(file):
    try:
        return torch.load(file, map_location="cpu", weights_only=True)
    except Exception as error:  # a broken pickle may raise any
        code = re.search(r"GLOBAL (\S+)", str(error))
        if code:
            raise ValueError(
                f"{file.name} holds more than tensors: {code[1]}. To read that is to run code, and "
                "here no file runs any. Where you trust it, save the parameters alone: "
                "torch.save(network.state_dict(), …)"
            ) from None
        # Only the first sentence of torch's message: the next ones advise to let the file run code.
        raise ValueError(_unreadable(file, "torch.save", error)) from None


def _read_safetensors(file):
    try:
        from safetensors import SafetensorError
        from safetensors.torch import load
    except ImportError:
        raise ModuleNotFoundError(
            '.safetensors files are read by a package that is not installed: pip install "'
            'safetensors>=0.5"',
            name="safetensors",
        ) from None
    try:
        return load(file.read())
    except SafetensorError as error:
        raise ValueError(_unreadable(file, "safetensors", error)) from None


READERS = {
    ".pt": _read_torch,
    ".pth": _read_torch,
    ".pkl": _read_torch,  # the extension that PGL-SUM's trainers use
    ".safetensors": _read_safetensors,
}


def _unreadable(file, kind, error):
    size = Path(file.name).stat().st_size
    sentence = re.split(r"[.]?\s*\n|[.] ", str(error))[0]
    return (
        f"{file.name} ({size} bytes) is cut off, damaged, or not written by {kind}: "
        f"{type(error).__name__} {sentence}"
    )


def _is_state_dict(found) -> bool:
    return (
        isinstance(found, Mapping)
        and len(found) > 0
        and all(isinstance(name, str) for name in found)
        and all(isinstance(value, Tensor) for value in found.values())
    )


def _said(found) -> str:
    """What it is, with its first entries where it has any."""
    if not isinstance(found, Mapping):
        return f"a {type(found).__name__}"
    entries = [f"{name!r}: {type(value).__name__}" for name, value in list(found.items())[:4]]
    return "{" + ", ".join(entries + ["…"] * (len(found) > 4)) + "}"
