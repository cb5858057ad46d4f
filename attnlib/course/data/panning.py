"""A film made of photographs."""

from collections.abc import Sequence

import numpy as np
from torch import Tensor

from attnlib.course.data.checks import positive
from attnlib.course.data.photographs import pil_photograph
from attnlib.course.data.pictures import as_tensor

# As many photographs as bikes.mp4 has shots, no two neighbours alike.
MONTAGE = ("coffee", "rocket", "chelsea", "hubble_deep_field", "astronaut", "immunohistochemistry")


def montage(
    names: Sequence[str] = MONTAGE,
    frames_each: int | Sequence[int] = 40,
    height: int = 48,
    width: int = 112,
) -> tuple[Tensor, tuple[int, ...]]:
    """A stand-in for a video: a slow pan and zoom over one photograph after another.

    Returns frames (L, height, width, 3), float32 in [0, 1], and the first frames of shots 2, 3, ….
    `frames_each` is the length of every shot, or one length for each name. Names may come twice.
    Source and licence: see `photograph`.
    """
    lengths = [frames_each] * len(names) if isinstance(frames_each, int) else list(frames_each)
    if isinstance(names, str) or not names or len(lengths) != len(names):
        raise ValueError(
            f"names={names!r} and frames_each={frames_each!r} do not fit: expected at least one "
            f"name, in a list or tuple, and one length for all or one for each"
        )
    for length in lengths:
        positive("frames_each", length)
    positive("height", height)
    positive("width", width)
    pictures = []
    for shot, (name, length) in enumerate(zip(names, lengths, strict=True)):
        pan = _pan(pil_photograph(name), length, height, width)
        pictures += pan if shot % 2 == 0 else reversed(pan)
    cuts = tuple(np.cumsum(lengths[:-1]).tolist())
    return as_tensor(pictures), cuts


def _pan(image, length, height, width):
    """`length` PIL images (height, width): a window that moves and shrinks over one image."""
    largest = min(image.height / height, image.width / width)
    pictures = []
    for step in range(length):
        way = step / max(length - 1, 1)  # 0 at the first frame, 1 at the last
        side = largest * (0.9 - 0.2 * way)
        left = (image.width - side * width) * (0.25 + 0.5 * way)
        top = (image.height - side * height) * (0.25 + 0.5 * way)
        box = (left, top, left + side * width, top + side * height)
        pictures.append(image.resize((width, height), box=box))
    return pictures
