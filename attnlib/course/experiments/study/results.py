"""The results of the study: what is stored, and what each cell did with each seed."""

import json
from pathlib import Path
from typing import NamedTuple

import numpy as np

from attnlib.course.compare import NEST
from attnlib.course.experiments import store, training
from attnlib.course.experiments.study import network, tasks
from attnlib.course.experiments.study.design import SETTINGS, Cell

STORED = Path(__file__).with_name("results.json")
AFRESH = "make study STUDY_FLAGS=--afresh"

RATES = (1e-3, 3e-3, 1e-2)
RATE_SEEDS = (1000, 1001, 1002, 1003)  # choose the rate of a cell, and serve for nothing else

FIELDS = {
    "task",
    "setting",
    "budget",
    "purpose",  # "rate": to choose it; "result"
    "rate",
    "seeds",
    "accuracies",
    "parameters",
    "hidden",
    "cpu_seconds",
    "machine",  # its place in the list of machines
}


class Results(NamedTuple):
    """How and where it was measured, and the runs: several seeds of one cell each."""

    hyperparameters: dict
    settings: dict
    machines: list[dict]
    runs: list[dict]


def load(path: Path = STORED) -> Results:
    """The stored results: by default those that come with attnlib.

    Raises FileNotFoundError where there are none, ValueError for a damaged file; both say what to
    do.
    """
    return store.read(path, _checked, AFRESH)


def _checked(contents):
    results = Results(**contents)
    if any(set(run) != FIELDS for run in results.runs):
        raise ValueError(f"every run must have {', '.join(sorted(FIELDS))}")
    return results


def save(results: Results, path: Path) -> None:
    """Store the results; `load` gives them back."""
    head = {name: value for name, value in results._asdict().items() if name != "runs"}
    store.write(path, head, results.runs)


def cell_of(run: dict) -> Cell:
    """The cell of a run."""
    return Cell(run["task"], run["setting"], run["budget"])


def rates(results: Results) -> dict[Cell, float]:
    """The learning rate of each cell whose rate has been chosen: the best mean over its seeds."""
    means = {}
    for run in results.runs:
        if run["purpose"] == "rate":
            means.setdefault(cell_of(run), {})[run["rate"]] = np.mean(run["accuracies"])
    return {
        cell: max(each, key=each.get) for cell, each in means.items() if set(each) == set(RATES)
    }


def accuracies(results: Results) -> dict[Cell, dict[int, float]]:
    """Cell -> seed -> accuracy, in points."""
    found = {}
    for run in results.runs:
        if run["purpose"] == "result":
            points = (100 * share for share in run["accuracies"])
            found.setdefault(cell_of(run), {}).update(zip(run["seeds"], points, strict=True))
    return found


def hyperparameters() -> dict:
    """All that the accuracies depend on, but for settings and machine; as JSON gives it back."""
    found = {
        "width": network.WIDTH,
        "parameters": network.PARAMETERS,
        "batch": training.BATCH,
        "weight_decay": training.WEIGHT_DECAY,
        "warm_up": training.WARM_UP,
        "rates": RATES,
        "rate_seeds": RATE_SEEDS,
        "train": tasks.TRAIN,
        "test": tasks.TEST,
        "tasks": {
            name: {"asks": task.asks, "chance": task.chance, "steps": task.steps}
            for name, task in tasks.TASKS.items()
        },
    }
    return json.loads(json.dumps(found))


def settings() -> dict:
    """Name -> what differs from NesT's dials, the head's width, whose `hidden` it shares."""
    found = {}
    for name, setting in SETTINGS.items():
        dials = setting.dials
        turned = dials and {dial: to for dial, to in dials.items() if to != NEST[dial]}
        found[name] = f"{turned}, D {setting.head_dim}, {setting.like}"
    return found


def check_same(stored: Results, path: Path) -> None:
    """Raise ValueError unless the stored runs were made as they would be made now."""
    for what, before, now in _compared(stored):
        if before != now:
            raise ValueError(
                f"{path} was made with {what} {before!r}, and now it is {now!r}: "
                f"{AFRESH} replaces it"
            )


def _compared(stored):
    """(what, as it was, as it is): all that the stored runs depend on."""
    before, now = stored.hyperparameters, hyperparameters()
    for name in now.keys() - {"tasks"}:
        yield name, before.get(name), now[name]
    known = settings()
    for name in sorted({run["setting"] for run in stored.runs}):
        yield f"the setting {name!r}:", stored.settings.get(name), known.get(name)
    for name in sorted({run["task"] for run in stored.runs}):
        yield f"the task {name!r}:", before["tasks"].get(name), now["tasks"].get(name)
