"""What the results say: a table, a figure, and sentences. Nothing here trains."""

import math
from typing import NamedTuple

import matplotlib.pyplot as plt
import numpy as np
from matplotlib.figure import Figure

from attnlib.course.experiments.study.results import Results
from attnlib.course.experiments.study.settings import CONTROL
from attnlib.course.figures.style import MARK, STYLE, closed
from attnlib.course.wide import ljust, width

CEILING = 0.99  # from here on a better setting cannot show it
NEAR = 0.03  # counts as guessing: a held-out set is itself uneven by 1 or 2 points
PLAIN = "#4d4d4d"
ASIDE = ("NesT", "PGL-SUM", "no attention")  # more than one dial


class Difference(NamedTuple):
    """Accuracy with one setting minus accuracy with another, seed by seed."""

    seeds: np.ndarray  # (seeds,)
    mean: float
    spread: float  # standard deviation over the seeds

    @property
    def seen(self) -> bool:
        """Whether the mean is more than twice the spread: the rule for all marks."""
        return abs(self.mean) > 2 * self.spread


def difference(results: Results, task: str, setting: str, to: str = "middle") -> Difference:
    """One setting against another, on one task.

    Raises ValueError where runs are missing: the study was stopped and has to go on.
    """
    one, other = _accuracies(results, task, setting), _accuracies(results, task, to)
    if one.keys() != other.keys():
        raise ValueError(f"{setting!r} and {to!r} must have the same seeds on {task!r}: make study")
    seeds = np.array([one[seed] - other[seed] for seed in sorted(one)]).round(6)
    return Difference(seeds, float(seeds.mean()), float(seeds.std(ddof=1)))


def false_marks(seeds: int, comparisons: int) -> float:
    """How many marks to expect where nothing differs at all, if differences are normal.

    |mean| > 2 · spread is |t| > 2√seeds for Student's t with seeds − 1 degrees of freedom.
    """
    freedom = seeds - 1
    t = np.linspace(0, 2 * math.sqrt(seeds), 10_001)
    constant = math.gamma(seeds / 2) / math.gamma(freedom / 2) / math.sqrt(math.pi * freedom)
    density = constant * (1 + t**2 / freedom) ** (-seeds / 2)
    return comparisons * (1 - 2 * np.trapezoid(density, t))


def table(results: Results) -> str:
    """Mean ± standard deviation over seeds, and the difference to the middle where it is seen."""
    tasks, settings = _names(results)
    seeds = len(_accuracies(results, tasks[0], "middle"))
    rows = [["", *tasks], ["guessing", *(f"{100 * _chance(results, task):.1f}" for task in tasks)]]
    for setting in settings:
        rows.append([setting, *(_cell(results, task, setting) for task in tasks)])
    widths = [max(map(width, column)) for column in zip(*rows, strict=True)]
    lines = ["   ".join(map(ljust, row, widths)).rstrip() for row in rows]
    comparisons = len(tasks) * (len(settings) - 1)
    counts = [run["parameters"] for run in results.runs]
    return "\n".join(
        [
            f"Accuracy on held-out data in percent: mean ± standard deviation over {seeds} seeds.",
            "Then the difference to the middle in percentage points, paired seed by seed, where it",
            "is more than twice its own standard deviation. A dot elsewhere: no difference seen.",
            "",
            *lines,
            "",
            f"{comparisons} comparisons. If nothing mattered at all, this rule would still mark",
            f"about {false_marks(seeds, comparisons):.1f} of them.",
            f"Every network has {min(counts)} to {max(counts)} parameters: what the attention does",
            "not use makes the feed-forward layer wider.",
        ]
    )


def plot(results: Results) -> Figure:
    """Differences to the middle in percentage points: a panel a task, a dot a seed, a bar the mean.

    Red and filled where the mean is more than twice the spread.
    """
    tasks, settings = _names(results)
    settings.remove("middle")
    with plt.rc_context(STYLE | {"font.size": 14, "axes.titlesize": 16}):
        size = (3.1 * len(tasks) + 3.4, 0.38 * len(settings) + 1.5)
        fig, axes = plt.subplots(1, len(tasks), figsize=size, sharey=True, layout="constrained")
        for axis, task in zip(axes, tasks, strict=True):
            for row, setting in enumerate(settings):
                _dots(axis, row, difference(results, task, setting))
            axis.set_title(f"{task}\nmiddle: {_mean(results, task, 'middle'):.1%}")
            axis.axvline(0, color="black", linewidth=1.5)
            axis.grid(axis="y", color="#e5e5e5")
            axis.set_axisbelow(True)
        axes[0].set_yticks(range(len(settings)), settings)
        axes[0].invert_yaxis()
        fig.supxlabel(
            "difference to the middle in percentage points; red, filled: over twice the spread",
            fontsize=14,
        )
    return closed(fig)


def read(results: Results) -> str:
    """In words, task by task: what matters, what does not, what cannot be told."""
    tasks, _ = _names(results)
    limits = (
        "Not shown: what more steps, larger networks or several layers would do. All settings had "
        "the optimiser that suits the middle, and all seeds the same held-out examples, so the "
        "spread is that of initial parameters, order of the data and dropout only."
    )
    return "\n\n".join([*(_read(results, task) for task in tasks), limits])


def _read(results, task):
    _, settings = _names(results)
    found = {name: difference(results, task, name) for name in settings if name != "middle"}
    dials = {name: each for name, each in found.items() if name not in ASIDE}
    lines = [
        f"{task}: {results.hyperparameters['tasks'][task]['asks']}",
        f"The middle finds {_spread(results, task, 'middle')} %, the network without attention "
        f"{_spread(results, task, 'no attention')} %, guessing {_chance(results, task):.0%}.",
        *_seen(dials),
        *_unseen(dials),
        *_doubts(results, task, dials),
        _ends(results, task),
    ]
    return "\n".join(lines)


def _seen(dials):
    seen = {name: each for name, each in dials.items() if each.seen}
    if not seen:
        return ["No dial makes a difference that is seen."]
    strongest = sorted(seen, key=lambda name: -abs(seen[name].mean))
    said = ", ".join(f"{name} ({_points(seen[name].mean)})" for name in strongest)
    lines = [f"A difference is seen for {said}."]
    noise = np.abs(dials[CONTROL].seeds).max()
    small = [name for name in strongest if abs(seen[name].mean) <= noise]
    if small:
        lines.append(
            f"But one seed moves the control, which is chance, by {100 * noise:.1f}: no less than "
            f"{', '.join(small)}."
        )
    return lines


def _unseen(dials):
    unseen = {name: each for name, each in dials.items() if not each.seen}
    drowned = [name for name, each in unseen.items() if abs(each.mean) <= each.spread]
    undecided = [name for name in unseen if name not in drowned]
    lines = []
    if drowned:
        lines.append(f"No difference seen, the spread is at least as large: {', '.join(drowned)}.")
    if undecided:
        lines.append(
            "No difference seen, but larger than the spread, so more seeds might show one: "
            f"{', '.join(undecided)}."
        )
    return lines


def _doubts(results, task, dials):
    control = dials[CONTROL]
    lines = [
        f"The control, {CONTROL}, can differ by chance only: it does so by "
        f"{_points(control.mean)} ± {100 * control.spread:.1f}."
    ]
    means = {name: _mean(results, task, name) for name in _names(results)[1]}
    if means["middle"] >= CEILING:
        lines.append("The middle is at the ceiling: nothing could be seen to be better.")
    lost = [name for name, mean in means.items() if mean < _chance(results, task) + NEAR]
    if lost:
        lines.append(f"No better than guessing (by {100 * NEAR:.0f} points): {', '.join(lost)}.")
    return lines


def _ends(results, task):
    ends = difference(results, task, "PGL-SUM", to="NesT")
    better = "PGL-SUM" if ends.mean > 0 else "NesT"
    if ends.seen:
        verdict = f"{better} does better"
    elif np.abs(np.sign(ends.seeds).sum()) == len(ends.seeds):
        verdict = f"no difference by the rule, but {better} leads with every seed"
    else:
        verdict = "no difference seen"
    return (
        f"The two ends: NesT {_spread(results, task, 'NesT')} %, PGL-SUM "
        f"{_spread(results, task, 'PGL-SUM')} %, {_points(ends.mean)} ± {100 * ends.spread:.1f}: "
        f"{verdict}."
    )


def _dots(axis, row, found):
    colour, fill = (MARK, "full") if found.seen else (PLAIN, "none")
    row_of_each = [row] * len(found.seeds)
    axis.plot(100 * found.seeds, row_of_each, "o", color=colour, fillstyle=fill, alpha=0.5)
    axis.plot(100 * found.mean, row, "|", color=colour, markersize=17, markeredgewidth=3.5)


def _cell(results, task, setting):
    text = _spread(results, task, setting)
    if setting == "middle":
        return text
    found = difference(results, task, setting)
    return f"{text}  {_points(found.mean) if found.seen else '·'}"


def _names(results):
    """Tasks and settings, in the order of the study."""
    return list(results.hyperparameters["tasks"]), list(results.hyperparameters["settings"])


def _accuracies(results, task, setting):
    """Seed -> accuracy."""
    found = {
        run["seed"]: run["accuracy"]
        for run in results.runs
        if (run["task"], run["setting"]) == (task, setting)
    }
    if len(found) < 2:
        raise ValueError(
            f"{setting!r} on {task!r} has {len(found)} runs, not 2 or more: make study"
        )
    return found


def _mean(results, task, setting):
    return np.mean(list(_accuracies(results, task, setting).values()))


def _spread(results, task, setting):
    accuracies = 100 * np.array(list(_accuracies(results, task, setting).values()))
    return f"{accuracies.mean():.1f} ± {accuracies.std(ddof=1):.1f}"


def _chance(results, task):
    return results.hyperparameters["tasks"][task]["chance"]


def _points(difference):
    return f"{100 * difference:+.1f}".replace("-", "−")
