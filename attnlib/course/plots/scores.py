"""Where a weight comes from: vectors in the plane, and the bars that they give."""

from collections.abc import Mapping

import matplotlib.pyplot as plt
import numpy as np
from matplotlib.collections import LineCollection
from matplotlib.figure import Figure
from torch import Tensor

from attnlib.course.plots.style import ENDS, MARK, NOTHING, QUIET, STYLE, closed

REACH = 2.5  # the plane is drawn this far to each side


def plot_scores(query: Tensor, keys: Tensor, bars: Mapping[str, Tensor], head_dim: int) -> Figure:
    """A query and keys as arrows, and beside them bars: a panel a step, a bar a key.

    Args:
        query, keys: (2,) and (M, 2): the first two of D coordinates. Key 0, the one that is moved,
            has a colour of its own.
        bars: title -> (M,). The last are the weights; those before share one scale.
        head_dim: D. If it is 2, every key drops its perpendicular on the line of the query: the
            dot product is the length of that shadow times the query's.
    """
    query, keys = query.numpy(), keys.numpy()
    largest = max(1.0, *(values.abs().max().item() for values in list(bars.values())[:-1]))
    ends = [(-largest, largest)] * (len(bars) - 1) + [(0, 1)]
    with plt.rc_context(STYLE):
        ratios = (1.5, *(1 for _ in bars))
        fig, axes = plt.subplots(1, 1 + len(bars), figsize=(10.6, 3.7), width_ratios=ratios)
        fig.subplots_adjust(left=0.01, right=0.99, bottom=0.04, top=0.9, wspace=0.32)
        _plot_arrows(axes[0], query, keys, shadows=head_dim == 2)
        axes[0].set_title("q and keys" if head_dim == 2 else f"q and keys, 2 of D = {head_dim}")
        for axis, (title, values), its in zip(axes[1:], bars.items(), ends, strict=True):
            _plot_bars(axis, values.numpy(), its)
            axis.set_title(title)
        for key, colour in enumerate(_colours(len(keys))):
            style = {"color": colour, "weight": "bold", "ha": "right", "va": "center"}
            axes[1].text(axes[1].get_xlim()[0], key, f"key {key}", **style)
    return closed(fig)


def _plot_arrows(axis, query, keys, shadows):
    if shadows and query.any():
        feet = np.outer(keys @ query, query) / (query @ query)
        axis.axline((0, 0), query, color=NOTHING, linewidth=1.5, zorder=0)
        axis.add_collection(
            LineCollection(list(zip(keys, feet, strict=True)), color=QUIET, linestyle=":")
        )
    tips = np.vstack([keys, query])
    colours = [*_colours(len(keys)), MARK]
    start = np.zeros(len(tips))
    size = {"angles": "xy", "scale_units": "xy", "scale": 1, "width": 0.014}
    axis.quiver(start, start, *tips.T, color=colours, zorder=2, **size)
    for name, tip, colour in zip((*range(len(keys)), "q"), tips, colours, strict=True):
        away = tip / np.hypot(*tip) if tip.any() else np.array((0, -1))
        place = tip + 0.24 * away
        axis.text(*place, name, color=colour, ha="center", va="center", weight="bold")
    axis.plot(0, 0, "+", color=QUIET)
    axis.set_xlim(-REACH, REACH)
    axis.set_ylim(-REACH, REACH)
    axis.set_aspect("equal")
    axis.set_xticks([])
    axis.set_yticks([])


def _plot_bars(axis, values, ends):
    """Bars between two ends; the numbers stand in a column left of them."""
    axis.barh(range(len(values)), values, color=_colours(len(values)), height=0.6)
    room = 0.05 * (ends[1] - ends[0])
    for key, value in enumerate(values):
        axis.text(ends[0] - room, key, f"{value:z.2f}", ha="right", va="center")
    axis.axvline(0, color=QUIET, linewidth=1)
    axis.set_xlim(ends[0] - 9 * room, ends[1] + room)
    axis.set_ylim(len(values) - 0.4, -0.6)  # key 0 on top
    axis.set_xticks([])
    axis.set_yticks([])
    axis.spines[:].set_visible(False)


def _colours(keys):
    return [ENDS[1], *[ENDS[0]] * (keys - 1)]
