"""Maps of a scorer, a film with the importance of every frame, and results of several seeds."""

from collections.abc import Mapping, Sequence
from itertools import pairwise
from typing import NamedTuple

import matplotlib.pyplot as plt
import numpy as np
import torch
from matplotlib.colors import PowerNorm
from matplotlib.figure import Figure
from torch import Tensor

from attnlib.course.figures.narrow import (
    WIDTH,
    bar,
    beside,
    either,
    lines,
    panels,
    points,
    redrawn,
    styled,
)
from attnlib.course.figures.style import COLOURS, ENDS, MARK, NOTHING, QUIET, closed, label
from attnlib.course.language import N_, say
from attnlib.segments import GlobalLocalMap

TITLES = {"global": N_("global branch"), "local": N_("local branch")}
SHARES = {
    "global": N_(
        "The global branch gives {share:.0%} of its weight to the frame's own shot; equal "
        "weights would give {equal:.0%}."
    ),
    "local": N_(
        "The local branch gives {share:.0%} of its weight to the frame's own shot; equal "
        "weights would give {equal:.0%}."
    ),
}


@redrawn
def plot_branches(maps: GlobalLocalMap, cuts: Sequence[int] = ()) -> Figure:
    """Global map, and beside it those of the segments, grey where nothing is looked at.

    Heads are averaged. Colours go with the root of the weight, so that small ones are seen. White
    lines at the cuts.
    """
    found = _branches(maps)
    most = max(np.nanmax(weights) for weights in found.values())
    with styled():
        size = (4.3 * len(found) + 0.8, 4.4)
        fig, axes = panels(len(found), size, 3.6)
        colours = plt.get_cmap(COLOURS).with_extremes(bad=NOTHING)
        for axis, (name, weights) in zip(axes, found.items(), strict=True):
            image = axis.imshow(weights, colours, norm=PowerNorm(0.5, 0, most))
            label(axis, say(TITLES[name]), cuts)
        fig.colorbar(image, ax=axes, label=say("weight, heads averaged"), **bar(shrink=0.8))
    return closed(fig)


def read_branches(maps: GlobalLocalMap, cuts: Sequence[int]) -> str:
    """A sentence a branch: the share of its weight that a frame gives to its own shot.

    Beside it what equal weights would give.
    """
    length = maps.whole.shape[-1]
    shot = torch.tensor([sum(cut <= frame for cut in cuts) for frame in range(length)])
    same_shot = (shot[:, None] == shot).numpy()
    sentences = []
    for name, weights in _branches(maps).items():
        seen = ~np.isnan(weights)
        share = np.nansum(weights * same_shot, 1).mean()
        equal = ((same_shot & seen).sum(1) / seen.sum(1)).mean()
        sentences.append(say(SHARES[name], share=share, equal=equal))
    return "\n".join(sentences)


def _branches(maps) -> dict[str, np.ndarray]:
    """Name -> (L, L), NaN where a branch does not look."""
    found = {"global": _mean(maps.whole)}
    if maps.segments:
        local = np.full_like(found["global"], np.nan)
        start = 0
        for segment in maps.segments:
            stop = start + segment.shape[-1]
            if stop > start:
                local[start:stop, start:stop] = _mean(segment)
            start = stop
        found["local"] = local
    return found


def _mean(map) -> np.ndarray:
    weights: Tensor = map.weights()
    return weights.float().mean(-3).numpy(force=True)


WIDE, LARGEST = 9.4, 1.9  # inches: the figure, and the widest thumbnail
MOST = 8  # thumbnails; of more key frames the first ones are shown


@redrawn
def plot_summary(
    frames: Tensor,
    importance: Tensor,
    cuts: Sequence[int],
    keys: Sequence[int],
    every: int = 1,
    published: Sequence[float] = (),
) -> Figure:
    """A strip of key frames as thumbnails; importance, cuts (black) and key frames (red).

    Args:
        frames: (K, height, width, 3) in [0, 1]; importance: (K,) in [0, 1].
        cuts, keys: counted in these frames, and so are published cuts, drawn as blue triangles.
        every: frame k is labelled k · every.
    """
    with styled():
        shown = keys[:MOST]
        columns = either(max(len(shown), round(WIDE / LARGEST)), 4)
        rows = max(1, -(-len(shown) // columns))
        size, ratio = either(((WIDE, 4.0), 2), ((WIDTH, 2.4 + 0.8 * rows), 3 / rows))
        fig = plt.figure(figsize=size, layout="constrained")
        above, below = fig.subfigures(2, 1, height_ratios=(1, ratio))
        thumbnails = above.subplots(rows, columns, squeeze=False).flat
        for axis, key in zip(thumbnails, shown, strict=False):
            axis.imshow(frames[key].numpy(force=True))
            axis.set_title(say("frame {number}", number=key * every), color=MARK, pad=3)
        for axis in above.axes:
            axis.set_axis_off()
        _plot_curve(below.subplots(), importance, cuts, keys, every, published)
    return closed(fig)


def _plot_curve(axis, importance, cuts, keys, every, published):
    place = [every * k for k in range(len(importance))]
    axis.vlines([every * cut for cut in cuts], 0, 1, "black", linewidth=1.5, label=say("cut found"))
    if published:
        where = [every * cut for cut in published]
        named = {"color": ENDS[0], "clip_on": False, "label": say("cut published")}
        axis.plot(where, [1.06] * len(where), "v", markersize=9, **named)
    one = "o" if len(place) == 1 else ""
    axis.plot(place, importance.numpy(force=True), one + "-", color=QUIET, linewidth=2)
    heights = [importance[key].item() for key in keys]
    axis.plot([every * key for key in keys], heights, "o", color=MARK, label=say("key frame"))
    axis.set(xlabel=say("frame"), ylabel=say("importance"), ylim=(0, 1.02))
    axis.margins(x=0.01)
    above = either({}, {"bbox_to_anchor": (0, 1.06)})  # the triangles
    axis.legend(frameon=False, **beside(2) | above)


@redrawn
def plot_seeds(
    found: Mapping[str, Sequence[tuple[float, float]]], kinds: tuple[str, str], chance: float
) -> Figure:
    """A row a setting; above in orange the first kind, below in blue the second, a bar the mean.

    Args:
        found: setting -> pairs of shares in [0, 1], one a seed.
        kinds: what the two of a pair are.
        chance: the share of guessing, a dashed line.
    """
    with styled():
        size = (8.4, 0.62 * len(found) + 1.3)
        fig, (axis,) = panels(1, size, 0.5 * len(found) + 1.2)
        for row, pairs in enumerate(found.values()):
            shares = 100 * np.array(pairs)  # (seeds, 2)
            for column, shift, colour in ((0, -0.16, ENDS[1]), (1, 0.16, ENDS[0])):
                there = np.full(len(shares), row + shift)
                name = kinds[column] if row == 0 else None
                axis.plot(shares[:, column], there, "o", color=colour, alpha=0.6, label=name)
                mean = {"markersize": 15, "markeredgewidth": 3}
                axis.plot(shares[:, column].mean(), row + shift, "|", color=colour, **mean)
        axis.axvline(100 * chance, color=QUIET, linestyle="--", label=say("guessing"))
        axis.set_yticks(range(len(found)), [lines(name, 14) for name in found])
        axis.invert_yaxis()
        axis.set_xlabel(say("frames right, in percent"))
        axis.set_xlim(40, 101)
        axis.legend(frameon=False, **beside(2))
    return closed(fig)


class Shown(NamedTuple):
    """A film of L frames to look at, and what a scorer makes of it.

    frames: (L, height, width, 3) in [0, 1].
    cuts: the first frames of all its places but the first; names: one for each place.
    importance: (L,) in [0, 1]; once: (L,) bool, whether it should be 1.
    row: (L,) the weights that one frame gives.
    """

    frames: Tensor
    cuts: Sequence[int]
    names: Sequence[str]
    importance: Tensor
    once: Tensor
    row: Tensor


@redrawn
def plot_look(shown: Shown, query: int) -> Figure:
    """Three strips over one axis of frames: a picture a place, importance, and the query's row.

    Orange lines say what the importance should be. The query is red, in every strip. Places whose
    shot occurs twice stand on orange ground.
    """
    places = list(pairwise((0, *shown.cuts, len(shown.importance))))
    with styled():
        size, ratios = (10.2, 5.0), (1, 1.7, 1.5)
        fig, axes = panels(3, size, 1.4, columns=1, height_ratios=ratios, sharex=True)
        film, above, below = axes
        for (start, stop), name in zip(places, shown.names, strict=True):
            edges = (start - 0.5, stop - 0.5)
            film.imshow(shown.frames[start].numpy(force=True), extent=(*edges, 0, 1), aspect="auto")
            film.text((start + stop - 1) / 2, 1.08, name, ha="center", fontsize=points(14))
            wanted = shown.once[start].item()
            named = {} if start else {"label": say("should be")}
            above.hlines(wanted, *edges, ENDS[1], linewidth=4, **named)
            for axis in (above, below) if not wanted else ():
                axis.axvspan(*edges, color=ENDS[1], alpha=0.18, linewidth=0)
        for cut in shown.cuts:
            for axis in axes:
                axis.axvline(cut - 0.5, color="white" if axis is film else QUIET, linewidth=1)
        _plot_bars(above, shown.importance, query, say("importance"))
        above.set_ylim(-0.05, 1.08)
        above.legend(frameon=False, **beside(1))
        _plot_bars(below, shown.row, query, say("weight given\nby frame {frame}", frame=query))
        below.plot(query, 0, "^", color=MARK, markersize=11, clip_on=False, zorder=4)
        below.set(xlabel=say("frame"), ylim=(0, 1.08))
        film.plot(query, -0.1, "v", color=MARK, markersize=11, clip_on=False)
        film.set(xlim=(-0.5, len(shown.importance) - 0.5), ylim=(0, 1))
        film.set_axis_off()
        film.add_patch(_frame(places, query))
    return closed(fig)


def _frame(places, query):
    """Red, round the picture of the query's place."""
    (edges,) = [each for each in places if each[0] <= query < each[1]]
    corner, width = (edges[0] - 0.5, 0), edges[1] - edges[0]
    box = plt.Rectangle(corner, width, 1, fill=False, edgecolor=MARK, linewidth=3, zorder=3)
    box.set_clip_on(False)
    return box


def _plot_bars(axis, values, query, name):
    colours = [ENDS[0]] * len(values)
    colours[query] = MARK
    axis.bar(range(len(values)), values.numpy(force=True), 0.8, color=colours)
    axis.set_ylabel(name)
    axis.spines[["top", "right"]].set_visible(False)
