"""A mistake as a class's table names it: no longer one reader's."""

import re
from collections.abc import Mapping

from attnlib.course.language import say

PLACE = re.compile(r"\{[^{}]*\}")


def told(kind: str) -> str:
    """What a `Mistake`'s kind stands for; where its sentence had a value, "…".

    Args:
        kind: the course's own message, or the name of one of Python's errors.
    """
    if kind.isidentifier():
        return say("It stopped with {error}.", error=kind)
    return PLACE.sub("…", say(kind))


def commonest(mistakes: Mapping[str, int]) -> list[tuple[str, int]]:
    """(kind, how often), the commonest first; of equals in the order of the alphabet."""
    return sorted(mistakes.items(), key=lambda pair: (-pair[1], pair[0]))
