"""The pages that lessons link: copies that do not lie beside the folder docs get them, too."""

import re
from pathlib import Path

from nbformat import NotebookNode

from attnlib.course.copies.lessons import HERE
from attnlib.course.rewriting import rewrite

PAGES = ("course.svg", "glossary.md", "reply.md", "reply.zh.md")


def linked(lesson: NotebookNode, near: bool) -> NotebookNode:
    """The lesson with links to docs/ beside the folder of lessons, or (`near`) inside it."""
    for cell in lesson.cells if near else ():
        if cell.cell_type == "markdown":
            cell.source = re.sub(r"\]\(\.\./((?:\.\./)?docs/)", r"](\1", cell.source)
    return lesson


def lay_out(place: Path, lessons: Path = HERE) -> None:
    """Put the pages that are missing into the folder docs of `place`."""
    for name in PAGES:
        page = place / "docs" / name
        if not page.exists():
            text = (lessons.parent / "docs" / name).read_text(encoding="utf-8")
            rewrite(page, text.replace("](../notebooks/", "](../"))
