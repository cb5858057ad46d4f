"""Notebooks for the browser tests to run."""

from collections.abc import Iterable
from pathlib import Path

import nbformat
from nbformat.v4 import new_code_cell, new_notebook

from notebooks.execute import METADATA


def written(sources: Iterable[str], path: Path) -> Path:
    """Write a notebook with these cells of code. Returns its path."""
    cells = [new_code_cell(source.strip()) for source in sources]
    nbformat.write(new_notebook(cells=cells, metadata=METADATA), path)
    return path
