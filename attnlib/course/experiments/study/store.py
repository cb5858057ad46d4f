"""The results as a file of data: written whole or not at all, and read with care."""

import json
from pathlib import Path
from typing import NamedTuple

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
    if not path.is_file():
        raise FileNotFoundError(f"{path} does not exist: make study")
    try:
        results = Results(**json.loads(path.read_text(encoding="utf-8")))
        if any(set(run) != FIELDS for run in results.runs):
            raise ValueError(f"every run must have {', '.join(sorted(FIELDS))}")
    except (ValueError, TypeError) as error:
        raise ValueError(
            f"{path} is damaged ({error}): git checkout brings the stored results back, "
            f"{AFRESH} measures anew"
        ) from None
    return results


def save(results: Results, path: Path) -> None:
    """Store the results; `load` gives them back."""
    head = {name: value for name, value in results._asdict().items() if name != "runs"}
    write(path, head, results.runs)


def write(path: Path, head: dict, runs: list[dict]) -> None:
    """A JSON file of what `head` holds and, last, "runs": a line each, for git's sake.

    It replaces the file in one move, so that an interruption leaves the old one or the new.
    """
    lines = ",\n".join(json.dumps(run) for run in runs)
    text = json.dumps(head, indent=1, ensure_ascii=False).removesuffix("\n}")
    beside = path.with_suffix(".writing")
    beside.write_text(f'{text},\n "runs": [\n{lines}\n]\n}}\n', encoding="utf-8")
    beside.replace(path)
