"""Where the lessons lie, as they are handed out: executed, each a notebook."""

from pathlib import Path

import nbformat
from nbformat import NotebookNode

from attnlib.course.repository import ROOT

HERE = ROOT / "notebooks"
LESSONS = "[0-9][0-9]_*.ipynb"
TRANSLATED = f"[a-z]*/{LESSONS}"  # in other languages, each in a folder named by its language


def languages() -> list[str]:
    """In which languages there are lessons, beside English."""
    return sorted({path.parent.name for path in HERE.glob(TRANSLATED)})


def read(path: Path) -> NotebookNode:
    """The notebook as it lies there. (`nbformat.read` would make up random ids where some lack.)"""
    return nbformat.v4.reads(path.read_text(encoding="utf-8"))
