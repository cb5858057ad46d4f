"""The results of the study: the stored ones, and new ones kept run by run."""

from pathlib import Path
from typing import NamedTuple

from attnlib.course.experiments.store import read, write

STORED = Path(__file__).with_name("results.json")
AFRESH = "make study STUDY_FLAGS=--afresh"
FIELDS = {"task", "setting", "seed", "accuracy", "parameters", "hidden", "cpu_seconds"}


class Results(NamedTuple):
    """Where and how it was measured, how long that took in all, and the runs, one dict each."""

    machine: dict
    hyperparameters: dict
    wall_seconds: float
    runs: list[dict]


def load(path: Path = STORED) -> Results:
    """The stored results: by default those that come with attnlib.

    Raises FileNotFoundError where there are none, ValueError for a damaged file; both say what to
    do.
    """
    return read(path, _checked, AFRESH)


def _checked(contents):
    results = Results(**contents)
    if any(set(run) != FIELDS for run in results.runs):
        raise ValueError(f"every run must have {', '.join(sorted(FIELDS))}")
    return results


def save(results: Results, path: Path) -> None:
    """Store the results; `load` gives them back."""
    head = {name: value for name, value in results._asdict().items() if name != "runs"}
    write(path, head, results.runs)
