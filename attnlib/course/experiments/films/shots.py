"""Real shots as numbers: 15 to train with, 6 others to test with, stored beside this file.

`make scorer` makes the file anew. Only numbers are stored, 48 for a frame, and no picture.
"""

from itertools import pairwise
from pathlib import Path
from typing import NamedTuple

import torch
from torch import Tensor

from attnlib.course import data
from attnlib.course.experiments.films.inputs import squeeze
from attnlib.course.models.files import read_state_dict

STORED = Path(__file__).with_name("shots.safetensors")
FRAMES = 24  # kept of every shot, evenly spread
SIDE = 160  # pixels, of the frames that features are taken from
PARTS = ("train", "test")


class Shots(NamedTuple):
    """Their names, and of each the content of its frames: (shots, 24, 48)."""

    names: tuple[str, ...]
    content: Tensor


def stored_shots(part: str, path: Path = STORED) -> Shots:
    """The stored shots of one part, float32.

    "train": slow pans over 13 photographs (`data.montage`), and two clips of one shot each,
    bigbuckbunny and carphone. "test": the six shots of bikes.mp4, none of which trains.

    Raises ValueError for another part, or a damaged file.
    """
    if part not in PARTS:
        raise ValueError(f"part must be one of {PARTS}, got {part!r}")
    stored = read_state_dict(path)
    names = [name for name in sorted(stored) if name.startswith(part)]
    content = torch.stack([stored[name].float() for name in names])
    return Shots(tuple(name.partition(" ")[2] for name in names), content)


def frames_of(shot: Tensor, frame: Tensor) -> Tensor:
    """The frames themselves: `shot` and `frame` (L,) as in `Films`, of the shots that test.

    Returns (L, 48, 112, 3). Without the clip, the stand-in of `data.video` takes its place.
    """
    clip = data.video(every=1)
    edges = torch.tensor((0, *clip.cuts, len(clip.frames)))
    start, stop = edges[shot], edges[shot + 1]
    return clip.frames[start + (frame * (stop - start - 1) / (FRAMES - 1)).round().long()]


def measure() -> dict[str, Tensor]:
    """Every shot anew, from the pictures: "train coffee" -> (24, 48), in half precision.

    Raises what `data.frames` and `data.features` raise where a package is missing.
    """
    found = {}
    for name in data.PHOTOGRAPHS:
        pan, _ = data.montage([name], FRAMES, SIDE, SIDE)
        found[f"train {name}"] = _content(pan)
    for clip in ("bigbuckbunny.mp4", "carphone_pristine.mp4"):
        found[f"train {clip}"] = _content(_spread(data.frames(data.clip_path(clip), SIDE, SIDE)))
    bikes = data.frames(data.clip_path(), SIDE, SIDE)
    for number, (start, stop) in enumerate(pairwise((0, *data.BIKES_CUTS, len(bikes))), 1):
        found[f"test bikes.mp4, shot {number}"] = _content(_spread(bikes[start:stop]))
    return found


def _spread(frames):
    """24 of the frames, evenly; some come twice where there are fewer."""
    return frames[torch.linspace(0, len(frames) - 1, FRAMES).round().long()]


def _content(frames):
    return squeeze(data.features(frames)).half()
