"""A storyboard as a page, and the pages beside the decks: their list, and what one reads whole."""

import re
from collections.abc import Collection, Sequence
from pathlib import Path

from jinja2 import Environment, FileSystemLoader
from markupsafe import Markup
from nbconvert.exporters import SlidesExporter
from nbconvert.filters.markdown_mistune import IPythonRenderer, MarkdownWithMath
from nbformat import NotebookNode

from attnlib.course.manifest import Lesson
from docs.executed import named

HERE = Path(__file__).resolve().parent
ROOT = HERE.parents[1]
LESSONS_IN = ROOT / "notebooks"
PAGES = Environment(loader=FileSystemLoader(HERE), autoescape=True)
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
        language_code=board.metadata.get("language", "en"),
    )
    resources = {"metadata": {"name": title, "path": str(ROOT)}}
    html, _ = exporter.from_notebook_node(board, resources)
    return html


def relink(markdown: str, pages: set[str], folder: Path = LESSONS_IN) -> str:
    """Links to files lead to these decks and pages beside them, named without .html, or nowhere.

    Args:
        markdown: of a file in `folder`.
        pages: as docs.executed names lessons; "reply.zh".
    """

    def new(link):
        picture, text, target = link.groups()
        path = (folder / target).resolve()
        if picture:
            return f"![{text}]({path.relative_to(ROOT)})"
        name = named(path)
        return f"[{text}]({name}.html)" if name in pages else text

    return LINK.sub(new, markdown)


def page(markdown: str) -> str:
    """A text as a page of its own; the first line is its heading."""
    title = markdown.partition("\n")[0].removeprefix("# ")
    renderer = IPythonRenderer(escape=False, exclude_anchor_links=True)
    text = Markup(MarkdownWithMath(renderer=renderer).render(markdown))
    return PAGES.get_template("page.html.j2").render(title=Markup(title).striptags(), text=text)


def index(lessons: Sequence[Lesson], decks: Collection[str] = ()) -> str:
    """The page that lists the decks of these lessons; Chinese ones where `decks` names them."""
    lecture = [each for each in lessons if each.lecture]
    total = sum(each.lecture for each in lecture)
    values = {"lessons": lessons, "lecture": lecture, "total": total, "decks": decks}
    return PAGES.get_template("index.html.j2").render(title="attnlib: slides", **values)
