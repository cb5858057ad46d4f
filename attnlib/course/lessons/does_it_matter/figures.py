"""How far each dial moves an output, and two settings of trained networks, seed by seed."""

from collections.abc import Mapping, Sequence

import matplotlib.pyplot as plt
import numpy as np
from matplotlib.figure import Figure
from torch import Tensor

from attnlib.course.compare.labels import dial
from attnlib.course.figures.style import ENDS, MARK, NOTHING, QUIET, STYLE, closed
from attnlib.course.language import N_, say
from attnlib.course.wide import ljust, width

ROUNDING = 1e-12
PANELS = {
    "turned_alone": N_("one dial alone, from NesT's side"),
    "all_but_one": N_("all but this one, from PGL-SUM's side"),
}


def plot_effects(effects: Mapping[str, Mapping[str, Tensor]]) -> Figure:
    """For every dial how far it moves the output: a dot a seed, a line at their mean.

    Args:
        effects: one of `PANELS`, or a title of your own -> dial -> (seeds,) distances. A dial that
            one panel lacks cannot act there.
    """
    names = dict.fromkeys(name for panel in effects.values() for name in panel)
    names = sorted(
        names, key=lambda name: max(p[name].mean() for p in effects.values() if name in p)
    )
    with plt.rc_context(STYLE):
        size = (4.8 * len(effects) + 1.8, 0.36 * len(names) + 1.5)
        fig, axes = plt.subplots(1, len(effects), figsize=size, sharey=True, layout="constrained")
        for axis, (panel, moves) in zip(np.atleast_1d(axes), effects.items(), strict=True):
            for row, name in enumerate(names):
                if name not in moves:
                    axis.text(0.03, row, say("cannot act here"), va="center", color=QUIET)
                elif moves[name].max() < ROUNDING:
                    axis.text(0.03, row, say("only rounding"), va="center", color=QUIET)
                else:
                    values = moves[name].numpy()
                    axis.plot(values, [row] * len(values), "o", color=ENDS[0], alpha=0.25, ms=7)
                    axis.plot(values.mean(), row, "|", color=MARK, ms=18, mew=2.5)
            axis.set_xlim(0, 1.6)
            axis.axvline(2**0.5, color=NOTHING, linewidth=2, zorder=0)
            axis.text(1.4, -0.5, say("unrelated"), ha="right", va="center", color=QUIET)
            axis.set_title(_title(panel))
            axis.set_xlabel(say("relative difference"))
        axis.set_yticks(range(len(names)), [dial(name) for name in names])
        axis.set_ylim(-1, len(names) - 0.5)
    return closed(fig)


def read_effects(effects: Mapping[str, Mapping[str, Tensor]]) -> str:
    """A table of the same: a line for each dial, mean and spread over the seeds."""
    names = dict.fromkeys(name for panel in effects.values() for name in panel)
    rows = [["", *map(_title, effects)]]
    for name in names:
        cells = [_read(panel.get(name)) for panel in effects.values()]
        rows.append([dial(name), *cells])
    widths = [max(map(width, column)) for column in zip(*rows, strict=True)]
    lines = ("  ".join(map(ljust, row, widths)).rstrip() for row in rows)
    return "\n".join(lines)


def _read(values):
    if values is None:
        return say("cannot act here")
    if values.max() < ROUNDING:
        return say("only rounding")
    return f"{values.mean():.2f} ± {values.std():.2f}"


def _title(panel):
    return say(PANELS[panel]) if panel in PANELS else panel


def plot_pairs(
    ours: Sequence[float],
    others: Sequence[float],
    names: tuple[str, str],
    chance: float,
    seen: bool,
) -> Figure:
    """Two settings, seed by seed: left the accuracies, a line joins each seed; right what differs.

    Args:
        ours, others: accuracies in [0, 1] of the same seeds, in the same order.
        names: of the two.
        chance: the accuracy of guessing, a dashed line.
        seen: whether the mean difference is drawn in red, and filled.
    """
    ours, others = 100 * np.array(ours), 100 * np.array(others)
    with plt.rc_context(STYLE | {"font.size": 14, "axes.titlesize": 15}):
        fig, (left, right) = plt.subplots(
            1, 2, figsize=(9.6, 4.6), width_ratios=(1.4, 1), layout="constrained"
        )
        for one, other in zip(ours, others, strict=True):
            left.plot((0, 1), (other, one), "o-", color=ENDS[0], alpha=0.6, ms=9, linewidth=2)
        left.axhline(100 * chance, color=QUIET, linestyle="--")
        left.text(0.5, 100 * chance, say("guessing"), ha="center", va="bottom", color=QUIET)
        left.set_xticks((0, 1), names[::-1])
        left.set_xlim(-0.4, 1.4)
        low, high = min(100 * chance, ours.min(), others.min()), max(ours.max(), others.max())
        room = max(0.08 * (high - low), 1.0)
        left.set_ylim(low - room, high + room)
        left.set_title(say("right answers, in percent"))
        _plot_apart(right, ours - others, seen)
    return closed(fig)


def _plot_apart(axis, apart, seen):
    """The differences of all seeds, their mean, and the band that the mean must leave."""
    twice = 2 * apart.std(ddof=1)
    colour, fill = (MARK, "full") if seen else (QUIET, "none")
    axis.axhspan(-twice, twice, color=NOTHING, alpha=0.6, linewidth=0)
    axis.axhline(0, color="black", linewidth=1.5)
    axis.plot(_beside(len(apart)), apart, "o", color=colour, fillstyle=fill, alpha=0.6, ms=9)
    axis.plot(0, apart.mean(), "_", color=colour, markersize=60, markeredgewidth=4)
    far = 1.15 * max(twice, abs(apart).max(), 1.0)
    axis.set_ylim(-far, far)
    axis.set_xlim(-1, 1)
    axis.set_xticks([])
    axis.set_title(say("difference, in points"))
    axis.set_xlabel(say("a dot a seed, a bar their mean;\ngrey: up to twice their spread"))


def _beside(count):
    """Places side by side, so that equal dots do not hide each other."""
    return np.linspace(-0.3, 0.3, count)
