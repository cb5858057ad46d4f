"""A lesson that is opened alone, away from the repository: `python -m docs.alone FOLDER`.

Nothing is answered in it, its first cell installs what is missing, and its links lead to the
repository. All of that needs the address; without one nothing is written.
"""

import posixpath
import re
import sys
from pathlib import Path

import nbformat
from nbformat import NotebookNode
from nbformat.v4 import new_code_cell, new_markdown_cell

from attnlib.course.copies.student import for_a_student
from docs.address import repository
from notebooks.execute import HERE, LESSONS

LINK = re.compile(r"(!?)(\[[^\]]*\])\((?!https?:)([\w./]+\.(?:md|ipynb|svg|png))")
SAID = (
    "This lesson was opened alone. The next line installs what it needs, and takes some minutes. "
    "Where attnlib is installed, leave it out."
)


def alone(lesson: NotebookNode, address: str) -> NotebookNode:
    """A copy of a lesson that works wherever there is a kernel and a network."""
    lesson = for_a_student(lesson)
    for cell in lesson.cells:
        if cell.cell_type == "markdown":
            cell.source = LINK.sub(lambda match: _led(match, address), cell.source)
    install = new_code_cell(
        f'%pip install -q "attnlib[lessons] @ git+{address}"', id="alone-install"
    )
    lesson.cells[1:1] = [new_markdown_cell(SAID, id="alone-said"), install]
    return lesson


def write(folder: Path, address: str) -> None:
    """All lessons, into that folder; none without an address."""
    if not address:
        return
    folder.mkdir(parents=True, exist_ok=True)
    for path in sorted(HERE.glob(LESSONS)):
        nbformat.write(alone(nbformat.read(path, 4), address), folder / path.name)


def _led(match, address):
    """A link from notebooks/ to a file of the repository, as a link to it there."""
    picture, text, to = match.groups()
    path = posixpath.normpath(f"notebooks/{to}")
    return f"{picture}{text}({address}/{'raw' if picture else 'blob'}/HEAD/{path}"


if __name__ == "__main__":
    write(Path(sys.argv[1]), repository())
