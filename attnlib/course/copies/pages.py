"""The pages that lessons link: copies that do not lie beside the folder docs get them, too."""

from pathlib import Path

from nbformat import NotebookNode

from attnlib.course.copies.lessons import HERE
from attnlib.course.rewriting import rewrite

PAGES = ("course.svg", "glossary.md", "reply.md", "reply.zh.md")


def linked(lesson: NotebookNode, near: bool) -> NotebookNode:
    """The lesson with links to docs/ beside its folder, or (`near`) to docs/ inside it."""
    for cell in lesson.cells if near else ():
        if cell.cell_type == "markdown":
            cell.source = cell.source.replace("](../docs/", "](docs/")
    return lesson


def lay_out(place: Path, lessons: Path = HERE) -> None:
    """Put the pages that are missing into the folder docs of `place`."""
    for name in PAGES:
        page = place / "docs" / name
        if not page.exists():
            text = (lessons.parent / "docs" / name).read_text(encoding="utf-8")
            rewrite(page, text.replace("](../notebooks/", "](../"))
