"""One folder a lesson, by its name: what only that lesson uses."""

from importlib import import_module

from attnlib.course.exercises.exercise import Exercise
from attnlib.course.manifest import LESSONS


def exercise(key: str) -> Exercise:
    """The exercise with this key: the lesson's name and what is to be written.

        >>> exercise("segments.boundaries")

    Raises:
        ValueError: there is no such lesson, or no such exercise in it.
    """
    name = str(key).partition(".")[0]
    names = tuple(lesson.name for lesson in LESSONS)
    if name not in names:
        raise ValueError(
            f"key must be a lesson and an exercise, as 'segments.boundaries', got {key!r}; "
            f"lessons: {', '.join(names)}"
        )
    found = exercises(name)
    if key not in found:
        raise ValueError(f"key must be one of {tuple(found)}, got {key!r}")
    return found[key]


def exercises(name: str) -> dict[str, Exercise]:
    """Key -> exercise, for all of the lesson with this name."""
    module = import_module(f"attnlib.course.lessons.{name}.exercises")
    return {each.key: each for each in module.EXERCISES}
