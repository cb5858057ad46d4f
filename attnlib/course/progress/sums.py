"""What a class has done: exported files, summed."""

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import NamedTuple

from attnlib.course.progress.content import all_exercises, all_predictions
from attnlib.course.progress.done import SKIPPED
from attnlib.course.progress.export import Export
from attnlib.course.widgets.asked import Asked


class Worked(NamedTuple):
    """An exercise: how many readers tried it, and passed; their tries, hints and mistakes."""

    tried: int
    passed: int
    tries: int
    hints: int
    mistakes: Counter  # kind -> how often


class Chosen(NamedTuple):
    """A prediction: how many readers committed to each choice, and how many skipped it."""

    ask: Asked
    counts: tuple[int, ...]
    skipped: int

    @property
    def answered(self) -> int:
        """How many committed, a skip among them: of these are all shares."""
        return sum(self.counts) + self.skipped


class Sum(NamedTuple):
    """All of the course, whether anybody did it or not, in its order."""

    readers: int
    exercises: Mapping[str, Worked]
    predictions: Mapping[str, Chosen]


def once_each(found: Sequence[Export]) -> list[Export]:
    """Of each reader the file that holds the most: nothing that is done is ever undone."""
    fullest = {}
    for each in sorted(found, key=lambda each: each.size):
        fullest[each.number] = each
    return [*fullest.values()]


def summed(found: Sequence[Export]) -> Sum:
    """The sum of the files, one of each reader."""
    worked = {
        key: _worked([each.exercises[key] for each in found if key in each.exercises])
        for key in all_exercises()
    }
    chosen = {
        name: _chosen(ask, [each.predictions.get(name) for each in found])
        for name, ask in all_predictions().items()
    }
    return Sum(len(found), worked, chosen)


def unknown(found: Export) -> list[str]:
    """What a file holds and this course does not have: it comes from another version."""
    none = summed([])
    choices = {name: len(each.counts) for name, each in none.predictions.items()}
    return [key for key in found.exercises if key not in none.exercises] + [
        name for name, place in found.predictions.items() if place >= choices.get(name, SKIPPED)
    ]


def _worked(each):
    mistakes = Counter()
    for one in each:
        mistakes.update(one.mistakes)
    return Worked(
        tried=sum(one.tries > 0 for one in each),
        passed=sum(one.passed for one in each),
        tries=sum(one.tries for one in each),
        hints=sum(one.hints for one in each),
        mistakes=mistakes,
    )


def _chosen(ask, places):
    counts = Counter(places)
    return Chosen(ask, tuple(counts[place] for place in range(len(ask.choices))), counts[SKIPPED])
