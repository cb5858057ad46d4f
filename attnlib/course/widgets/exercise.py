"""An exercise: its task, a check that names the likely mistake, hints, and the solution."""

import inspect
from collections.abc import Callable
from dataclasses import dataclass, field

from attnlib.course.language import say


class Verdict(str):
    """What a check says, in a sentence; `.right` is whether the answer passed."""

    right: bool

    def __new__(cls, mistake: str | None):
        verdict = super().__new__(cls, f"✘ {mistake}" if mistake else f"✔ {say('Right.')}")
        verdict.right = mistake is None
        return verdict

    __repr__ = str.__str__


@dataclass
class Exercise:
    """Task, check, hints, solution. In a notebook its value prints the task.

    Args:
        key: the lesson and what is to be written, "segments.boundaries".
        task: what to write, with types and shapes, marked by `N_`.
        find_mistake: takes the reader's answer and returns a sentence, or None if it is right.
        hints: from gentle to plain, each marked by `N_`.
        answer: the solution itself; its source is what `solution` prints.
    """

    key: str
    task: str
    find_mistake: Callable
    hints: tuple[str, ...]
    answer: object
    _shown: int = field(default=0, repr=False)

    def __repr__(self) -> str:
        head = say("Exercise {key}", key=self.key)
        return f"{head}\n{say(self.task)}"

    def check(self, answer) -> Verdict:
        """Say whether the answer is right, and if not which mistake it looks like."""
        try:
            return Verdict(self.find_mistake(answer))
        except Exception as error:  # the reader's own code may raise anything
            told = {"error": type(error).__name__, "message": error}
            return Verdict(say("It stopped with {error}: {message}", **told))

    def hint(self) -> None:
        """Print one hint more at each call."""
        self._shown = min(self._shown + 1, len(self.hints))
        shown = enumerate(self.hints[: self._shown], 1)
        print("\n".join(f"{number}. {say(hint)}" for number, hint in shown))

    def solution(self) -> None:
        """Print code that passes the check."""
        print(inspect.getsource(self.answer) if callable(self.answer) else self.answer)
