"""What the runs of several fusions say, and a reader's own among them."""

from collections.abc import Mapping, Sequence
from typing import NamedTuple

import numpy as np
from matplotlib.figure import Figure

from attnlib.course.experiments.fusions.fused import Fusion
from attnlib.course.experiments.fusions.trial import CELL, runs, stored
from attnlib.course.experiments.study.forest import signed
from attnlib.course.experiments.study.statistics import Estimate, estimate, holm, verdict
from attnlib.course.experiments.study.tasks import TASKS
from attnlib.course.figures.runs import plot_runs
from attnlib.course.language import N_, say
from attnlib.course.wide import ljust, width

MINE = N_("mine")
FEW = range(5)  # seeds that a reader trains, if nothing else is said

Shares = Mapping[str, Sequence[float]]  # fusion -> the share that each seed finds


class Comparison(NamedTuple):
    """One fusion less another, in points; the verdict is corrected for all that are asked."""

    estimate: Estimate
    verdict: str


def compared(found: Shares, name: str) -> dict[str, Comparison]:
    """Other fusion -> the named one less this one, seed by seed."""
    others = [other for other in found if other != name]
    asked = [estimate(100 * np.subtract(found[name], found[other])) for other in others]
    corrected = holm([each.p for each in asked]), holm([each.p_within for each in asked])
    verdicts = map(verdict, *corrected)
    return dict(zip(others, map(Comparison, asked, verdicts), strict=True))


def table(found: Shares, name: str) -> str:
    """The mean of every fusion; of the named one less each other, interval and verdict."""
    asked = compared(found, name)
    head = say("right, in %"), say("{name} minus it", name=name), say("95 % interval")
    rows = [("", *head, say("verdict"))]
    for other, shares in found.items():
        rows.append((other, f"{100 * np.mean(shares):.1f}", *_cells(asked.get(other))))
    widths = [max(map(width, column)) for column in zip(*rows, strict=True)]
    lines = ["  ".join(map(ljust, row, widths)).rstrip() for row in rows]
    foot = say(
        "{seeds} seeds each; comparisons that the verdicts are corrected for (Holm): {count}",
        seeds=len(found[name]),
        count=len(asked),
    )
    return "\n".join([*lines, foot])


def compete(fusion: Fusion | None, seeds: Sequence[int] = FEW) -> Figure | None:
    """Train a fusion against the stored ones: prints each seed and the table, returns the figure.

    Args:
        fusion: (whole, local), both (…, L, C) -> (…, L, C); None says what is wanted.
        seeds: of 0 to 19.

    Raises TypeError or ValueError as `runs` and `stored`.
    """
    if fusion is None:
        print(say("No fusion yet. Write one, and this cell trains it with five seeds."))
        return None
    found, mine = stored(seeds), say(MINE)
    found[mine] = runs(fusion, seeds)
    print(table(found, mine))
    return plot_runs(found, chance=TASKS[CELL.task].chance, marked=mine)


def _cells(comparison):
    if comparison is None:
        return "", "", ""
    each = comparison.estimate
    interval = f"[{signed(each.low)}, {signed(each.high)}]"
    return signed(each.mean), interval, say(comparison.verdict)
