"""The index of wrong beliefs: each with what is so, and where a lesson shows it."""

import json
import re
from collections.abc import Iterator

from attnlib.course.manifest import LESSONS, lesson
from notebooks.execute import HERE, read

QUESTIONS = HERE.parent / "attnlib/course/widgets/questions/questions.json"
HEADING = "A wrong belief, and what refutes it"
BELIEF = re.compile(r"^> \*[\"“](.+)[\"”]\*$", re.MULTILINE | re.DOTALL)

TOP = """# Wrong beliefs, and where to read again

Most people hold some of these at first. Each is refuted by something that you can run.

## The ten that the questions ask for

Two forms of the questions, before lesson 00 and after lesson 09, ask for the same ten in other
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
        place = lesson(again["lesson"])
        here = _link(place.stem, again["heading"])
        yield (
            f"| {name['en']}<br>{name['zh']} | {because['en']}<br>{because['zh']} "
            f"| {place.number:02d} · [{again['heading']}]({here}) |\n"
        )


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
