"""A storyboard as a page, and the page that lists the decks."""

import re
from collections.abc import Sequence
from pathlib import Path

from jinja2 import Template
from nbconvert.exporters import SlidesExporter
from nbformat import NotebookNode

from attnlib.course.manifest import Lesson

HERE = Path(__file__).resolve().parent
ROOT = HERE.parents[1]
LESSONS_IN = ROOT / "notebooks"
LINK = re.compile(r"(!?)\[([^\]]*)\]\((?!https?:|#)([^)]*)\)")  # to a file


def deck(board: NotebookNode, title: str) -> str:
    """The HTML of a deck, its pictures inside.

    Args:
        board: what `storyboard` made.
        title: of the page.
    """
    exporter = SlidesExporter(
        template_name="deck",
        extra_template_basedirs=[str(HERE / "template")],
        reveal_url_prefix="assets/reveal.js",
        reveal_theme="white",
        embed_images=True,
        exclude_anchor_links=True,
        exclude_input_prompt=True,
        exclude_output_prompt=True,
    )
    resources = {"metadata": {"name": title, "path": str(ROOT)}}
    html, _ = exporter.from_notebook_node(board, resources)
    return html


def relink(markdown: str, lessons: set[str]) -> str:
    """Links of a lesson to others lead to their decks, those to other files nowhere."""

    def new(link):
        picture, text, target = link.groups()
        path = (LESSONS_IN / target).resolve()
        if picture:
            return f"![{text}]({path.relative_to(ROOT)})"
        return f"[{text}]({path.stem}.html)" if path.stem in lessons else text

    return LINK.sub(new, markdown)


def index(lessons: Sequence[Lesson]) -> str:
    """The page that lists the decks of these lessons."""
    page = Template((HERE / "index.html.j2").read_text(encoding="utf-8"), autoescape=True)
    lecture = [each for each in lessons if each.lecture]
    total = sum(each.lecture for each in lecture)
    return page.render(lessons=lessons, lecture=lecture, total=total)
