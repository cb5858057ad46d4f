"""Where the lessons lie, as they are handed out: executed, each a notebook."""

from pathlib import Path

import nbformat
from nbformat import NotebookNode

COURSE = Path(__file__).resolve().parents[1]
# A wheel carries them inside the package: setup.py puts them there. In the repository they lie
# beside it.
ROOT = COURSE if (COURSE / "notebooks").is_dir() else COURSE.parents[1]
HERE = ROOT / "notebooks"
LESSONS = "[0-9][0-9]_*.ipynb"


def read(path: Path) -> NotebookNode:
    """The notebook as it lies there. (`nbformat.read` would make up random ids where some lack.)"""
    return nbformat.v4.reads(path.read_text(encoding="utf-8"))
