"""Differences with their intervals, one below the other, and what is sure of each."""

from collections.abc import Mapping, Sequence
from typing import NamedTuple

from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.ticker import MaxNLocator

from attnlib.course.experiments.study.findings import Finding
from attnlib.course.experiments.study.statistics import BOUND, EFFECT, SMALLER, UNDECIDED
from attnlib.course.figures.narrow import either, lines, panels, points, redrawn, styled
from attnlib.course.figures.style import ENDS, MARK, NOTHING, QUIET, closed
from attnlib.course.language import N_, say
from attnlib.course.wide import fill


class Look(NamedTuple):
    """How a verdict is drawn: by colour, by shape, and in words."""

    colour: str
    marker: str
    filled: bool
    said: str


LOOKS = {
    EFFECT: Look(MARK, "o", True, N_("effect")),
    SMALLER: Look(ENDS[0], "s", True, N_("smaller than the bound")),
    UNDECIDED: Look(QUIET, "o", False, N_("undecided")),
}


@redrawn
def plot_forest(
    found: Mapping[str, Sequence[Finding | None]], labels: Sequence[str], size: float = 13
) -> Figure:
    """The mean and the 95 % interval of each finding, in points; grey: the bound.

    Args:
        found: title -> a finding a row; None where nothing was run.
        labels: of the rows.
        size: of the letters, in points.
    """
    with styled({"font.size": size, "axes.titlesize": size}):
        height = 0.034 * size * len(labels) + 0.13 * size
        wide = (4.1 * len(found) + 0.34 * size, height)
        labels = [lines(label, 24) for label in labels]
        most = 1 + max(label.count("\n") for label in labels)
        tall = (0.15 * most + 0.12) * len(labels) + 0.5 + 0.8 / len(found)
        fig, axes = panels(len(found), wide, tall, sharex=True, sharey=True)
        for axis, (title, rows) in zip(axes, found.items(), strict=True):
            axis.axvspan(-BOUND, BOUND, color=NOTHING, linewidth=0)
            axis.axvline(0, color="black", linewidth=1.2)
            for row, finding in enumerate(rows):
                _plot_row(axis, row, finding)
            axis.set_title(fill(title, either(44, 30)))
            axis.spines[["top", "right"]].set_visible(False)
        first = axes[0]
        first.set_yticks(range(len(labels)), labels)
        first.set_ylim(len(labels) - 0.5, -0.7)
        first.xaxis.set_major_locator(MaxNLocator(5))
        low, high = first.get_xlim()
        first.set_xlim(low - 0.02 * (high - low), high + 0.3 * (high - low))  # the numbers
        below = say("points; grey: less than {bound:g} point", bound=BOUND)
        fig.supxlabel(below, fontsize=points(size))
        columns = either(3, 2)
        fig.legend(handles=_legend(), loc="outside upper center", ncols=columns, frameon=False)
    return closed(fig)


def _plot_row(axis, row, finding):
    if finding is None:
        axis.annotate(
            say("not run"), (0, row), (8, 0), textcoords="offset points", va="center", color=QUIET
        )
        return
    look, each = LOOKS[finding.verdict], finding.estimate
    axis.plot((each.low, each.high), (row, row), color=look.colour, linewidth=3)
    axis.plot(each.mean, row, **marker(look))
    right = max(each.high, BOUND)
    axis.annotate(
        signed(each.mean),
        (right, row),
        (8, 0),
        textcoords="offset points",
        va="center",
        color=look.colour,
    )


def marker(look: Look) -> dict:
    """Of a mean, as `plot` takes it."""
    face = look.colour if look.filled else "white"
    return {
        "marker": look.marker,
        "color": look.colour,
        "markerfacecolor": face,
        "markersize": 9,
        "markeredgewidth": 2,
    }


def _legend():
    return [
        Line2D([], [], linewidth=3, label=say(look.said), **marker(look)) for look in LOOKS.values()
    ]


def signed(points: float) -> str:
    """ "+0.7", "−9.4"; zero has no sign."""
    text = f"{points:+.1f}".replace("-", "−")
    return "0.0" if text in ("+0.0", "−0.0") else text


def spelled(finding: Finding | None) -> str:
    """ "−9.4 [−10.0, −8.8], effect": the same in words."""
    if finding is None:
        return say("not run")
    each = finding.estimate
    return say(
        "{mean} [{low}, {high}], {verdict}",
        mean=signed(each.mean),
        low=signed(each.low),
        high=signed(each.high),
        verdict=say(LOOKS[finding.verdict].said),
    )
