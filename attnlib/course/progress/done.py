"""How much of a lesson is done, in numbers."""

from collections.abc import Mapping
from typing import NamedTuple

from attnlib.course.exercises.tries import Tries
from attnlib.course.lessons import exercises
from attnlib.course.widgets.asked import Asked, all_asked

SKIPPED = -1  # as a prediction records it: committed, and none chosen


class Done(NamedTuple):
    """Of one lesson or of several: what is done, and of how much."""

    passed: int
    exercises: int
    committed: int  # to a choice
    predictions: int
    right: int
    skipped: int


def done(lesson: str, record: Mapping[str, Mapping[str, object]]) -> Done:
    """How much of the lesson with this name is done.

    Args:
        record: what `record.all_recorded` gives.
    """
    keys, asked = exercises(lesson), all_asked(lesson)
    chosen = {name: choice(ask, record.get(name, {})) for name, ask in asked.items()}
    places = [place for place in chosen.values() if place is not None]
    return Done(
        passed=sum(Tries.of(record.get(key, {})).passed for key in keys),
        exercises=len(keys),
        committed=sum(place != SKIPPED for place in places),
        predictions=len(asked),
        right=sum(chosen[name] == ask.place for name, ask in asked.items()),
        skipped=places.count(SKIPPED),
    )


def choice(ask: Asked, facts: Mapping[str, object]) -> int | None:
    """The place of the choice that was committed, SKIPPED, or None as long as nothing is.

    Args:
        facts: what the record has under the prediction's name.
    """
    place = facts.get("chosen")
    known = type(place) is int and SKIPPED <= place < len(ask.choices)
    return place if known and facts.get("committed") is True else None
