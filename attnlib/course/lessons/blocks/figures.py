"""A picture cut into blocks: who may attend to whom."""

import matplotlib.pyplot as plt
import numpy as np
from matplotlib.colors import ListedColormap, to_rgb
from matplotlib.figure import Figure
from torch import Tensor

from attnlib.course.figures.narrow import panels, redrawn, styled
from attnlib.course.figures.style import ENDS, MARK, NOTHING, closed, label
from attnlib.course.language import say

FADED = 0.75  # how far the other patches are faded to grey


@redrawn
def plot_blocks(
    picture: Tensor,
    may: Tensor,
    mask: Tensor,
    query: tuple[int, int, int],
    block_size: int,
) -> Figure:
    """The picture with all that one query may not attend to faded, and the mask of all queries.

    Args:
        picture: (height, width, 3) in [0, 1].
        may: (rows, columns) of patches, bool: whether the query may attend to that patch.
        mask: (L, L) bool, queries down, keys across, tokens in the order of `blockify`.
        query: its row and column, in patches, and its number as a token.
        block_size: edge of a block, in patches.
    """
    size = picture.shape[0] // may.shape[0]  # of a patch, in pixels
    with styled():
        places = {"left": 0.01, "right": 0.99, "bottom": 0.12, "top": 0.92, "wspace": 0.2}
        fig, axes = panels(2, (9.4, 4.6), 4.0, fixed=places)
        _plot_picture(axes[0], picture.numpy(), may.numpy(), query[:2], size, block_size)
        _plot_mask(axes[1], mask, query[2], block_size**2)
    return closed(fig)


def _plot_picture(axis, picture, may, place, size, block_size):
    outside = ~may.repeat(size, 0).repeat(size, 1)[..., None]
    grey = np.array(to_rgb(NOTHING))
    axis.imshow(picture + outside * FADED * (grey - picture))
    height, width = picture.shape[:2]
    for step, line in ((size, {"linewidth": 0.5}), (size * block_size, {"linewidth": 2.5})):
        axis.hlines(np.arange(0, height + 1, step) - 0.5, -0.5, width - 0.5, "white", **line)
        axis.vlines(np.arange(0, width + 1, step) - 0.5, -0.5, height - 0.5, "white", **line)
    row, column = place
    corner = (column * size - 0.5, row * size - 0.5)
    frame = plt.Rectangle(corner, size, size, fill=False, edgecolor=MARK, linewidth=3, zorder=3)
    axis.add_patch(frame).set_clip_on(False)  # or half of it is cut off at the picture's edge
    axis.set_title(say("one query (red) and its keys (not faded)"))
    axis.set_axis_off()


def _plot_mask(axis, mask, token, group):
    axis.imshow(mask.numpy(), ListedColormap([NOTHING, ENDS[0]]), vmin=0, vmax=1)
    length = len(mask)
    axis.axhline(token, color=MARK, linewidth=2)
    edges = range(group, length, group) if group > 1 else ()  # lines would hide single cells
    label(axis, say("all queries (grey: weight exactly 0)"), edges)
    axis.set_xticks((0, length - 1))
    axis.set_yticks((0, length - 1))
