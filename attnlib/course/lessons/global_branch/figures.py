"""The maps of all heads of a global branch, and the one that is returned."""

from collections.abc import Sequence

import matplotlib.pyplot as plt
from matplotlib.colors import PowerNorm
from matplotlib.figure import Figure
from torch import Tensor

from attnlib.course.figures.style import COLOURS, MARK, NOTHING, STYLE, closed
from attnlib.course.language import N_, say

SIZE = (11.2, 4.8)  # of the figure, in inches
GRID = (0.55, 0.5, 6.6, 3.6)  # room for the heads: left, bottom, width, height
GAP = (0.2, 0.42)  # between two heads, across and down
RETURNED = (7.9, 1.05, 2.5)  # of the returned map: left, bottom, side
USED = N_(
    "the weights that meet the values (%: entropy before dropout; uniform attention has 100%)"
)


def plot_global(
    used: Tensor, returned: Tensor, titles: Sequence[str], edges: Sequence[int] = ()
) -> Figure:
    """All heads' weights, and beside them the one map that the caller gets, in a red frame.

    Colours go with the root of a weight, so that small ones are seen; what is exactly zero is grey,
    and what is over 1 has the colour of 1.

    Args:
        used: (H, L, L) the weights that meet the values. The last head has the frame too.
        returned: (L, L) the returned map.
        titles: above each head, with its entropy before dropout, and above the returned map:
            H + 1 lines.
        edges: tokens before which a line is drawn.
    """
    with plt.rc_context(STYLE):
        fig = plt.figure(figsize=SIZE)
        places = _places(len(used))
        for head, (place, title) in enumerate(zip(places, titles, strict=False)):
            axis = _panel(fig, place, used[head], title, edges)
            _name_axes(axis, left=place[0] == places[0][0], below=place[1] == places[-1][1])
        _frame(axis)
        fig.text(GRID[0] / SIZE[0], 0.985, say(USED), va="top")
        left, bottom, side = RETURNED
        axis = _panel(fig, (left, bottom, side, side), returned, titles[-1], edges)
        _name_axes(axis, left=True, below=True)
        _frame(axis)
        bar = fig.add_axes(_part((left + side + 0.12, bottom, 0.15, side)))
        fig.colorbar(axis.images[0], cax=bar, ticks=(0, 0.01, 0.1, 0.5, 1), format="%g")
        bar.set_title(say("weight"), fontsize=12, pad=5)
    return closed(fig)


def _places(heads):
    """(left, bottom, side, side) of every head: one row of up to three, else two rows."""
    columns = heads if heads <= 3 else -(-heads // 2)
    rows = -(-heads // columns)
    left, bottom, width, height = GRID
    across, down = GAP
    side = min((width + across) / columns - across, (height + down) / rows - down)
    left += (width - columns * (side + across) + across) / 2  # the grid stands in the middle
    bottom += (height - rows * (side + down) + down) / 2
    places = []
    for head in range(heads):
        row, column = divmod(head, columns)
        up = bottom + (rows - 1 - row) * (side + down)
        places.append((left + column * (side + across), up, side, side))
    return places


def _panel(fig, place, weights, title, edges):
    axis = fig.add_axes(_part(place))
    colours = plt.get_cmap(COLOURS).with_extremes(bad=NOTHING)
    shown = weights.where(weights > 0, float("nan")).numpy(force=True)
    axis.imshow(shown, colours, norm=PowerNorm(0.5, 0, 1))
    lines = [edge - 0.5 for edge in edges]
    ends = -0.5, len(weights) - 0.5
    axis.hlines(lines, *ends, color="white", linewidth=0.6)
    axis.vlines(lines, *ends, color="white", linewidth=0.6)
    axis.set_title(title, fontsize=12, pad=5)
    return axis


def _name_axes(axis, left, below):
    """Queries down, keys across, first and last numbered; inside the grid without words."""
    last = axis.images[0].get_array().shape[0] - 1
    axis.set_xticks((0, last) if below else ())
    axis.set_yticks((0, last) if left else ())
    if below:
        first, last = axis.get_xticklabels()
        first.set_ha("left")  # neighbours' numbers keep apart
        last.set_ha("right")
        axis.set_xlabel(say("key"), labelpad=-10)
    if left:
        axis.set_ylabel(say("query"), labelpad=-12)


def _frame(axis):
    for spine in axis.spines.values():
        spine.set(color=MARK, linewidth=3)


def _part(place):
    """A place in inches as a part of the figure, as `add_axes` takes it."""
    width, height = SIZE
    return place[0] / width, place[1] / height, place[2] / width, place[3] / height
