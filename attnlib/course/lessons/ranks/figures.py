"""A sequence cut over ranks: who holds whose tile of the map, and one step of a ring."""

from collections.abc import Sequence

import matplotlib.pyplot as plt
import numpy as np
from matplotlib.colors import to_rgb
from matplotlib.figure import Figure
from torch import Tensor

from attnlib.course.figures.narrow import panels, points, redrawn, styled
from attnlib.course.figures.style import NOTHING, closed
from attnlib.course.language import say
from attnlib.course.lessons.ranks.ring import pairs, sees, source

HUES = ("#0072b2", "#e69f00", "#009e73", "#cc79a7")  # told apart by colour-blind eyes
PALE = 0.25  # how much colour is left of what is done
STRIP = 1.4  # cells between the map and the far side of the strips beside it


@redrawn
def plot_cut(picture: Tensor, ranks: int) -> Figure:
    """The picture in `ranks` strips, and whose queries meet whose keys: a tile for each two ranks.

    Args:
        picture: (height, width, 3) in [0, 1], its pixels are the tokens, row by row.
        ranks: 2 to 4.
    """
    with styled():
        fig, (left, right) = panels(2, (9.2, 4.3), 3.7)
        height, width = picture.shape[:2]
        left.imshow(picture.numpy(force=True))
        left.set_title(say("the tokens, in {ranks} parts", ranks=ranks))
        for rank in range(ranks):
            _frame(left, -0.5, rank * height / ranks - 0.5, width, height / ranks, HUES[rank])
            middle = (width / 2, (rank + 0.5) * height / ranks)
            left.annotate(say("rank {rank}", rank=rank), middle, **_label(HUES[rank]))
        left.set_axis_off()
        right.imshow([[_pale(rank) for _ in range(ranks)] for rank in range(ranks)])
        for rank in range(ranks):
            _frame(right, rank - 0.5, rank - 0.5, 1, 1, HUES[rank])
            right.annotate(say("has all"), (rank, rank), ha="center", va="center")
            for other in range(ranks):
                if other != rank:
                    needs = say("needs\nk, v of {other}", other=other)
                    right.annotate(needs, (other, rank), ha="center", va="center")
        right.set_title(say("the map: who computes which tile"))
        right.set_xlabel(say("keys of rank"))
        right.set_ylabel(say("queries of rank"))
        right.set_xticks(range(ranks))
        right.set_yticks(range(ranks))
    return closed(fig)


def _frame(axis, x, y, width, height, colour):
    rectangle = plt.Rectangle((x, y), width, height, fill=False, edgecolor=colour, linewidth=4)
    axis.add_patch(rectangle).set_clip_on(False)


def _label(colour):
    box = {"facecolor": "white", "edgecolor": colour, "pad": 2}
    return {"ha": "center", "va": "center", "bbox": box}


def _pale(rank):
    return 1 - PALE * (1 - np.array(to_rgb(HUES[rank])))


@redrawn
def plot_ring(tokens: Sequence[Tensor], causal: bool, step: int) -> Figure:
    """The map at one step of a ring; beside it how many pairs each rank computes in that step.

    Args:
        tokens: of each rank, 2 to 4 of them; together 0 … L − 1.
        causal: whether a query sees only keys that do not come after it.
        step: from 0 on.
    """
    with styled():
        fig, (whole, work) = panels(2, (10.2, 4.9), 3.8)
        _plot_map(whole, tokens, causal, step)
        _plot_work(work, pairs(tokens, causal)[step].tolist(), step, len(tokens[0]) ** 2)
    return closed(fig)


def _plot_map(axis, tokens, causal, step):
    length, ranks = sum(map(len, tokens)), len(tokens)
    cells, owner = np.ones((length, length, 3)), np.empty((length, 3))
    for rank, queries in enumerate(tokens):
        owner[queries] = to_rgb(HUES[rank])
        for back in range(ranks):
            keys = tokens[source(rank, back, ranks)]
            seen = sees(queries, keys, causal).numpy()[..., None]
            colour = to_rgb(HUES[rank]) if back == step else _pale(rank) if back < step else 1
            cells[np.ix_(queries, keys)] = np.where(seen, colour, to_rgb(NOTHING))
    axis.imshow(cells, extent=(0, length, length, 0))
    axis.imshow(owner[None], extent=(0, length, -0.2, -STRIP))
    axis.imshow(owner[:, None], extent=(-STRIP, -0.2, length, 0))
    axis.set_xlim(-STRIP, length)
    axis.set_ylim(length, -STRIP)
    axis.set_title(say("keys (full: now, pale: done, white: to come)"), fontsize=points(12))
    axis.set_ylabel(say("queries"))
    axis.set_xticks([])
    axis.set_yticks([])
    axis.spines[:].set_visible(False)


def _plot_work(axis, counts, step, every):
    """Bars; `every` pairs of a tile are the full width, so that steps can be compared."""
    ranks, most = len(counts), max(counts)
    names = [
        say("rank {rank}, keys of {source}", rank=rank, source=source(rank, step, ranks))
        for rank in range(ranks)
    ]
    axis.barh(range(ranks), counts, color=HUES[:ranks])
    idle = [most - count for count in counts]
    axis.barh(range(ranks), idle, left=counts, color="white", edgecolor=NOTHING, hatch="//")
    for rank, count in enumerate(counts):
        axis.annotate(count, (count, rank), (4, 0), textcoords="offset points", va="center")
    axis.set_xlim(0, 1.18 * every)
    axis.set_xticks([])
    axis.set_yticks(range(ranks), names)
    axis.invert_yaxis()
    title = say("pairs in step {step} (hatched: waiting)", step=step + 1)
    axis.set_title(title, fontsize=points(12))
    axis.spines[["top", "right", "bottom"]].set_visible(False)
