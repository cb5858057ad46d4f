"""What the study finds, in one picture for the back row: two tasks, four differences."""

from types import MappingProxyType

import matplotlib.pyplot as plt
from matplotlib.figure import Figure

from attnlib.course.experiments.study.report import Difference, difference
from attnlib.course.experiments.study.results import Results
from attnlib.course.figures.style import MARK, QUIET, STYLE, closed

# The task of the study -> title of its panel; the setting of the study -> its row.
TASKS = MappingProxyType({"global": "answer in other blocks", "local": "answer in the own block"})
ROWS = MappingProxyType(
    {
        "merge: h d": "heads in the other order",
        "sees: own group": "sees its own block only",
        "scale: 1": "without the scale",
        "initial: normal .02": "NesT's initial values",
    }
)
SIZE = 19  # points: a projector, the back row


def plot_matters(results: Results) -> Figure:
    """How far four differences move the accuracy of small trained networks, on two tasks.

    A dot a seed, the mean as a number. Red and filled where it is more than twice the spread.
    """
    found = _found(results)
    with plt.rc_context(STYLE | {"font.size": SIZE, "axes.titlesize": SIZE}):
        fig, axes = plt.subplots(
            1, len(found), figsize=(12.6, 4.7), sharex=True, sharey=True, layout="constrained"
        )
        for axis, (title, rows) in zip(axes, found.items(), strict=True):
            for row, each in enumerate(rows.values()):
                _plot_row(axis, row, each)
            axis.axvline(0, color="black", linewidth=2)
            axis.set_title(title)
            axis.spines[["top", "right"]].set_visible(False)
        low, high = axes[0].get_xlim()
        axes[0].set_xlim(low, high + 0.42 * (high - low))  # room for the numbers
        axes[0].set_yticks(range(len(ROWS)), ROWS.values())
        axes[0].set_ylim(len(ROWS) - 0.5, -0.5)
        fig.supxlabel("percentage points more or less than the middle", fontsize=SIZE)
    return closed(fig)


def read_matters(results: Results) -> str:
    """The same in sentences, one a panel."""
    lines = []
    for title, rows in _found(results).items():
        seen = [f"{name} {_points(each)}" for name, each in rows.items() if each.seen]
        unseen = [name for name, each in rows.items() if not each.seen]
        said = f"{_listed(seen)} (points); no difference seen: {_listed(unseen)}"
        lines.append(f"{title.capitalize()}: {said}.")
    return "\n".join(lines)


def _listed(names):
    return ", ".join(names) or "none"


def _found(results) -> dict[str, dict[str, Difference]]:
    """Title of a panel -> name of a row -> difference to the middle."""
    return {
        title: {name: difference(results, task, setting) for setting, name in ROWS.items()}
        for task, title in TASKS.items()
    }


def _plot_row(axis, row, found):
    colour, fill = (MARK, "full") if found.seen else (QUIET, "none")
    dots = 100 * found.seeds
    axis.plot(dots, [row] * len(dots), "o", color=colour, fillstyle=fill, alpha=0.6, ms=12, mew=2)
    text = _points(found) if found.seen else "not seen"
    axis.annotate(
        text, (dots.max(), row), (14, 0), textcoords="offset points", va="center", color=colour,
        weight="bold" if found.seen else "normal",
        bbox={"facecolor": "white", "edgecolor": "none", "pad": 2},
    )  # fmt: skip


def _points(found):
    return f"{100 * found.mean:+.0f}".replace("-", "−")
