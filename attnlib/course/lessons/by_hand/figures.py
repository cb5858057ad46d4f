"""Attention as a lookup; and where a weight comes from: vectors in the plane, and their bars."""

from collections.abc import Sequence

import matplotlib.pyplot as plt
import numpy as np
from matplotlib.collections import LineCollection
from matplotlib.figure import Figure
from torch import Tensor

from attnlib.course.figures.narrow import WIDTH, either, is_wide, panels, points, redrawn, styled
from attnlib.course.figures.style import ENDS, MARK, NOTHING, QUIET, closed
from attnlib.course.language import paragraph, say

REACH = 2.5  # the plane is drawn this far to each side


@redrawn
def plot_scores(
    query: Tensor, keys: Tensor, titles: Sequence[str], bars: Sequence[Tensor], head_dim: int
) -> Figure:
    """A query and keys as arrows, and beside them bars: a panel a step, a bar a key.

    Args:
        query, keys: (2,) and (M, 2): the first two of D coordinates. Key 0, the one that is moved,
            has a colour of its own.
        titles, bars: of each panel, bars (M,). The last are the weights; those before share one
            scale.
        head_dim: D. If it is 2, every key drops its perpendicular on the line of the query: the
            dot product is the length of that shadow times the query's.
    """
    query, keys = query.numpy(), keys.numpy()
    largest = max(1.0, *(values.abs().max().item() for values in bars[:-1]))
    ends = [(-largest, largest)] * (len(bars) - 1) + [(0, 1)]
    with styled():
        fig, axes = (_side_by_side if is_wide() else _below_each_other)(len(bars))
        _plot_arrows(axes[0], query, keys, shadows=head_dim == 2)
        axes[0].set_title(
            say("q and keys")
            if head_dim == 2
            else say("q and keys, 2 of D = {head_dim}", head_dim=head_dim)
        )
        for axis, title, values, limits in zip(axes[1:], titles, bars, ends, strict=True):
            _plot_bars(axis, values.numpy(), limits)
            axis.set_title(title)
        for key, colour in enumerate(_colours(len(keys))):
            style = {"color": colour, "weight": "bold", "ha": "right", "va": "center"}
            axes[1].text(axes[1].get_xlim()[0], key, say("key {key}", key=key), **style)
    return closed(fig)


def _side_by_side(bars):
    """The axes of the arrows, and of so many bars."""
    ratios = (1.5, *[1] * bars)
    fig, axes = plt.subplots(1, 1 + bars, figsize=(10.6, 3.7), width_ratios=ratios)
    fig.subplots_adjust(left=0.01, right=0.99, bottom=0.04, top=0.9, wspace=0.32)
    return fig, axes


def _below_each_other(bars):
    """The same, narrow: the bars stand in a row below the arrows."""
    fig = plt.figure(figsize=(WIDTH, 5.4))
    above = fig.add_axes((0.1, 0.38, 0.8, 0.58))
    below = fig.add_gridspec(1, bars, left=0.15, right=0.99, bottom=0.02, top=0.31, wspace=0.1)
    return fig, [above, *below.subplots(squeeze=False).flat]


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
    axis.set_xlim(ends[0] - either(9, 15) * room, ends[1] + room)
    axis.set_ylim(len(values) - 0.4, -0.6)  # key 0 on top
    axis.set_xticks([])
    axis.set_yticks([])
    axis.spines[:].set_visible(False)


def _colours(keys):
    return [ENDS[1], *[ENDS[0]] * (keys - 1)]


INK = "gray_r"  # 0 is paper, 1 is ink
SHOWN = 8  # keys, in two rows


@redrawn
def plot_lookup(
    query: Tensor, keys: Tensor, labels: Tensor, weights: Tensor, vote: Tensor
) -> Figure:
    """The query, the eight keys with the largest weights, and the vote: a bar a class.

    Args:
        query, keys: (height, width) and (M, height, width) in [0, 1], 1 is ink; at least 8 keys.
        labels: (M,) the class of each key.
        weights: (M,) what the query gives to each key.
        vote: (classes,) the output: the sum of the weights of each class.
    """
    _check_lookup(keys, labels, weights)
    with styled():
        fig = plt.figure(figsize=either((10.4, 3.5), (WIDTH, 7.2)), layout="constrained")
        wide = {"nrows": 1, "ncols": 3, "width_ratios": (1.1, 2.7, 2.6)}
        narrow = {"nrows": 3, "ncols": 1, "height_ratios": (1.7, 2.7, 2.6)}
        left, middle, right = fig.subfigures(**either(wide, narrow))
        left.suptitle(say("the query"))
        _plot_ink(left.subplots(), query)
        middle.suptitle(say("the keys with the largest weights"))
        for axis, key in zip(
            middle.subplots(2, SHOWN // 2).flat, _largest(weights, SHOWN), strict=True
        ):
            _plot_ink(axis, keys[key])
            axis.set_title(_name_key(labels[key], weights[key]), fontsize=points(11), pad=3)
        right.suptitle(say("the output: a vote"))
        _plot_vote(right.subplots(), vote.numpy(force=True))
    return closed(fig)


def read_lookup(labels: Tensor, weights: Tensor, vote: Tensor) -> str:
    """A sentence: the largest weight against the mean one, and the first two of the vote."""
    key, winner = weights.argmax().item(), vote.argmax().item()
    second = _largest(vote, 2)[1].item()
    times = weights[key] * len(weights)
    largest = _read_largest(labels[key], weights[key], key, times)
    voted = say(
        "The vote is for {winner}, with {share:.3f}; next is {second} with {next:.3f}.",
        winner=winner,
        share=vote[winner],
        second=second,
        next=vote[second],
    )
    return paragraph(largest, voted)


def _read_largest(label, weight, key, times):
    told = {"label": label, "weight": weight, "key": key, "times": times}
    if label == 8:
        return say(
            "The largest weight is {weight:.4f}, {times:.1f} times the mean; "
            "it goes to key {key}, an {label}.",
            **told,
        )
    return say(
        "The largest weight is {weight:.4f}, {times:.1f} times the mean; "
        "it goes to key {key}, a {label}.",
        **told,
    )


@redrawn
def plot_row(pictures: Sequence[Tensor], titles: Sequence[str]) -> Figure:
    """Small pictures of ink side by side, a title above each.

    Args:
        pictures: each (height, width) in [0, 1], 1 is ink.
        titles: as many; they may have two lines.
    """
    if len(pictures) != len(titles) or not titles:
        raise ValueError(
            f"titles must be one for each picture, got {len(titles)} for {len(pictures)}"
        )
    with styled():
        fig, axes = panels(len(titles), (2.5 * len(titles), 2.4), 2.2, across=2)
        for axis, picture, title in zip(axes, pictures, titles, strict=True):
            _plot_ink(axis, picture)
            axis.set_title(title, fontsize=points(12))
    return closed(fig)


def _plot_ink(axis, picture):
    axis.imshow(picture.numpy(force=True), INK, vmin=0, vmax=1)
    axis.set_xticks([])
    axis.set_yticks([])
    axis.spines[:].set_color(QUIET)


def _plot_vote(axis, vote):
    colours = np.where(vote == vote.max(), ENDS[1], ENDS[0])
    axis.bar(range(len(vote)), vote, color=colours)
    axis.axhline(1 / len(vote), color=QUIET, linestyle="--", linewidth=1)
    axis.set_xticks(range(len(vote)))
    axis.set_xlabel(say("class (dashed line: equal shares)"))
    axis.set_ylabel(say("sum of weights"))
    axis.spines[["top", "right"]].set_visible(False)


def _largest(values, count):
    """Their places; a stable order, so that ties give the same picture everywhere."""
    return values.sort(descending=True, stable=True).indices[:count]


def _name_key(label, weight):
    """A key's class, with its article, and its weight."""
    told = {"label": label, "weight": weight}
    return (
        say("an {label}: {weight:.4f}", **told)
        if label == 8
        else say("a {label}: {weight:.4f}", **told)
    )


def _check_lookup(keys, labels, weights):
    if not len(keys) == len(labels) == len(weights):
        raise ValueError(
            f"keys, labels and weights must be as many, got {len(keys)}, {len(labels)} and "
            f"{len(weights)}"
        )
    if len(keys) < SHOWN:
        raise ValueError(f"keys must be at least {SHOWN}, got {len(keys)}")
