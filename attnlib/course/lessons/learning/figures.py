"""A digit, and whom one of its places attends to at each level."""

from collections.abc import Sequence
from typing import NamedTuple

import matplotlib.pyplot as plt
import numpy as np
from matplotlib.figure import Figure
from torch import Tensor

from attnlib.course.figures.narrow import lines, panels, redrawn, styled
from attnlib.course.figures.style import ENDS, MARK, closed
from attnlib.course.language import say

FAINT = 0.35  # of the ink, so that circles are seen on it
FULL = 0.92  # the diameter of the largest circle, in tokens


class Looked(NamedTuple):
    """The weights of one query over its level's tokens, and where the query is.

    weights: (rows, cols) of tokens; those outside its block are 0.
    query: row and column of the token that asks.
    block_size: edge of a block, in tokens.
    """

    weights: Tensor
    query: tuple[int, int]
    block_size: int


@redrawn
def plot_levels(picture: Tensor, levels: Sequence[Looked]) -> Figure:
    """The picture, and once more for each level with a circle on every token.

    The area of a circle goes with the weight, at every level anew: its largest fills its token.
    Thin lines are edges of tokens, thick ones of blocks; the query has a red frame, in the picture
    as large as a token of the first level.

    Args:
        picture: (height, width) in [0, 1], 1 is ink.
        levels: the first to the last; their tokens must divide the picture.
    """
    picture = picture.numpy(force=True)
    with styled():
        count = len(levels) + 1
        fig, axes = panels(count, (3.4 * count, 3.7), 2.3, across=2)
        _ink(axes[0], picture)
        _frame(axes[0], levels[0].query, picture.shape[0] / levels[0].weights.shape[0])
        axes[0].set_title(say("the picture"))
        for number, (axis, level) in enumerate(zip(axes[1:], levels, strict=True), 1):
            _ink(axis, FAINT * picture)
            _circles(axis, level, picture.shape[0] / level.weights.shape[0])
            told = {"number": number, "largest": level.weights.max()}
            axis.set_title(lines(say("level {number}, largest {largest:.2f}", **told), 22))
    return closed(fig)


def _ink(axis, picture):
    axis.imshow(picture, "Greys", vmin=0, vmax=1)
    axis.set_axis_off()


def _circles(axis, level, size):
    """Circles, lines and the frame; `size` is the edge of a token in pixels."""
    weights = level.weights.numpy(force=True)
    rows, cols = weights.shape
    for step, width in ((size, 0.4), (size * level.block_size, 2.5)):
        style = {"color": "black", "linewidth": width}
        axis.hlines(np.arange(0, rows * size + 0.1, step) - 0.5, -0.5, cols * size - 0.5, **style)
        axis.vlines(np.arange(0, cols * size + 0.1, step) - 0.5, -0.5, rows * size - 0.5, **style)
    radii = FULL / 2 * size * np.sqrt(weights / weights.max())
    for (row, col), radius in np.ndenumerate(radii):
        middle = ((col + 0.5) * size - 0.5, (row + 0.5) * size - 0.5)
        axis.add_patch(plt.Circle(middle, radius, color=ENDS[0], linewidth=0))
    _frame(axis, level.query, size)


def _frame(axis, query, size):
    row, col = query
    corner = (col * size - 0.5, row * size - 0.5)
    frame = plt.Rectangle(corner, size, size, fill=False, edgecolor=MARK, linewidth=3, zorder=3)
    axis.add_patch(frame).set_clip_on(False)  # else half of it is lost at the picture's edge
