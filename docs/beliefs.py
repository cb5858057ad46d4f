"""The index of wrong beliefs: each with what is so, and where a lesson shows it."""

import json
import re
from collections.abc import Iterator

from notebooks.execute import HERE, LESSONS, read

QUESTIONS = HERE.parent / "attnlib/course/widgets/questions/questions.json"
HEADING = "A wrong belief, and what refutes it"
BELIEF = re.compile(r"^> \*[\"“](.+)[\"”]\*$", re.MULTILINE | re.DOTALL)

TOP = """# Wrong beliefs, and where to read again

Most people hold some of these at first. Each is refuted by something that you can run.

## The ten that the questions ask for

Two forms of the questions, before lesson 00 and after lesson 08, ask for the same ten in other
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
    for question in json.loads(QUESTIONS.read_text(encoding="utf-8")):
        name, because, again = question["name"], question["because"], question["again"]
        here = _link(again["lesson"], again["heading"])
        yield (
            f"| {name['en']}<br>{name['zh']} | {because['en']}<br>{because['zh']} "
            f"| {again['lesson'][:2]} · [{again['heading']}]({here}) |\n"
        )


def _of_lessons() -> Iterator[str]:
    for path in sorted(HERE.glob(LESSONS)):
        cells = read(path).cells
        title = cells[0].source.splitlines()[0].removeprefix("# ")
        for cell in cells:
            if cell.source.startswith(f"## {HEADING}"):
                belief = " ".join(BELIEF.search(cell.source)[1].replace("\n>", " ").split())
                yield f"| {title} | [“{belief}”]({_link(path.stem, HEADING)}) |\n"


def _link(lesson, heading):
    # The name that MyST gives a heading; Sphinx refuses the page if it is another.
    anchor = re.sub(r"[^\w -]", "", heading.lower()).replace(" ", "-")
    return f"../notebooks/{lesson}.ipynb#{anchor}"
