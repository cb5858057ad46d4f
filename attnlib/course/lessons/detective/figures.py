"""Where one setting of the dials stands between the two styles."""

from collections.abc import Mapping, Sequence
from math import log10

import matplotlib.pyplot as plt
import numpy as np
from matplotlib.colors import ListedColormap
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator
from torch import Tensor

from attnlib.course.figures.narrow import WIDTH, either, is_wide, lines, points, redrawn, styled
from attnlib.course.figures.style import COLOURS, ENDS, NOTHING, QUIET, closed
from attnlib.course.language import say

ZERO = 1e-17  # where exactly 0 is drawn
ROUNDING = 1e-12
TICKS = {ZERO: "0", 1e-15: "10⁻¹⁵", 1e-10: "10⁻¹⁰", 1e-5: "10⁻⁵", 0.1: "0.1", 1.0: "1"}


@redrawn
def plot_setting(
    matrices: Mapping[str, Tensor | None],
    difference: Tensor,
    distances: Mapping[str, float],
    edges: Sequence[int],
) -> Figure:
    """One setting of the dials: maps, the difference for each token, how far from both ends.

    Args:
        matrices: title -> (L, L) weights, or None for a map that is not there.
        difference: (L,) of each token from NesT's end.
        distances: name of an end -> distance from it.
        edges: tokens at which groups begin.
    """
    with styled():
        # For speed: fixed positions instead of a layout, and one axis for all maps.
        maps, scale, first, second, way = _places()
        image = _plot_maps(maps, matrices, edges)
        label = say("mean weight over heads")
        maps.figure.colorbar(image, cax=scale, label=label, ticks=MaxNLocator(3), orientation=way)
        _plot_difference(first, difference, edges)
        first.set_xticks(_ticks(edges))
        _plot_distances(second, distances)
    return closed(maps.figure)


def _places():
    """Axes for the maps, their scale, the difference and the distances; the way of the scale."""
    if is_wide():
        fig = plt.figure(figsize=(11.4, 6.4))
        maps = fig.add_axes((0.06, 0.47, 0.82, 0.5))
        scale = fig.add_axes((0.905, 0.5, 0.013, 0.42))
        grid = fig.add_gridspec(1, 2, left=0.06, right=0.98, bottom=0.1, top=0.34)
        return maps, scale, *grid.subplots(), "vertical"
    fig = plt.figure(figsize=(WIDTH, 6.4))
    maps, scale = fig.add_axes((0.11, 0.74, 0.87, 0.2)), fig.add_axes((0.11, 0.67, 0.87, 0.02))
    grid = fig.add_gridspec(2, 1, left=0.11, right=0.98, bottom=0.1, top=0.54, hspace=0.65)
    return maps, scale, *grid.subplots(), "horizontal"


def _ticks(edges):
    """Where groups begin; narrow: at most four."""
    ticks = (0, *edges)
    return ticks[:: either(1, -(-len(ticks) // 4))]


def _plot_maps(axis, matrices, edges):
    """Maps side by side, with the lines of their groups; exactly 0 is grey, no map white."""
    length = next(len(matrix) for matrix in matrices.values() if matrix is not None)
    step = length + length // 6
    cells = np.full((length, step * len(matrices) - length // 6), np.nan)
    for number, (title, matrix) in enumerate(matrices.items()):
        start = number * step
        middle = start + length / 2
        above = -1 - length / 50
        axis.text(middle, above, lines(title, 12), ha="center", va="bottom", fontsize=points(13))
        if matrix is None:
            axis.text(middle, length / 2, say("none"), ha="center", va="center", color=QUIET)
            continue
        cells[:, start : start + length] = matrix.numpy(force=True)
        bounds = np.array(edges) - 0.5
        axis.hlines(bounds, start - 0.5, start + length - 0.5, color="white", linewidth=1)
        axis.vlines(start + bounds, -0.5, length - 0.5, color="white", linewidth=1)
    axis.set_frame_on(False)
    axis.set_xticks(_ticks(edges))
    axis.set_yticks(_ticks(edges))
    axis.set_xlabel(say("key"), loc="left")
    axis.set_ylabel(say("query"))
    image = axis.imshow(cells, COLOURS, vmin=0)
    axis.imshow(np.where(cells == 0, 0.0, np.nan), ListedColormap([NOTHING]))
    return image


def _plot_difference(axis, difference, edges):
    cells = np.arange(len(difference) + 1) - 0.5
    axis.stairs(difference.numpy(force=True), cells, fill=True, color=ENDS[0])
    for edge in edges:
        axis.axvline(edge - 0.5, color=NOTHING, linewidth=1.5)
    axis.set_xlim(-0.5, len(difference) - 0.5)
    axis.set_ylim(0, max(2.0, 1.1 * difference.max().item()))
    axis.set_yticks((0, 1, 2))
    axis.set_title(say("difference from NesT's end, token by token"))
    axis.set_xlabel(say("token"))


def _plot_distances(axis, distances):
    """Distances on a logarithmic axis. Logarithms are plotted: matplotlib's log axis is slower."""
    axis.axvspan(log10(ZERO) - 0.5, log10(ROUNDING), color=NOTHING, alpha=0.5)
    axis.text(log10(ZERO), len(distances) - 0.45, say("rounding"), va="center", color=QUIET)
    for row, ((name, value), colour) in enumerate(zip(distances.items(), ENDS, strict=True)):
        place = log10(max(value, ZERO))
        axis.plot(place, row, "o", color=colour, ms=13)
        right = place < -8
        text = f"   {name}" if right else f"{say('{name}: {value:.2g}', name=name, value=value)}   "
        axis.text(place, row, text, ha="left" if right else "right", va="center")
    axis.set_xlim(log10(ZERO) - 0.5, 0.7)
    axis.set_ylim(-0.6, len(distances) - 0.1)
    axis.set_yticks([])
    axis.set_xticks([log10(tick) for tick in TICKS], TICKS.values())
    axis.set_title(say("distance of the whole output"))
    axis.set_xlabel(lines(say("relative difference, logarithmic (1.4: unrelated)"), 40))
