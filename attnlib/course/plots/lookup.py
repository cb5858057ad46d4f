"""Attention as a lookup: a query among keys that one can look at, and the vote that comes out."""

from collections.abc import Sequence

import matplotlib.pyplot as plt
import numpy as np
from matplotlib.figure import Figure
from torch import Tensor

from attnlib.course.plots.style import ENDS, QUIET, STYLE, closed

INK = "gray_r"  # 0 is paper, 1 is ink
SHOWN = 8  # keys, in two rows


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
    with plt.rc_context(STYLE):
        fig = plt.figure(figsize=(10.4, 3.5), layout="constrained")
        left, middle, right = fig.subfigures(1, 3, width_ratios=(1.1, 2.7, 2.6))
        left.suptitle("the query")
        _plot_ink(left.subplots(), query)
        middle.suptitle("the keys with the largest weights")
        for axis, key in zip(
            middle.subplots(2, SHOWN // 2).flat, _largest(weights, SHOWN), strict=True
        ):
            _plot_ink(axis, keys[key])
            axis.set_title(f"{_a(labels[key])}: {weights[key]:.4f}", fontsize=11, pad=3)
        right.suptitle("the output: a vote")
        _plot_vote(right.subplots(), vote.numpy(force=True))
    return closed(fig)


def read_lookup(labels: Tensor, weights: Tensor, vote: Tensor) -> str:
    """A sentence: the largest weight against the mean one, and the first two of the vote."""
    key, winner = weights.argmax().item(), vote.argmax().item()
    second = _largest(vote, 2)[1].item()
    times = weights[key] * len(weights)
    return (
        f"The largest weight is {weights[key]:.4f}, {times:.1f} times the mean; it goes to key "
        f"{key}, {_a(labels[key])}. The vote is for {winner}, with {vote[winner]:.3f}; next is "
        f"{second} with {vote[second]:.3f}."
    )


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
    with plt.rc_context(STYLE):
        size = (2.5 * len(titles), 2.4)
        fig, axes = plt.subplots(1, len(titles), figsize=size, squeeze=False, layout="constrained")
        for axis, picture, title in zip(axes.flat, pictures, titles, strict=True):
            _plot_ink(axis, picture)
            axis.set_title(title, fontsize=12)
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
    axis.set_xlabel("class (dashed line: equal shares)")
    axis.set_ylabel("sum of weights")
    axis.spines[["top", "right"]].set_visible(False)


def _largest(values, count):
    """Their places; a stable order, so that ties give the same picture everywhere."""
    return values.sort(descending=True, stable=True).indices[:count]


def _a(label):
    """With its article: a 5, an 8."""
    return f"an {label}" if label == 8 else f"a {label}"


def _check_lookup(keys, labels, weights):
    if not len(keys) == len(labels) == len(weights):
        raise ValueError(
            f"keys, labels and weights must be as many, got {len(keys)}, {len(labels)} and "
            f"{len(weights)}"
        )
    if len(keys) < SHOWN:
        raise ValueError(f"keys must be at least {SHOWN}, got {len(keys)}")
