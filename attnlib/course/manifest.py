"""The lessons, in their order: what `lessons/lessons.toml` says of each."""

import tomllib
from pathlib import Path
from typing import NamedTuple

from attnlib.course.language import say

FILE = Path(__file__).with_name("lessons") / "lessons.toml"


class Lesson(NamedTuple):
    """One lesson. Its `name` is the key of its folder, exercises and links; `number` is its place.

    `needs` are names of earlier lessons. `minutes` are those of the whole lesson, `core` those that
    nobody should leave out. `aim` is what a reader can do after it. `side` is "NesT", "PGL-SUM", or
    "" for both. `lecture` are the minutes of its core that the lecture of 90 minutes takes.
    """

    number: int
    name: str
    title: str
    question: str
    needs: list[str]
    minutes: int
    core: int
    aim: str
    side: str = ""
    lecture: int = 0

    @property
    def stem(self) -> str:
        """The file's name without its ending: "05_segments"."""
        return f"{self.number:02d}_{self.name}"

    @property
    def heading(self) -> str:
        """As the lesson's first line says it: "05 · Segments", in the language spoken now."""
        return f"{self.number:02d} · {say(self.title)}"


LESSONS = tuple(
    Lesson(**entry) for entry in tomllib.loads(FILE.read_text(encoding="utf-8"))["lesson"]
)


def lesson(name: str) -> Lesson:
    """The lesson of that name. Raises ValueError for another, and names those that there are."""
    found = {each.name: each for each in LESSONS}
    if name not in found:
        raise ValueError(f"name must be one of {tuple(found)}, got {name!r}")
    return found[name]
