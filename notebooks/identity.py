"""The ids of a lesson's cells: by them a student's copy knows a cell, for ever.

ids.json holds, lesson by lesson, the ids of its cells, and those of cells that are gone: no other
cell may get one of these, or it would come into copies in the place of the old one.
"""

import json
from collections.abc import Iterator
from pathlib import Path

from nbformat import NotebookNode

LEDGER = Path(__file__).with_name("ids.json")


def refused(cells: list[NotebookNode], lesson: str, ledger: Path = LEDGER) -> Iterator[str]:
    """Why these ids cannot be those of the lesson with this name, a line for each reason."""
    gone, seen = _known(ledger, lesson)["gone"], set()
    for place, cell in enumerate(cells, 1):
        name = cell.get("id")
        if not name:
            yield f"cell {place} has no id; one that JupyterLab makes has one"
        elif name in seen:
            yield f"cell {place} has the id {name} of a cell before it; give it another"
        elif name in gone:
            yield f"cell {place} has the id {name} of a cell that is gone; give it another"
        seen.add(name)


def keep(cells: list[NotebookNode], lesson: str, ledger: Path = LEDGER) -> None:
    """Write down the ids that the lesson has now; those that it had only before are gone."""
    known, now = _known(ledger, lesson), [cell.id for cell in cells]
    gone = sorted(set(known["gone"]) | set(known["cells"]) - set(now))
    known = {"cells": sorted(now), "gone": gone}
    whole = _read(ledger) | {lesson: known}
    lines = (f" {json.dumps(name)}: {json.dumps(whole[name])}" for name in sorted(whole))
    ledger.write_text("{\n" + ",\n".join(lines) + "\n}\n", encoding="utf-8")


def _known(ledger, lesson):
    return _read(ledger).get(lesson, {"cells": [], "gone": []})


def _read(ledger):
    return json.loads(ledger.read_text(encoding="utf-8")) if ledger.exists() else {}
