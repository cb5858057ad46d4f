"""A ruler of frames cut into segments, and the parameters that each frame meets."""

from collections.abc import Sequence

import matplotlib.pyplot as plt
import numpy as np
from matplotlib.figure import Figure

from attnlib.course.plots.style import MARK, NOTHING, QUIET, STYLE, closed

FILLS = ("#9ecae1", "#fdd0a2")  # neighbours differ; the numbers tell which is which
OWN, FRAMES, ALL = 2.3, 1, 0  # heights of the three rows


def plot_segments(segments: Sequence[slice], frame: int) -> Figure:
    """Frames in a row, above them a set of parameters for each segment, below one for all frames.

    Args:
        segments: in order; they cover 0 … L once, some may be empty.
        frame: the one that is framed in red, and its way to its parameters.
    """
    length = segments[-1].stop
    with plt.rc_context(STYLE):
        fig, axis = plt.subplots(figsize=(10.2, 3.6))
        fig.subplots_adjust(left=0.17, right=0.99, bottom=0.04, top=0.97)
        for number, segment in enumerate(segments):
            _plot_segment(axis, number, segment, frame, length / len(segments))
        for number in range(length):
            axis.text(number + 0.5, FRAMES, number, ha="center", va="center", fontsize=11)
        axis.vlines(range(length + 1), FRAMES - 0.3, FRAMES + 0.3, "white", linewidth=1)
        _box(axis, 0, length, ALL, NOTHING, "one set for all frames")
        axis.plot([frame + 0.5] * 2, (FRAMES - 0.3, ALL + 0.3), color=MARK, linewidth=2.5)
        corner = (frame, FRAMES - 0.3)
        axis.add_patch(
            plt.Rectangle(corner, 1, 0.6, fill=False, edgecolor=MARK, linewidth=3, zorder=3)
        )
        axis.set_xlim(-0.02 * length, 1.02 * length)
        axis.set_ylim(ALL - 0.4, OWN + 0.5)
        rows = {"local branch:\nown parameters": OWN, "frames": FRAMES, "global branch": ALL}
        axis.set_yticks(list(rows.values()), rows)
        axis.tick_params(length=0)
        axis.set_xticks([])
        axis.spines[:].set_visible(False)
    return closed(fig)


def _plot_segment(axis, number, segment, frame, width):
    """Its frames, its set of parameters above them, and lines between the two."""
    size, left = segment.stop - segment.start, number * width
    middle = left + width / 2
    frames = f"{size} frame{'s' if size > 1 else ''}" if size else "empty"
    fill = FILLS[number % 2] if size else "white"
    _box(axis, left + 0.04 * width, 0.92 * width, OWN, fill, f"set {number}\n{frames}", bool(size))
    if not size:
        return
    axis.broken_barh([(segment.start, size)], (FRAMES - 0.3, 0.6), facecolor=fill)
    lower, upper = FRAMES + 0.3, OWN - 0.4
    corners = [(segment.start, lower), (segment.stop, lower), (middle, upper)]
    axis.fill(*np.transpose(corners), color=fill, alpha=0.35, linewidth=0)
    if segment.start <= frame < segment.stop:
        axis.plot((frame + 0.5, middle), (lower, upper), color=MARK, linewidth=2.5)


def _box(axis, left, width, height, fill, text, full=True):
    tall = 0.4 if height == OWN else 0.3
    edge = {"edgecolor": QUIET, "linestyle": "-" if full else "--"}
    axis.add_patch(plt.Rectangle((left, height - tall), width, 2 * tall, facecolor=fill, **edge))
    colour = "black" if full else QUIET
    axis.text(left + width / 2, height, text, ha="center", va="center", color=colour)
