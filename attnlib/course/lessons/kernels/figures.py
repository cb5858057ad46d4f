"""What maps cost, a map read tile by tile, and rows of a map whose keys are pixels."""

from collections.abc import Sequence

import matplotlib.pyplot as plt
import numpy as np
from matplotlib.colors import Normalize, to_rgba
from matplotlib.figure import Figure
from matplotlib.ticker import NullLocator
from torch import Tensor

from attnlib.course.figures.narrow import WIDTH, bar, either, lines, panels, points, redrawn, styled
from attnlib.course.figures.style import COLOURS, ENDS, MARK, QUIET, closed, draw_weights
from attnlib.course.language import N_, say
from attnlib.course.lessons.kernels.costs import TOO_LARGE
from attnlib.course.lessons.kernels.tiles import Tile
from attnlib.course.wide import rjust

LINES = {  # what was measured -> its name, and how it is drawn
    "out": (N_("out"), {"color": "black", "marker": "o"}),
    "out + map": (N_("out + map"), {"color": ENDS[0], "marker": "s"}),
    "out + weights": (N_("out + weights"), {"color": MARK, "marker": "^"}),
}


@redrawn
def plot_costs(costs: Sequence, machine: str) -> Figure:
    """Seconds and bytes over tokens, both axes logarithmic; what was not run has no point.

    Args:
        costs: `attnlib.course.lessons.kernels.costs.Cost`, of one number of heads.
        machine: where they were measured; it stands above.
    """
    if not costs:
        raise ValueError("costs must hold at least one measurement, got none")
    lengths = sorted({cost.length for cost in costs})
    with styled():
        fig, axes = panels(2, (10.6, 4.3), 2.9)
        for axis, name, unit in zip(axes, ("seconds", "bytes"), (1, 2**20), strict=True):
            for what, (title, style) in LINES.items():
                dots = [
                    (cost.length, getattr(cost, name) / unit)
                    for cost in costs
                    if cost.what == what and cost.not_run is None
                ]
                axis.loglog(*zip(*dots, strict=True), label=say(title), **style, linewidth=2)
            axis.set_xticks(lengths, [f"{length:,}".replace(",", " ") for length in lengths])
            axis.xaxis.set_minor_locator(NullLocator())
            axis.set_xlabel(say("tokens"))
            axis.grid(alpha=0.3)
        axes[0].set_title(say("seconds"))
        axes[1].set_title(say("peak of memory, MiB above what was there"))
        axes[0].legend()
        measured = say("measured on: {machine}", machine=machine)
        fig.suptitle(lines(measured), fontsize=points(12))
    return closed(fig)


def read_costs(costs: Sequence) -> str:
    """A table: a line for each number of tokens, with seconds and memory to two digits.

    Memory below a megabyte is shown as "< 1": it is mostly the allocator's own pages.
    """
    cells = {(cost.length, cost.what): _cell(cost) for cost in costs}
    rows = [(rjust(say("tokens"), 6), *(say(title) for title, _ in LINES.values()))]
    for length in sorted({length for length, _ in cells}):
        rows.append((f"{length:6}", *(cells.get((length, what), "") for what in LINES)))
    return "\n".join(first + "".join(rjust(cell, 19) for cell in rest) for first, *rest in rows)


def _cell(cost):
    if cost.not_run:
        why = say(TOO_LARGE) if cost.not_run == TOO_LARGE else cost.not_run
        return f"  {say('not run: {why}', why=why)}"
    return f"{_time(cost.seconds)}, {_memory(cost.bytes)}"


def _time(seconds):
    if seconds < 1:
        return say("{number} ms", number=_two_digits(seconds * 1000))
    return say("{number} s", number=_two_digits(seconds))


def _memory(size):
    if size < 2**20:
        return say("< 1 MiB")
    return say("{number} MiB", number=_two_digits(size / 2**20))


def _two_digits(number):
    return f"{float(f'{number:.2g}'):g}"


FORGOTTEN = "#c6dbef"
# Where the map and its scale are, and the three axes of steps: beside it, or narrow: below it.
PLACES = (0.045, 0.1, 0.4, 0.8), (0.455, 0.1, 0.013, 0.7)
STEPS = {"left": 0.58, "right": 0.985, "bottom": 0.1, "top": 0.92}
NARROW = (0.07, 0.51, 0.75, 0.43), (0.87, 0.51, 0.03, 0.36)
BELOW = {"left": 0.11, "right": 0.96, "bottom": 0.065, "top": 0.45}
STRIP = 1.2  # cells between the map and the far side of the tokens beside it


@redrawn
def plot_tiles(colours: Tensor, tiles: Sequence[Tile], bounds: tuple[float, float]) -> Figure:
    """The map with the tile that is read; beside it what is known of that tile's first query.

    Args:
        colours: (L, 3) in [0, 1], tokens that are queries, keys and values alike.
        tiles: the steps so far, at least one; the last is the one that is read.
        bounds: the smallest and the largest of all scores, ends of the colours.
    """
    colours, now = colours.numpy(), tiles[-1]
    row = [tile for tile in tiles if tile.rows == now.rows]  # all that its queries have seen
    with styled():
        fig = plt.figure(figsize=either((10.6, 4.9), (WIDTH, 7.0)))
        whole, colour = (fig.add_axes(place) for place in either(PLACES, NARROW))
        scale = plt.cm.ScalarMappable(Normalize(*bounds), COLOURS)
        _plot_map(whole, colours, tiles, scale)
        fig.colorbar(scale, cax=colour).ax.set_title(say("score"), fontsize=points(12))
        steps = fig.add_gridspec(3, 1, height_ratios=(2.2, 1.6, 0.6), **either(STEPS, BELOW))
        steps.update(hspace=0.5)
        axes = steps.subplots(sharex=True)
        _plot_scores(axes[0], row, scale, bounds)
        _plot_totals(axes[1], row)
        _plot_means(axes[2], row)
        axes[2].set_xlim(0, len(colours))
        axes[2].set_xticks(sorted({0, len(colours), *(tile.keys.stop for tile in row)}))
        axes[2].set_xlabel(say("keys read"), labelpad=1)
    return closed(fig)


def _plot_map(axis, colours, tiles, scale):
    length, now = len(colours), tiles[-1]
    cells = np.ones((length, length, 4))  # white: not formed yet
    for tile in tiles[:-1]:
        cells[tile.rows, tile.keys] = to_rgba(FORGOTTEN)
    cells[now.rows, now.keys] = scale.to_rgba(now.scores.numpy())
    axis.imshow(cells, extent=(0, length, length, 0))
    lines = {"colors": "#dddddd", "linewidth": 0.5}
    axis.hlines(range(length + 1), 0, length, **lines)
    axis.vlines(range(length + 1), 0, length, **lines)
    axis.imshow(colours[None], extent=(0, length, -0.2, -STRIP))
    axis.imshow(colours[:, None], extent=(-STRIP, -0.2, length, 0))
    corner, size = (now.keys.start, now.rows.start), (_size(now.keys), _size(now.rows))
    axis.add_patch(plt.Rectangle(corner, *size, fill=False, edgecolor="black", linewidth=2))
    first = (-STRIP, now.rows.start)
    frame = plt.Rectangle(first, length + STRIP, 1, fill=False, edgecolor=MARK, linewidth=2)
    axis.add_patch(frame).set_clip_on(False)
    axis.set_xlim(-STRIP, length)
    axis.set_ylim(length, -STRIP)
    axis.set_title(say("keys (blue: forgotten, white: not formed yet)"), fontsize=points(12))
    axis.set_ylabel(say("queries"))
    axis.set_xticks([])
    axis.set_yticks([])
    axis.spines[:].set_visible(False)


def _plot_scores(axis, row, scale, bounds):
    """Dots: the red query's scores, filled in the tile that is read; a line: the largest so far."""
    for tile in row:
        keys = np.arange(tile.keys.start, tile.keys.stop) + 0.5
        scores = tile.scores[0].numpy()
        fill = scale.to_rgba(scores) if tile is row[-1] else "white"
        axis.scatter(keys, scores, s=45, c=fill, edgecolors=QUIET, zorder=2)
    edges = [0, *(tile.keys.stop for tile in row)]
    axis.stairs(
        [tile.most[0].item() for tile in row], edges, baseline=None, color=MARK, linewidth=2.5
    )
    room = 0.1 * (bounds[1] - bounds[0])
    axis.set_ylim(bounds[0] - room, bounds[1] + room)
    axis.set_title(say("its scores (dots), most: the largest so far (line)"), fontsize=points(12))


def _plot_totals(axis, row):
    totals = [tile.total[0].item() for tile in row]
    starts, sizes = [tile.keys.start for tile in row], [_size(tile.keys) for tile in row]
    axis.bar(starts, totals, sizes, align="edge", color=ENDS[0], edgecolor="white", linewidth=2)
    for start, size, total in zip(starts, sizes, totals, strict=True):
        place = (start + size / 2, total)
        axis.annotate(f"{total:.2f}", place, (0, 2), textcoords="offset points", ha="center")
    axis.set_ylim(0, 1.35 * max(totals))
    axis.set_title(say("total: the sum of exp(score − most) so far"), fontsize=points(12))


def _plot_means(axis, row):
    """out / total after each tile, as the colour that it is."""
    for tile in row:
        colour = (tile.out[0] / tile.total[0]).clamp(0, 1).tolist()
        axis.axvspan(tile.keys.start, tile.keys.stop, color=colour, linewidth=0)
        axis.axvline(tile.keys.stop, color="white", linewidth=2)
    axis.set_title(say("out / total: the mean colour so far"), fontsize=points(12))
    axis.set_yticks([])


def _size(part):
    return part.stop - part.start


@redrawn
def plot_pixel_rows(picture: Tensor, places: Sequence[tuple[int, int]], rows: Tensor) -> Figure:
    """The picture with some of its pixels marked, and for each the weights that it gives.

    Weights that are exactly zero are grey.

    Args:
        picture: (height, width, 3) in [0, 1].
        places: row and column of each marked pixel, the queries.
        rows: (len(places), height, width) their weights, on one colour scale.
    """
    if rows.shape != (len(places), *picture.shape[:2]):
        wanted = (len(places), *picture.shape[:2])
        raise ValueError(f"rows must be {wanted} to fit the picture, got {tuple(rows.shape)}")
    with styled():
        count = 1 + len(places)
        fig, axes = panels(count, (2.65 * count + 0.9, 3.1), 2.3, across=2)
        axes[0].imshow(picture.numpy(force=True))
        axes[0].set_title(say("the queries"))
        for number, (axis, place, row) in enumerate(
            zip(axes[1:], places, rows.numpy(force=True), strict=True)
        ):
            image = draw_weights(axis, row, vmin=0, vmax=rows.max().item())
            axis.set_title(say("weights of query {number}", number=number))
            for where in (axes[0], axis):
                _mark(where, place, number)
        for axis in axes:
            axis.set_axis_off()
        fig.colorbar(image, ax=axes, label=say("weight"), **bar(shrink=0.8))
    return closed(fig)


def _mark(axis, place, number):
    row, column = place
    axis.plot(column, row, "o", markersize=9, markerfacecolor="none", color=MARK, markeredgewidth=2)
    axis.annotate(
        number, (column, row), (7, 5), textcoords="offset points", color="white", weight="bold",
        bbox={"facecolor": MARK, "edgecolor": "none", "pad": 1.5},
    )  # fmt: skip
