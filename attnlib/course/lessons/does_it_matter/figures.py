"""How far each dial moves an output, and how the differences of seeds become a verdict."""

from collections.abc import Mapping, Sequence

import numpy as np
from matplotlib.figure import Figure
from torch import Tensor

from attnlib.course.compare.labels import dial
from attnlib.course.experiments.study.findings import Finding
from attnlib.course.experiments.study.forest import LOOKS, marker
from attnlib.course.experiments.study.statistics import BOUND
from attnlib.course.figures.narrow import either, panels, redrawn, styled
from attnlib.course.figures.style import ENDS, MARK, NOTHING, QUIET, closed
from attnlib.course.language import N_, say
from attnlib.course.wide import fill, ljust, width

ROUNDING = 1e-12
PANELS = {
    "turned_alone": N_("one dial alone, from NesT's side"),
    "all_but_one": N_("all but this one, from PGL-SUM's side"),
}


@redrawn
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
    with styled():
        size = (4.8 * len(effects) + 1.8, 0.36 * len(names) + 1.5)
        fig, axes = panels(len(effects), size, 0.27 * len(names) + 0.8, sharey=True)
        for axis, (panel, moves) in zip(axes, effects.items(), strict=True):
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


@redrawn
def plot_verdicts(
    found: Mapping[str, tuple[Sequence[float], Finding]], bound: float = BOUND
) -> Figure:
    """How seeds become a verdict: a dot a seed, the mean with its 95 % interval, grey the bound.

    Args:
        found: title -> the differences of all seeds, in points, and what was found from them.
    """
    with styled({"font.size": 13, "axes.titlesize": 13}):
        size = (3.4 * len(found), 4.3)
        fig, axes = panels(len(found), size, 2.4, sharey=True)
        for axis, (title, (seeds, finding)) in zip(axes, found.items(), strict=True):
            look, each = LOOKS[finding.verdict], finding.estimate
            axis.axhspan(-bound, bound, color=NOTHING, linewidth=0)
            axis.axhline(0, color="black", linewidth=1.2)
            axis.plot(_beside(len(seeds)), seeds, "o", color=QUIET, alpha=0.45, ms=6)
            axis.plot((0.75, 0.75), (each.low, each.high), color=look.colour, linewidth=4)
            axis.plot(0.75, each.mean, **marker(look))
            axis.set_xlim(-0.6, 1.1)
            axis.margins(y=0.06)
            axis.set_xticks([])
            axis.set_title(fill(title, either(26, 46)))
            axis.set_xlabel(say(look.said), color=look.colour, weight="bold")
            axis.spines[["top", "right"]].set_visible(False)
        axes[0].set_ylabel(say("difference, in points"))
    return closed(fig)


def _beside(count):
    """Places side by side, so that equal dots do not hide each other."""
    return np.linspace(-0.4, 0.4, count)
