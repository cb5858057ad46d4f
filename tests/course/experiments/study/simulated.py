"""Results with a known truth: what the tests of verdicts and sentences start from."""

from collections.abc import Callable, Iterable

import numpy as np

from attnlib.course.experiments.study.contrasts import Contrast, planned
from attnlib.course.experiments.study.design import Cell
from attnlib.course.experiments.study.results import RATE_SEEDS, RATES, Results


def results(
    contrasts: Iterable[Contrast],
    truth: Callable[[Cell], float] = lambda cell: 75.0,
    *,
    sd: float = 1.0,
    seed: int = 0,
) -> Results:
    """All runs that the contrasts need.

    Args:
        truth: cell -> its true accuracy, in points.
        sd: of a cell's own noise; beside it, each seed shifts all cells alike, by far more.
    """
    random = np.random.default_rng(seed)
    shifts = random.normal(0, 5, size=100)
    runs = []
    for cell, seeds, _ in planned(contrasts):
        runs += [run(cell, RATE_SEEDS, [70.0] * len(RATE_SEEDS), rate) for rate in RATES]
        points = truth(cell) + shifts[:seeds] + random.normal(0, sd, size=seeds)
        runs.append(run(cell, range(seeds), points))
    return Results({}, {}, [], runs)


def run(cell: Cell, seeds: Iterable[int], points: Iterable[float], rate: float | None = None):
    """A stored run; one that chooses the rate where a rate is given."""
    return {
        "task": cell.task,
        "setting": cell.setting,
        "budget": cell.budget,
        "purpose": "result" if rate is None else "rate",
        "rate": rate or RATES[0],
        "seeds": list(seeds),
        "accuracies": [point / 100 for point in points],
        "parameters": 60000,
        "hidden": 400,
        "cpu_seconds": 1.0,
        "machine": 0,
    }
