"""What a prediction asks: the lesson's predictions.toml, read by name."""

import tomllib
from dataclasses import dataclass, field

from attnlib.course.language import say
from attnlib.course.manifest import FILE, LESSONS

LETTERS = "abcdef"  # of the choices, wherever they are shown


@dataclass(frozen=True)
class Asked:
    """A question, two to six choices, the letter of the right one, and why it is right.

    Its text form leaves out what a reader may not see before the commitment.
    """

    question: str
    choices: tuple[str, ...]
    answer: str = field(repr=False)
    because: str = field(repr=False)

    def __post_init__(self):
        if not 2 <= len(self.choices) <= len(LETTERS):
            raise ValueError(f"choices must be two to six, got {len(self.choices)}")
        letters = tuple(LETTERS[: len(self.choices)])
        if self.answer not in letters:
            raise ValueError(f"answer must be one of {letters}, got {self.answer!r}")

    @property
    def place(self) -> int:
        """Where the right choice stands, from 0."""
        return LETTERS.index(self.answer)

    @property
    def lettered(self) -> tuple[str, ...]:
        """The choices as a list reads them: "a. both"."""
        pairs = zip(LETTERS, self.choices, strict=False)
        return tuple(f"{letter}. {choice}" for letter, choice in pairs)

    def said(self) -> "Asked":
        """The same in the language that is spoken now."""
        choices = tuple(say(choice) for choice in self.choices)
        return Asked(say(self.question), choices, self.answer, say(self.because))


def asked(name: str) -> Asked:
    """The prediction of this name: the lesson's, a dot, and that of a table in its file.

        >>> asked("heads.keys_of_head_1")

    Raises:
        ValueError: there is no such lesson, or no such prediction in it.
    """
    lesson = str(name).partition(".")[0]
    lessons = tuple(each.name for each in LESSONS)
    if lesson not in lessons:
        raise ValueError(
            f"name must be a lesson and a prediction, as 'heads.keys_of_head_1', got {name!r}; "
            f"lessons: {', '.join(lessons)}"
        )
    found = all_asked(lesson)
    if name not in found:
        raise ValueError(f"name must be one of {tuple(found)}, got {name!r}")
    return found[name]


def all_asked(lesson: str) -> dict[str, Asked]:
    """Name -> prediction, for all of the lesson with this name, in their order."""
    file = FILE.with_name(lesson) / "predictions.toml"
    return {
        f"{lesson}.{key}": Asked(**parts | {"choices": tuple(parts["choices"])})
        for key, parts in tomllib.loads(file.read_text(encoding="utf-8")).items()
    }
