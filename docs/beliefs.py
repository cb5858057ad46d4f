"""The index of wrong beliefs: each with what is so, and where a lesson shows it."""

import re
from collections.abc import Iterator

from attnlib.course.language import catalogue
from attnlib.course.manifest import LESSONS, lesson
from attnlib.course.widgets.questions.data import misconceptions
from notebooks.execute import HERE, read

HEADING = "A wrong belief, and what refutes it"
BELIEF = re.compile(r"^> \*[\"“](.+)[\"”]\*$", re.MULTILINE | re.DOTALL)

TOP = """# Wrong beliefs, and where to read again

Most people hold some of these at first. Each is refuted by something that you can run.

## Those that the questions ask for

Two forms of the questions, before lesson 00 and after lesson 09, ask for the same beliefs in other
words.

| wrong belief | what is so | read again |
|---|---|---|
"""
BOTTOM = """
## One in every lesson

| lesson | its wrong belief, and what refutes it |
|---|---|
"""


def page() -> str:
    """The page, as Markdown."""
    return "".join([TOP, *_asked(), BOTTOM, *_of_lessons()])


def _asked() -> Iterator[str]:
    for each in misconceptions():
        place, heading = lesson(each["again"]["lesson"]), each["again"]["heading"]
        again = f"{place.number:02d} · [{heading}]({_link(place.stem, heading)})"
        yield f"| {_twice(each['name'])} | {_twice(each['because'])} | {again} |\n"


def _twice(message):
    """In English and in Chinese."""
    chinese = catalogue("zh", "widgets/questions/questions.toml")[message]
    return f'{message}<br><span lang="zh-Hans">{chinese}</span>'


def _of_lessons() -> Iterator[str]:
    for each in LESSONS:
        for cell in read(HERE / f"{each.stem}.ipynb").cells:
            if cell.source.startswith(f"## {HEADING}"):
                belief = " ".join(BELIEF.search(cell.source)[1].replace("\n>", " ").split())
                yield f"| {each.heading} | [“{belief}”]({_link(each.stem, HEADING)}) |\n"


def _link(stem, heading):
    # The name that MyST gives a heading; Sphinx refuses the page if it is another.
    anchor = re.sub(r"[^\w -]", "", heading.lower()).replace(" ", "-")
    return f"../notebooks/{stem}.ipynb#{anchor}"
