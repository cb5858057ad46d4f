"""Which solutions a teacher withholds, until they release them."""

import os
import warnings
from pathlib import Path

import attnlib
from attnlib.course.language import say
from attnlib.course.manifest import LESSONS

SETTING = "ATTNLIB_SOLUTIONS"
FILE = Path(attnlib.__file__).parents[1] / "withheld.txt"
KEYS: set[str] = set()  # of the exercises that are made: all of a lesson, when it is opened


def withheld(key: str) -> bool:
    """Whether the solution of this exercise is withheld.

    ATTNLIB_SOLUTIONS=0 in the environment withholds all, =1 none. Without it the file withheld.txt
    beside attnlib's folder says which, a line each: a lesson ("heads"), an exercise
    ("heads.split"), or "all". No file: none. It is read anew each time.

    A line that names nothing is most likely a slip of somebody who wants to withhold something:
    a warning names it, and until it is mended all solutions are withheld. A line of a lesson that
    nobody has opened is judged when it is.

    Raises:
        ValueError: ATTNLIB_SOLUTIONS is something else.
    """
    setting = os.environ.get(SETTING, "")
    if setting not in ("", "0", "1"):
        raise ValueError(f"{SETTING} must be 0 or 1, or not be set, got {setting!r}")
    if setting:
        return setting == "0"
    names = _names()
    faults = [*filter(None, map(_fault, names))]
    for fault in faults:
        warnings.warn(fault, stacklevel=2)
    return bool(faults) or not names.isdisjoint({"all", key, key.partition(".")[0]})


def _names():
    """What the file says. In another encoding than UTF-8 it names nothing that there is."""
    if not FILE.exists():
        return set()
    return set(FILE.read_text(encoding="utf-8-sig", errors="replace").split())


def _fault(name):
    """What to say of a name that is nobody's; else nothing."""
    lessons = [each.name for each in LESSONS]
    lesson = name.partition(".")[0]
    keys = sorted(key for key in KEYS if key.startswith(f"{lesson}."))
    there = [lesson, *(keys or [name])] if lesson in lessons else ["all", *lessons]
    if name in there:
        return ""
    return say(
        "A line of {file} must be a lesson, an exercise, or all, got {name!r}; there are: {there}. "
        "Until it is mended, all solutions are withheld.",
        file=FILE.name,
        name=name,
        there=", ".join(there),
    )
