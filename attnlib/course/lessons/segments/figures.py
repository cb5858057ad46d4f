"""A ruler of frames cut into segments, and the parameters that each frame meets."""

from collections.abc import Sequence

import matplotlib.pyplot as plt
import numpy as np
from matplotlib.figure import Figure
from torch import Tensor

from attnlib.course.figures.narrow import WIDTH, either, points, redrawn, styled
from attnlib.course.figures.style import MARK, NOTHING, QUIET, closed
from attnlib.course.language import say

FILLS = ("#9ecae1", "#fdd0a2")  # neighbours differ; the numbers tell which is which
ALL, FRAMES = 0, 1  # heights of the rows: the middle of a box, and of the frames' numbers
LOWER, UPPER = FRAMES - 0.3, FRAMES + 0.3
PICTURES = 0.75  # as tall are the pictures above the numbers
GAP = 1  # from the top of the frames to the middle of the sets
WIDE, UNIT = 10.2, 1.125  # inches: the figure, and one of those heights
NARROW = 0.9  # such a height, where the figure is narrow
LEFT, RIGHT, BOTTOM, TOP = 0.17, 0.99, 0.04, 0.97  # of the axes, as parts of the figure
UPRIGHT = {"rotation": 90, "va": "center", "ma": "center"}  # the words beside the rows
MARGIN = 0.02  # beside the ruler, as a part of it
ASIDE = 0.12  # LEFT of it
CROWDED = 30, 12  # frames, wide and narrow; with more, not all are numbered
BOXES = 5  # as many have room for words where it is narrow


@redrawn
def plot_segments(segments: Sequence[slice], frame: int, pictures: Tensor | None = None) -> Figure:
    """Frames in a row, above them a set of parameters for each segment, below one for all frames.

    Args:
        segments: in order; they cover 0 … L once, some may be empty.
        frame: the one that is framed in red, and its way to its parameters.
        pictures: (L, height, width, 3) in [0, 1], the frames; the middle of each is shown.
    """
    length = segments[-1].stop
    top = UPPER if pictures is None else UPPER + PICTURES
    local_row = top + GAP
    with styled():
        width, unit = _size()
        fig, axis = plt.subplots(figsize=(width, (local_row + 0.9) * unit))
        fig.subplots_adjust(left=either(LEFT, ASIDE), right=RIGHT, bottom=BOTTOM, top=TOP)
        for number, segment in enumerate(segments):
            text = _of_set(number, segment.stop - segment.start, len(segments))
            _plot_segment(axis, number, segment, frame, length / len(segments), top, text)
        if pictures is not None:
            extent = (0, length, UPPER, top)
            axis.imshow(_strip(pictures), aspect="auto", extent=extent, zorder=2)
        for number in _numbered(length, frame):
            axis.text(number + 0.5, FRAMES, number, ha="center", va="center", fontsize=points(11))
        axis.vlines(range(length + 1), LOWER, top, "white", linewidth=1, zorder=2)
        _box(axis, 0, length, ALL, NOTHING, say("one set for all frames"))
        axis.plot([frame + 0.5] * 2, (LOWER, ALL + 0.3), color=MARK, linewidth=2.5)
        axis.add_patch(
            plt.Rectangle(
                (frame, LOWER), 1, top - LOWER, fill=False, edgecolor=MARK, linewidth=3, zorder=3
            )
        )
        axis.set_xlim(-MARGIN * length, (1 + MARGIN) * length)
        axis.set_ylim(ALL - 0.4, local_row + 0.5)
        rows = (say("local branch:\nown parameters"), say("frames"), say("global branch"))
        axis.set_yticks((local_row, FRAMES, ALL), rows, **either({}, UPRIGHT))
        axis.tick_params(length=0)
        axis.set_xticks([])
        axis.spines[:].set_visible(False)
    return closed(fig)


def _size():
    """Inches: the width of the figure, and one of the heights."""
    return either((WIDE, UNIT), (WIDTH, NARROW))


def _numbered(length, frame):
    """The frames that carry their number: all, or so many as there is room for."""
    most = either(*CROWDED)
    step = 1 if length <= most else 5 * -(-length // (5 * most))
    return [n for n in range(length) if n == frame or (n % step == 0 and _apart(n, frame, length))]


def _apart(number, frame, length):
    return abs(number - frame) >= length / either(*CROWDED)


def _strip(pictures):
    """(L, height, width, 3) -> (height, L·across, 3): of each the middle, white where it ends.

    `across` is as many pixels as make a picture as wide as a frame of the ruler.
    """
    length, height, width, _ = pictures.shape
    inches, unit = _size()
    wide = inches * (RIGHT - either(LEFT, ASIDE)) / (1 + 2 * MARGIN) / length  # one frame
    tall = PICTURES * unit * (TOP - BOTTOM)
    across = max(1, round(height * wide / tall))
    shown = pictures.numpy(force=True)
    if across < width:
        left = (width - across) // 2
        shown = shown[:, :, left : left + across]
    else:
        left = (across - width) // 2
        sides = (left, across - width - left)
        shown = np.pad(shown, ((0, 0), (0, 0), sides, (0, 0)), constant_values=1)
    return np.concatenate(list(shown), axis=1)


def _plot_segment(axis, number, segment, frame, width, top, text):
    """Its frames, its set of parameters above them, and lines between the two."""
    size, left = segment.stop - segment.start, number * width
    middle = left + width / 2
    fill = FILLS[number % 2] if size else "white"
    _box(axis, left + 0.04 * width, 0.92 * width, top + GAP, fill, text, bool(size), tall=0.4)
    if not size:
        return
    axis.broken_barh([(segment.start, size)], (LOWER, UPPER - LOWER), facecolor=fill)
    upper = top + GAP - 0.4
    corners = [(segment.start, top), (segment.stop, top), (middle, upper)]
    axis.fill(*np.transpose(corners), color=fill, alpha=0.35, linewidth=0)
    if segment.start <= frame < segment.stop:
        axis.plot((frame + 0.5, middle), (top, upper), color=MARK, linewidth=2.5)


def _of_set(number, size, sets):
    if sets > either(sets, BOXES):
        return f"{number}:\n{size}"
    if not size:
        return say("set {number}\nempty", number=number)
    if size == 1:
        return say("set {number}\n1 frame", number=number)
    return say("set {number}\n{size} frames", number=number, size=size)


def _box(axis, left, width, height, fill, text, full=True, tall=0.3):
    edge = {"edgecolor": QUIET, "linestyle": "-" if full else "--"}
    axis.add_patch(plt.Rectangle((left, height - tall), width, 2 * tall, facecolor=fill, **edge))
    colour = "black" if full else QUIET
    axis.text(left + width / 2, height, text, ha="center", va="center", color=colour)
