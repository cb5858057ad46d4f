"""An exercise: its task, a check that names the likely mistake, hints, and the solution."""

import inspect
from collections.abc import Callable
from dataclasses import dataclass, field
from weakref import WeakSet

from attnlib.course.exercises import mine
from attnlib.course.exercises.calls import Rule, watched
from attnlib.course.exercises.causes import builtin
from attnlib.course.exercises.checking import Mistake
from attnlib.course.exercises.compared import compared
from attnlib.course.exercises.panel import Panel
from attnlib.course.exercises.released import KEYS, withheld
from attnlib.course.exercises.tries import count
from attnlib.course.exercises.verdict import Verdict
from attnlib.course.language import paragraph, say
from attnlib.course.record import record, recorded


@dataclass
class Exercise:
    """Task, check, hints, solution. In a notebook its value is a panel with all of them.

    Args:
        key: the lesson and what is to be written, "segments.boundaries".
        task: what to write, with types and shapes, marked by `N_`.
        find_mistake: takes the reader's answer and returns a `Mistake`, or None if it is right.
        hints: from gentle to plain, each marked by `N_`.
        answer: the solution itself; its source is what `solution` prints.
        loop: the same function as a slow loop that anybody can read: what exactly is wanted.
        rule: what the answer may not call.
        axes: names of the axes of its first argument, where numbers only move: then each number
            is shown by the place that it comes from.
    """

    key: str
    task: str
    find_mistake: Callable
    hints: tuple[str, ...]
    answer: object
    loop: Callable | None = None
    rule: Rule = Rule(core=False)
    axes: tuple[str, ...] = ()
    told: list[int] = field(default_factory=list)  # numbers of hints, in the order of telling
    panels: WeakSet = field(default_factory=WeakSet)  # where it is shown
    _helps: int | None = None  # the hint for the mistake named last

    def __post_init__(self):
        KEYS.add(self.key)

    def __repr__(self) -> str:
        head = say("Exercise {key}", key=self.key)
        return f"{head}\n{say(self.task)}"

    def _repr_mimebundle_(self, **kwargs):
        return Panel(self)._repr_mimebundle_(**kwargs)

    @property
    def name(self) -> str:
        """What the reader's answer is called."""
        return self.key.rpartition(".")[2]

    def check(self, answer) -> Verdict:
        """Say whether the answer is right, and if not which mistake it looks like.

        What is right and belongs to the reader's own module is kept there. A try is counted, in
        my/progress.json.
        """
        mistake = self.refuse(answer)
        count(self.key, answer, mistake)
        if mistake is None:
            verdict = Verdict(None, kept=mine.keep(self.key, answer, self.refuse))
        else:
            tables = compared(mistake.seen, self.answer, answer, self.axes)
            verdict = Verdict(mistake, tables=tables)
        self._helps = mistake.hint if mistake else None
        for panel in self.panels:
            panel.helps = self._helps or 0
        return verdict

    def refuse(self, answer) -> Mistake | None:
        """What is wrong with the answer; None if it is right, and keeps the rule."""
        seen = []
        if callable(answer):
            answer, seen = watched(answer, self.rule, self.answer)
        try:
            mistake = self.find_mistake(answer)
        except Exception as error:  # the reader's own code may raise anything
            told = {"error": type(error).__name__, "message": error}
            stopped = say("It stopped with {error}: {message}", **told)
            return Mistake(stopped, kind=builtin(error))
        if mistake is not None and not isinstance(mistake, Mistake):
            mistake = Mistake(mistake)
        return _with_what_it_calls(mistake, seen[0]) if seen else mistake

    def hint(self) -> None:
        """Print one hint more at each call: the one for the mistake named last, or the next."""
        self.recall()
        rest = [n for n in range(1, len(self.hints) + 1) if n not in self.told]
        if rest:
            self.told.append(self._helps if self._helps in rest else rest[0])
            record(self.key, told=list(self.told))
        for panel in self.panels:
            panel.told = list(self.told)
        said = (say(self.hints[number - 1]) for number in self.told)
        print("\n".join(f"{place}. {hint}" for place, hint in enumerate(said, 1)))

    def recall(self) -> None:
        """Know again which hints were told before the kernel was started."""
        told = recorded(self.key).get("told")
        if not self.told and isinstance(told, list):
            self.told += [number for number in told if number in range(1, len(self.hints) + 1)]

    def solution(self) -> None:
        """Print code that passes the check, or that it is withheld."""
        print(self.solved())

    def solved(self) -> str:
        """Code that passes the check; where a teacher withholds it, a sentence."""
        if withheld(self.key):
            return say("The solution is not released yet.")
        return inspect.getsource(self.answer) if callable(self.answer) else self.answer


def _with_what_it_calls(mistake, name):
    """The same, and after it what the answer calls, though it is to be written."""
    if mistake is None:
        return Mistake(
            say(
                "The numbers are right. But it calls {name}, and that is what you are to write.",
                name=name,
            )
        )
    called = say("It also calls {name}, and that is what you are to write.", name=name)
    return Mistake(paragraph(mistake, called), mistake.hint, mistake.seen, mistake.kind)
