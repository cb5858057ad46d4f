"""A copy of each lesson, for one student: my/05_segments.ipynb.

    python -m notebooks.copies           make those that are missing
    python -m notebooks.copies update    let the lessons' changes come into those that are there

They lie in the folder that attnlib.course.record names. my/.base/ remembers from what each was
made, under the lesson's name: a lesson keeps its copy when it gets another number.
"""

import json
import sys
import warnings
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path
from typing import NamedTuple

import nbformat
from nbformat.sign import NotebookNotary
from nbformat.validator import normalize

from attnlib.course.record import folder
from attnlib.course.rewriting import rewrite
from notebooks.execute import HERE, LESSONS, read
from notebooks.merging import merge, sources
from notebooks.student import for_a_student


class Copy(NamedTuple):
    """The copy of one lesson: what it is made of, its file, and what it was made from."""

    lesson: Path
    file: Path
    base: Path


def copies(lessons: Path = HERE) -> list[Copy]:
    """Of every lesson, whether its copy is there or not."""
    return [_copy(lesson) for lesson in sorted(lessons.glob(LESSONS))]


def make(copy: Copy) -> bool:
    """Make a copy that is missing; True if it was."""
    if copy.file.exists():
        return False
    made = for_a_student(read(copy.lesson))
    _write(copy, made, trusted=True)
    _remember(copy, sources(made.cells))
    return True


def update(copy: Copy) -> str:
    """Let what is new in the lesson come into the copy; what happened, or "" for nothing.

    A copy of the copy comes first. Raises ValueError, having written nothing, where the copy or
    what it was made from cannot be read.
    """
    new, base = for_a_student(read(copy.lesson)), _base(copy)
    target = copy._replace(file=_place(copy))
    if base == sources(new.cells) and target == copy:
        return ""
    mine = _own(copy)
    trusted = NotebookNotary().check_signature(mine)
    merged = merge(base, mine.cells, new.cells)
    kept = _back_up(copy)
    mine.cells = merged.cells
    _write(target, mine, trusted)
    _remember(target, sources(new.cells))
    said = _said(merged)
    if target != copy:
        copy.file.unlink()
        said.append(f"it was {copy.file.name}")
    what = "; ".join(said) or "nothing of yours changed"
    return f"{target.file.name}: {what} (before: {kept.relative_to(folder())})"


def _copy(lesson):
    base = folder() / ".base" / f"{lesson.stem.partition('_')[2]}.json"
    file = folder() / Path(str(_made_from(base).get("file", lesson.name))).name
    return Copy(lesson, file if file.exists() else folder() / lesson.name, base)


def _made_from(base):
    """What `_remember` wrote; nothing where it is missing or damaged."""
    try:
        made = json.loads(base.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return made if isinstance(made, dict) else {}


def _base(copy):
    cells = _made_from(copy.base).get("cells")
    if not isinstance(cells, dict):
        raise ValueError(
            f"{copy.file.name}: nothing came, as {copy.base} cannot be read. Move your copy away, "
            "and `make lab` makes a new one"
        )
    return cells


def _own(copy):
    """The student's notebook, each cell with an id of its own."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of ids that it gives: no matter to a student
            _, mine = normalize(nbformat.read(copy.file, as_version=4))
        nbformat.validate(mine)
    except Exception as error:  # nbformat's readers raise whatever they stumble over
        raise ValueError(
            f"{copy.file.name}: nothing came, as it is no notebook ({type(error).__name__})"
        ) from None
    return mine


def _place(copy):
    """The file of the lesson's name; where another has it, the copy stays where it is."""
    target = folder() / copy.lesson.name
    return copy.file if target.exists() else target


def _said(merged):
    parts = {
        f"{merged.came} cells came": merged.came,
        f"{merged.went} went": merged.went,
        f"{merged.both} changed on both sides: yours stays, the lesson's is beneath": merged.both,
    }
    return [part for part, count in parts.items() if count]


def _back_up(copy):
    stamp = f"{datetime.now():%Y-%m-%d.%H%M%S}"
    kept = folder() / "before" / f"{copy.file.stem}.{stamp}.ipynb"
    rewrite(kept, copy.file.read_text(encoding="utf-8"))
    return kept


def _write(copy, notebook, trusted):
    rewrite(copy.file, nbformat.v4.writes(notebook) + "\n")
    if trusted:  # else JupyterLab shows no HTML of what the student has not run
        NotebookNotary().sign(notebook)


def _remember(copy, cells):
    made = {"file": copy.file.name, "cells": cells}
    rewrite(copy.base, json.dumps(made, ensure_ascii=False))


def _updates() -> Iterator[str]:
    for copy in copies():
        try:
            if said := "" if make(copy) else update(copy):
                yield said
        except ValueError as problem:
            yield f"! {problem}"


def main(arguments: list[str]) -> int:
    if arguments not in ([], ["update"]):
        print(__doc__, file=sys.stderr)
        return 2
    if not arguments:
        made = [copy.file.name for copy in copies() if make(copy)]
        if made:
            print(f"{folder()}: your own copies of {len(made)} lessons")
        return 0
    said = list(_updates())
    print("\n".join(said or ["Your copies are as the lessons are."]))
    return int(any(line.startswith("!") for line in said))


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
