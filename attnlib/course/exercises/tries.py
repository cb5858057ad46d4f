"""How often a reader tried an exercise, whether it passed, which mistakes came how often."""

from collections import Counter
from collections.abc import Mapping
from hashlib import sha256
from secrets import token_hex
from typing import NamedTuple

from attnlib.course.exercises.checking import UNWRITTEN, Mistake
from attnlib.course.exercises.written import source_of
from attnlib.course.record import amend

COURSE = "attnlib."


class Tries(NamedTuple):
    """Of one exercise: up to the pass and with it, or all so far."""

    tries: int = 0
    passed: bool = False
    hints: int = 0
    mistakes: Mapping[str, int] = {}  # kind -> how often

    @classmethod
    def of(cls, facts: Mapping[str, object]) -> "Tries":
        """What the record has under the exercise's key; what is no number there counts nothing."""
        mistakes, told = facts.get("mistakes"), facts.get("told")
        counts = mistakes.items() if isinstance(mistakes, dict) else ()
        return cls(
            _count(facts.get("tries")),
            facts.get("passed") is True,
            len(told) if isinstance(told, list) else 0,
            {kind: _count(often) for kind, often in counts if _count(often)},
        )


def count(key: str, answer: object, mistake: Mistake | None) -> None:
    """Add a check to the record, if it was a try: of something that the reader wrote.

    No try is what a lesson leaves open, what the course lends, and the same code once more. After
    a pass nothing is counted: what passed has passed.

    Args:
        key: of the exercise.
        answer: what was checked.
        mistake: what the check found; None if it passed.
    """
    lent = getattr(answer, "__module__", None) or ""
    if lent.startswith(COURSE) or (mistake is not None and mistake.kind in UNWRITTEN):
        return
    mark = _mark(answer, key.rpartition(".")[2])

    def counted(facts):
        before = Tries.of(facts)
        if before.passed or (mistake is not None and facts.get("last") == mark):
            return facts
        mistakes = Counter(before.mistakes)
        if mistake is not None and mistake.kind:
            mistakes[mistake.kind] += 1
        return facts | {
            "tries": before.tries + 1,
            "passed": mistake is None,
            "mistakes": dict(mistakes),
            "last": mark,
        }

    amend(key, counted)


def _mark(answer, name):
    """What tells this code from other code, and does not tell what it is.

    A function whose source nobody finds, a lambda say, is another one each time.
    """
    try:
        text = source_of(answer, name) or (token_hex() if callable(answer) else repr(answer))
    except Exception:  # the reader's own code may raise anything
        text = token_hex()
    return sha256(text.encode()).hexdigest()[:16]


def _count(value):
    """A whole number, 0 or more; 0 for what is none."""
    return value if type(value) is int and value > 0 else 0
