"""A copy of each lesson, for one student: my/05_segments.ipynb; in Chinese my/zh/05_segments.ipynb.

my/.base/ remembers from what each was made, under the lesson's name: a lesson keeps its copy when
it gets another number.
"""

import json
import warnings
from datetime import datetime
from pathlib import Path
from typing import NamedTuple

import nbformat
from nbformat.sign import NotebookNotary
from nbformat.validator import normalize

from attnlib.course.copies.lessons import HERE, LESSONS, read
from attnlib.course.copies.merging import Merged, merge, sources
from attnlib.course.copies.pages import linked
from attnlib.course.copies.student import for_a_student
from attnlib.course.language import N_, say
from attnlib.course.record import COPIES, folder
from attnlib.course.rewriting import rewrite

BOTH = N_("{count} changed on both sides: yours stays, the lesson's is beneath")


class Copy(NamedTuple):
    """The copy of one lesson: what it is made of, its file, and what it was made from."""

    lesson: Path
    file: Path
    base: Path

    @property
    def place(self) -> Path:
        """The folder in which it lies."""
        return self.file.parent

    @property
    def near(self) -> bool:
        """Whether the pages that the lesson links are to lie inside that folder."""
        is_translated = self.lesson.parents[1].name == HERE.name
        up = 2 if is_translated else 1
        return self.place.resolve().parents[up - 1] != self.lesson.resolve().parents[up]


def copies(lessons: Path = HERE, place: Path | None = None) -> list[Copy]:
    """Of every lesson, whether its copy is there or not.

    Args:
        lessons: the folder of the lessons.
        place: that of the copies; by default the one that attnlib.course.record names.
    """
    return [_copy(lesson, place or folder()) for lesson in sorted(lessons.glob(LESSONS))]


def make(copy: Copy) -> bool:
    """Make a copy that is missing; True if it was."""
    if copy.file.exists():
        return False
    made = _of(copy)
    _write(copy, made, trusted=True)
    _remember(copy, sources(made.cells))
    return True


def update(copy: Copy) -> str:
    """Let what is new in the lesson come into the copy; what happened, or "" for nothing.

    A copy of the copy comes first. Raises ValueError, having written nothing, where the copy or
    what it was made from cannot be read.
    """
    new, base = _of(copy), _base(copy)
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
        said.append(say("it was {name}", name=copy.file.name))
    return say(
        "{file}: {changes} (before: {kept})",
        file=target.file.name,
        changes="; ".join(said) or say("nothing of yours changed"),
        kept=kept.relative_to(copy.place),
    )


def _copy(lesson, place):
    base = place / COPIES / f"{lesson.stem.partition('_')[2]}.json"
    file = place / Path(str(_made_from(base).get("file", lesson.name))).name
    return Copy(lesson, file if file.exists() else place / lesson.name, base)


def _of(copy):
    """The lesson as its copy first shows it."""
    return linked(for_a_student(read(copy.lesson)), copy.near)


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
            "and the next `python -m attnlib.course copy` makes a new one"
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
    target = copy.place / copy.lesson.name
    return copy.file if target.exists() else target


def _said(merged: Merged) -> list[str]:
    found = []
    if merged.came:
        found.append(say("{count} cells came", count=merged.came))
    if merged.went:
        found.append(say("{count} went", count=merged.went))
    if merged.both:
        found.append(say(BOTH, count=merged.both))
    return found


def _back_up(copy):
    stamp = f"{datetime.now():%Y-%m-%d.%H%M%S}"
    kept = copy.place / "before" / f"{copy.file.stem}.{stamp}.ipynb"
    rewrite(kept, copy.file.read_text(encoding="utf-8"))
    return kept


def _write(copy, notebook, trusted):
    rewrite(copy.file, nbformat.v4.writes(notebook) + "\n")
    if trusted:  # else JupyterLab shows no HTML of what the student has not run
        NotebookNotary().sign(notebook)


def _remember(copy, cells):
    made = {"file": copy.file.name, "cells": cells}
    rewrite(copy.base, json.dumps(made, ensure_ascii=False))
