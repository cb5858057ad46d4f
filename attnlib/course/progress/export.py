"""The file that a reader hands in: numbers, and nothing of who they are or what they wrote."""

import json
from collections.abc import Mapping
from pathlib import Path
from secrets import token_hex
from typing import NamedTuple

from attnlib.course.exercises.tries import Tries
from attnlib.course.language import say
from attnlib.course.progress.content import all_exercises, all_predictions
from attnlib.course.progress.done import SKIPPED, choice
from attnlib.course.record import all_recorded, amend, folder, recorded
from attnlib.course.rewriting import rewrite
from attnlib.course.widgets.asked import LETTERS

MARK = "attnlib: progress"
KEY = "export"  # in the record, beside exercises and predictions
SKIP = "skipped"
MOST = 10**6  # no reader tries so often


class Export(NamedTuple):
    """Of each exercise that was tried or had hints told, and of each prediction that was committed.

    `number` was drawn at random at the first export. It says nothing of the reader. A second file
    with it is of the same one.
    """

    number: str
    exercises: Mapping[str, Tries]
    predictions: Mapping[str, int]  # the place of the choice, or SKIPPED

    @property
    def size(self) -> int:
        """It grows with all that a reader does."""
        counts = (each.tries + each.passed + each.hints for each in self.exercises.values())
        return len(self.predictions) + sum(counts)


def export(path: Path | None = None) -> Path:
    """Write what a class may know to a file. Where it is.

    For each exercise: how many tries and hints, whether it passed, which mistakes came how often,
    in the course's words. For each prediction: the choice, or that it was skipped. And a random
    number. No name, no path, no code, no time.

    Args:
        path: by default my/progress-<number>.json.

    Raises:
        ValueError: there is another file of that name.
        OSError: it can't be written.
    """
    found = exported(all_recorded(), _number())
    path = path or folder() / f"progress-{found.number}.json"
    if path.exists():
        try:
            read(path)
        except ValueError:
            raise ValueError(f"{path} must be a new file, or an earlier export") from None
    rewrite(path, written(found))
    return path


def exported(record: Mapping[str, Mapping[str, object]], number: str) -> Export:
    """What a class may know of a record."""
    tried = {key: Tries.of(record.get(key, {})) for key in all_exercises()}
    chosen = {name: choice(ask, record.get(name, {})) for name, ask in all_predictions().items()}
    return Export(
        number,
        {key: each for key, each in tried.items() if each != Tries()},
        {name: place for name, place in chosen.items() if place is not None},
    )


def written(found: Export) -> str:
    """The text of the file."""
    text = {
        "what": MARK,
        "number": found.number,
        "exercises": {key: each._asdict() for key, each in found.exercises.items()},
        "predictions": {
            name: SKIP if place == SKIPPED else LETTERS[place]
            for name, place in found.predictions.items()
        },
    }
    return json.dumps(text, indent=1, ensure_ascii=False) + "\n"


def read(path: Path) -> Export:
    """What such a file holds.

    Raises:
        ValueError: it is damaged, or another file. The reason is told, in the reader's language.
        OSError: it can't be read.
    """
    return parsed(path.read_bytes())


def parsed(text: str | bytes) -> Export:
    """What the text of such a file holds.

    Raises:
        ValueError: as `read` does.
    """
    try:
        found = json.loads(text)
    except (ValueError, RecursionError):
        found = None
    if not isinstance(found, dict) or found.get("what") != MARK:
        raise ValueError(say("This is no file that the course has exported, or it is damaged."))
    try:
        return Export(
            _checked(found["number"], str),
            {key: _tries(**each) for key, each in found["exercises"].items()},
            {name: _place(letter) for name, letter in found["predictions"].items()},
        )
    except (AttributeError, KeyError, TypeError, ValueError):
        raise ValueError(say("It was exported by the course, and is damaged.")) from None


def _number():
    number = recorded(KEY).get("number")
    if isinstance(number, str):
        return number
    amend(KEY, lambda known: {"number": token_hex(4)} | known)
    return recorded(KEY).get("number") or token_hex(4)  # where nothing can be kept, a new one


def _tries(tries, passed, hints, mistakes):
    for kind, often in mistakes.items():
        _checked(kind, str), _count(often)
    return Tries(_count(tries), _checked(passed, bool), _count(hints), mistakes)


def _place(letter):
    return SKIPPED if letter == SKIP else tuple(LETTERS).index(letter)


def _count(value):
    if not 0 <= _checked(value, int) < MOST:
        raise ValueError
    return value


def _checked(value, kind):
    if type(value) is not kind:
        raise TypeError
    return value
