"""What a map was measured to cost: the part of `make bench` that lesson 13 reads.

The file lies in benchmarks/results, where `make bench` stores one for each machine; the lesson
reads one of them, which a wheel carries too, so that it prints the same numbers everywhere.
"""

import json
from pathlib import Path
from typing import NamedTuple

from attnlib.course.language import N_, say
from attnlib.course.repository import ROOT

__all__ = ["Cost", "Costs", "stored_costs"]

STORED = ROOT / "benchmarks" / "results" / "amd-epyc-2-threads.json"
TOO_LARGE = N_("more than half of memory")  # why a cost was not run, as the file says it


class Cost(NamedTuple):
    """One measurement of `attention` with `heads` heads, 64 wide, over `length` tokens.

    `what`: "out", the output alone; "out + map", and `pooled(256)`; "out + weights", and
    `weights()`. `seconds`: the median. `bytes`: the peak of memory over what was held before, which
    is q, k and v. `not_run`: None, or why there are no seconds and bytes.
    """

    heads: int
    length: int
    what: str
    seconds: float | None
    bytes: int | None
    not_run: str | None


class Costs(NamedTuple):
    """Where it was measured, and the measurements: by length, then as `Cost.what` lists them."""

    machine: str
    rows: tuple[Cost, ...]


def stored_costs(heads: int = 8, path: Path = STORED) -> Costs:
    """The stored costs of a map with that many heads, 1 or 8.

    Raises FileNotFoundError where there is no file, ValueError for a damaged one or for other
    heads.
    """
    if not path.is_file():
        raise FileNotFoundError(
            f"{path} does not exist: it comes with attnlib; `make bench` measures anew"
        )
    try:
        found = json.loads(path.read_text(encoding="utf-8"))
        about = found["machine"]
        machine = _machine(about)
        rows = tuple(Cost(**row) for row in found["maps"])
    except (ValueError, TypeError, KeyError) as error:
        raise ValueError(
            f"{path} is damaged ({error!r}): git checkout, or installing attnlib again, brings it "
            "back; `make bench` measures anew"
        ) from None
    measured = sorted({row.heads for row in rows})
    if heads not in measured:
        raise ValueError(f"heads must be one of {measured}, got {heads}")
    return Costs(machine, tuple(row for row in rows if row.heads == heads))


def _machine(about: dict) -> str:
    """Where and when it was measured, in words."""
    told = {"torch": about["torch"], "date": about["date"]}
    if gpu := about.get("gpu"):
        return say("{gpu}, PyTorch {torch}, {date}", gpu=gpu, **told)
    told |= {"cpu": about["cpu"], "threads": about["threads"]}
    return say("{cpu}, {threads} threads, PyTorch {torch}, {date}", **told)
