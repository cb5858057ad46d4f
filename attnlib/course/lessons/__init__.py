"""One folder a lesson, by its name: what only that lesson uses."""

from importlib import import_module

from attnlib.course.widgets.exercise import Exercise

FOLDERS = (
    *("two_cousins", "by_hand", "heads", "blocks", "global_branch", "segments"),
    *("positions", "fusion", "detective", "learning", "kernels", "capstone"),
)


def exercise(key: str) -> Exercise:
    """The exercise with this key: lesson and number, as "00.1"."""
    folders = {f"{number:02d}": name for number, name in enumerate(FOLDERS)}
    lesson = str(key).partition(".")[0]
    if lesson not in folders:
        raise ValueError(f"key must be a lesson and a number, as '00.1', got {key!r}")
    module = import_module(f"attnlib.course.lessons.{folders[lesson]}.exercises")
    found = {each.key: each for each in module.EXERCISES}
    if key not in found:
        raise ValueError(f"key must be one of {tuple(found)}, got {key!r}")
    return found[key]
