"""What the course asks, from its first lesson to its last."""

from attnlib.course.lessons import exercises
from attnlib.course.manifest import LESSONS
from attnlib.course.widgets.asked import Asked, all_asked


def all_exercises() -> list[str]:
    """The keys of all exercises."""
    return [key for lesson in LESSONS for key in exercises(lesson.name)]


def all_predictions() -> dict[str, Asked]:
    """Name -> what is asked, for all predictions."""
    return {name: ask for lesson in LESSONS for name, ask in all_asked(lesson.name).items()}
