"""Frames cut into segments: how long each is, and whose parameters a frame meets."""

from collections.abc import Callable

from matplotlib.figure import Figure

from attnlib.checks import check_count
from attnlib.course.explorers.controls import slider
from attnlib.course.explorers.explorer import Explorer
from attnlib.course.plots import plot_segments
from attnlib.layout import segment_slices

LONGEST, MOST = 30, 8


def segments_drawer() -> Callable[[int, int, int], tuple[Figure, str]]:
    """draw(length, num_segments, frame) -> the ruler of segments, and who owns that frame."""

    def draw(length: int, num_segments: int, frame: int) -> tuple[Figure, str]:
        check_count("length", length)
        check_count("num_segments", num_segments, least=2)  # one is the global branch again
        segments = segment_slices(length, num_segments)
        if not 0 <= frame < length:
            raise ValueError(
                f"frame={frame} must lie in 0 … {length - 1}, since length={length}: take another "
                "frame, or a longer video"
            )
        return plot_segments(segments, frame), _read(segments, frame)

    return draw


def explore_segments() -> Explorer:
    """Choose a length, a number of segments and a frame. See `segments_drawer`."""
    controls = {
        "length": slider("L, frames", 10, 1, LONGEST),
        "num_segments": slider("num_segments", 4, 2, MOST),
        "frame": slider("frame i", 4, 0, LONGEST - 1),
    }
    return Explorer("explore_segments", segments_drawer(), controls)


def _read(segments, frame):
    sizes = [segment.stop - segment.start for segment in segments]
    (own,) = [number for number, s in enumerate(segments) if s.start <= frame < s.stop]
    length, first, last = sum(sizes), segments[own].start, segments[own].stop - 1
    shared = f"with frames {first} … {last}" if first < last else "alone"
    sentence = (
        f"L = {length}, {len(sizes)} segments: ⌈{length} / {len(sizes)}⌉ = {sizes[0]}, so "
        f"{', '.join(map(str, sizes))}. Frame {frame} lies in segment {own}, {shared}: it meets "
        f"set {own} of the local branch's parameters, and the global branch's, which all frames "
        "share."
    )
    empty = [str(number) for number, size in enumerate(sizes) if size == 0]
    if empty:
        sentence += f" Empty segments: {', '.join(empty)}. No frame meets their parameters."
    return sentence
