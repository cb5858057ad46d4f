"""The tables of the course in pages that are also read as files: `python -m docs.front`.

Each stands in its page between two comments, <!-- lessons --> and <!-- end -->, and is made of the
manifest. The map of the course is drawn along with them.
"""

import re
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import NamedTuple

from attnlib.course.language import say, speaking
from attnlib.course.manifest import LESSONS
from docs import course_map

ROOT = Path(__file__).resolve().parents[1]


class Page(NamedTuple):
    """A file, and its tables: the name in the comment -> what makes the table."""

    path: Path
    tables: Mapping[str, Callable[[], str]]


def lessons() -> str:
    """Every lesson with its question and its minutes."""
    rows = [
        f"| [{each.heading}](notebooks/{each.stem}.ipynb) | {each.question} "
        f"| {each.minutes} | {each.core} |"
        for each in LESSONS
    ]
    return "\n".join(["| | question | minutes | core |", "|---|---|---|---|", *rows])


def lessons_in_chinese() -> str:
    """The same in Chinese; a lesson that is not translated is said to be English."""
    with speaking("zh"):
        rows = [
            f"| {_chinese(each)} | {say(each.question)} | {each.minutes} | {each.core} |"
            for each in LESSONS
        ]
    return "\n".join(["| 课 | 它的问题 | 分钟 | 核心 |", "|---|---|---|---|", *rows])


def _chinese(lesson):
    path = f"notebooks/zh/{lesson.stem}.ipynb"
    if (ROOT / path).exists():
        return f"[{lesson.heading}]({path})"
    return f"[{lesson.heading}](notebooks/{lesson.stem}.ipynb)（英文）"


def minutes() -> str:
    """Every lesson with its minutes and what it is for."""
    rows = [
        f"| [{each.number:02d}](../notebooks/{each.stem}.ipynb) "
        f"| {each.minutes} | {each.core} | {each.aim} |"
        for each in LESSONS
    ]
    return "\n".join(["| lesson | minutes | core | aim |", "|---|---|---|---|", *rows])


PAGES = (
    Page(ROOT / "README.md", {"lessons": lessons}),
    Page(ROOT / "README.zh.md", {"lessons": lessons_in_chinese}),
    Page(ROOT / "docs/lecturer.md", {"minutes": minutes}),
)


def filled(text: str, tables: Mapping[str, Callable[[], str]]) -> str:
    """The page with its tables made anew. Raises ValueError where their comments are missing."""
    for name, make in tables.items():
        mark = re.compile(rf"(<!-- {name} -->\n).*?(\n<!-- end -->)", re.DOTALL)
        if len(mark.findall(text)) != 1:
            raise ValueError(f"text must hold <!-- {name} --> … <!-- end --> once")
        found = mark.search(text)
        text = f"{text[: found.start()]}{found[1]}{make()}{found[2]}{text[found.end() :]}"
    return text


def main() -> None:
    for page in PAGES:
        text = page.path.read_text(encoding="utf-8")
        page.path.write_text(filled(text, page.tables), encoding="utf-8")
    course_map.FILE.write_text(course_map.svg(), encoding="utf-8")


if __name__ == "__main__":
    main()
