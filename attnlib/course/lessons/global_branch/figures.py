"""The maps of all heads of a global branch, and the one that is returned."""

from collections.abc import Sequence
from typing import NamedTuple

import matplotlib.pyplot as plt
from matplotlib.colors import PowerNorm
from matplotlib.figure import Figure
from torch import Tensor

from attnlib.course.figures.narrow import either, lines, points, redrawn, styled
from attnlib.course.figures.style import COLOURS, MARK, NOTHING, closed
from attnlib.course.language import N_, say

USED = N_(
    "the weights that meet the values (%: entropy before dropout; uniform attention has 100%)"
)


class Room(NamedTuple):
    """Where all is, in inches; the returned map beside the heads, or narrow: below them."""

    size: tuple[float, float]  # of the figure
    grid: tuple[float, float, float, float]  # for the heads: left, bottom, width, height
    returned: tuple[float, float, float]  # of the returned map: left, bottom, side


WIDE = Room((11.2, 4.8), (0.55, 0.5, 6.6, 3.6), (7.9, 1.05, 2.5))
NARROW = Room((4.0, 8.2), (0.35, 3.55, 3.55, 4.0), (0.35, 0.35, 2.6))
GAP = (0.2, 0.42)  # between two heads, across and down


@redrawn
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
    with styled():
        room = either(WIDE, NARROW)
        fig = plt.figure(figsize=room.size)
        places = _places(room, len(used))
        for head, (place, title) in enumerate(zip(places, titles, strict=False)):
            axis = _panel(fig, place, used[head], title, edges)
            _name_axes(axis, left=place[0] == places[0][0], below=place[1] == places[-1][1])
        _frame(axis)
        fig.text(room.grid[0] / room.size[0], 0.985, lines(say(USED)), va="top")
        left, bottom, side = room.returned
        axis = _panel(fig, (left, bottom, side, side), returned, titles[-1], edges)
        _name_axes(axis, left=True, below=True)
        _frame(axis)
        bar = fig.add_axes(_part(fig, (left + side + 0.12, bottom, 0.15, side)))
        fig.colorbar(axis.images[0], cax=bar, ticks=(0, 0.01, 0.1, 0.5, 1), format="%g")
        bar.set_title(say("weight"), fontsize=points(12), pad=5)
    return closed(fig)


def _places(room, heads):
    """(left, bottom, side, side) of every head, in so many columns as leave them largest."""
    left, bottom, width, height = room.grid
    across, down = GAP

    def side_of(columns):
        rows = -(-heads // columns)
        return min((width + across) / columns - across, (height + down) / rows - down)

    columns = max(range(1, heads + 1), key=side_of)
    rows, side = -(-heads // columns), side_of(columns)
    left += (width - columns * (side + across) + across) / 2  # the grid stands in the middle
    bottom += (height - rows * (side + down) + down) / 2
    places = []
    for head in range(heads):
        row, column = divmod(head, columns)
        up = bottom + (rows - 1 - row) * (side + down)
        places.append((left + column * (side + across), up, side, side))
    return places


def _panel(fig, place, weights, title, edges):
    axis = fig.add_axes(_part(fig, place))
    colours = plt.get_cmap(COLOURS).with_extremes(bad=NOTHING)
    shown = weights.where(weights > 0, float("nan")).numpy(force=True)
    axis.imshow(shown, colours, norm=PowerNorm(0.5, 0, 1))
    lines = [edge - 0.5 for edge in edges]
    ends = -0.5, len(weights) - 0.5
    axis.hlines(lines, *ends, color="white", linewidth=0.6)
    axis.vlines(lines, *ends, color="white", linewidth=0.6)
    axis.set_title(title, fontsize=points(12), pad=5)
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


def _part(fig, place):
    """A place in inches as a part of the figure, as `add_axes` takes it."""
    width, height = fig.get_size_inches()
    return place[0] / width, place[1] / height, place[2] / width, place[3] / height
