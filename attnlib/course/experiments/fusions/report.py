"""What the runs of several fusions say, and a reader's own among them."""

from collections.abc import Mapping, Sequence

import numpy as np
from matplotlib.figure import Figure

from attnlib.course.experiments.fusions.fused import Fusion
from attnlib.course.experiments.fusions.trial import FOUR, TASK, runs, stored
from attnlib.course.experiments.study.report import Difference
from attnlib.course.experiments.study.tasks import task
from attnlib.course.figures.runs import plot_runs
from attnlib.course.wide import ljust, width

MINE = "mine"


def apart(one: Sequence[float], other: Sequence[float]) -> Difference:
    """One fusion's accuracies minus another's, seed by seed; `.seen` by the rule of the study."""
    seeds = np.subtract(one, other)
    return Difference(seeds, float(seeds.mean()), float(seeds.std(ddof=1)))


def table(found: Mapping[str, Sequence[float]]) -> str:
    """Every fusion: mean ± standard deviation over seeds, and its difference to each of the four.

    A star: the mean of the difference is more than twice its standard deviation.
    """
    rows = [("", "right, in %", *(f"minus {name}" for name in FOUR))]
    for name, shares in found.items():
        percent = 100 * np.array(shares)
        cells = [_cell(shares, found[other]) if other != name else "" for other in FOUR]
        rows.append((name, f"{percent.mean():.1f} ± {percent.std(ddof=1):.1f}", *cells))
    widths = [max(map(width, column)) for column in zip(*rows, strict=True)]
    lines = ("  ".join(map(ljust, row, widths)).rstrip() for row in rows)
    return "\n".join(lines)


def compete(fusion: Fusion | None) -> Figure | None:
    """Train a fusion against the four: prints each seed and the table, returns the figure.

    Args:
        fusion: (whole, local), both (…, L, C) -> (…, L, C); None says what is wanted.
    Raises TypeError or ValueError as `runs`.
    """
    if fusion is None:
        print("No fusion yet. Write one, and this cell trains it with five seeds: about 25 s.")
        return None
    found = stored() | {MINE: runs(fusion)}
    print(table(found))
    return plot_runs(found, chance=1 / task(TASK).classes, marked=MINE)


def _cell(shares, others):
    difference = apart(shares, others)
    signed = f"{100 * difference.mean:+.1f}".replace("-", "−")
    return f"{signed} ± {100 * difference.spread:.1f}{' *' * difference.seen}"
