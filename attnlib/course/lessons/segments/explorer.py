"""Frames cut into segments: how long each is, and whose parameters a frame meets."""

from collections.abc import Callable
from pathlib import Path

from matplotlib.figure import Figure
from torch import Tensor

from attnlib.checks import check_count
from attnlib.course.language import paragraph, say
from attnlib.course.lessons.segments.figures import plot_segments
from attnlib.course.widgets.controls import slider
from attnlib.course.widgets.drawn import Drawn, as_address, script
from attnlib.layout import segment_slices

LONGEST, MOST = 30, 8  # frames that all have room for their numbers; segments
TALL = 64  # rows of a frame that the browser shows, and a few more


def segments_drawer(frames: Tensor | None = None) -> Callable[[int, int, int], tuple[Figure, str]]:
    """draw(length, num_segments, frame) -> the ruler of segments, and who owns that frame.

    Args:
        frames: (L, height, width, 3) in [0, 1]: the first `length` of them are shown over their
            numbers. Without them the ruler has numbers only.
    """
    if frames is not None and (frames.dim() != 4 or frames.shape[-1] != 3 or not len(frames)):
        raise ValueError(f"frames must be (L, height, width, 3), got shape {tuple(frames.shape)}")

    def draw(length: int, num_segments: int, frame: int) -> tuple[Figure, str]:
        check_count("length", length)
        check_count("num_segments", num_segments, least=2)  # one is the global branch again
        if frames is not None and length > len(frames):
            raise ValueError(f"length={length} must be at most {len(frames)}, the frames there are")
        segments = segment_slices(length, num_segments)
        if not 0 <= frame < length:
            raise ValueError(
                f"frame={frame} must lie in 0 … {length - 1}, since length={length}: take another "
                "frame, or a longer video"
            )
        pictures = None if frames is None else frames[:length]
        return plot_segments(segments, frame, pictures), _read(segments, frame)

    return draw


class SegmentsExplorer(Drawn):
    """See `segments_drawer`."""

    source = Path(__file__).with_name("explorer.js")
    _esm = script(source)


def explore_segments(frames: Tensor | None = None) -> Drawn:
    """Choose a length, a number of segments and a frame. See `segments_drawer`.

    With `frames`, (L, height, width, 3), they are shown, and the length ends where they end.
    """
    draw = segments_drawer(frames)
    longest = LONGEST if frames is None else len(frames)
    length = 10 if frames is None else min(LONGEST, longest)
    controls = {
        "length": slider(say("L, frames"), length, 1, longest),
        "num_segments": slider("num_segments", 4, 2, MOST),
        "frame": slider(
            say("frame i"), min(4 if frames is None else 17, length - 1), 0, longest - 1
        ),
    }
    offers = {"frame": lambda length, **_: range(length)}
    numbers = _pictures(frames)
    return SegmentsExplorer("explore_segments", draw, controls, offers, numbers)


def _pictures(frames):
    """The frames as addresses, of large ones every second pixel or fewer; and width / height."""
    if frames is None:
        return {"pictures": [], "ratio": 1}
    _, height, width, _ = frames.shape
    step = max(1, height // TALL)
    addresses = [as_address(frame[::step, ::step], "JPEG") for frame in frames]
    return {"pictures": addresses, "ratio": width / height}


def _read(segments, frame):
    sizes = [segment.stop - segment.start for segment in segments]
    (index,) = [number for number, s in enumerate(segments) if s.start <= frame < s.stop]
    empty = [str(number) for number, size in enumerate(sizes) if size == 0]
    return paragraph(
        say(
            "L = {length}, {segments} segments: ⌈{length} / {segments}⌉ = {size}, so {sizes}.",
            length=sum(sizes),
            segments=len(sizes),
            size=sizes[0],
            sizes=", ".join(map(str, sizes)),
        ),
        _read_frame(frame, index, segments[index]),
        say("Empty segments: {numbers}. No frame meets their parameters.", numbers=", ".join(empty))
        if empty
        else "",
    )


def _read_frame(frame, index, segment):
    place = {"frame": frame, "index": index, "first": segment.start, "last": segment.stop - 1}
    if segment.stop - segment.start == 1:
        return say(
            "Frame {frame} lies in segment {index}, alone: it meets set {index} of the local "
            "branch's parameters, and the global branch's, which all frames share.",
            **place,
        )
    return say(
        "Frame {frame} lies in segment {index}, with frames {first} … {last}: it meets set {index} "
        "of the local branch's parameters, and the global branch's, which all frames share.",
        **place,
    )
