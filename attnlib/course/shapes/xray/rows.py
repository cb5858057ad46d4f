"""Rows: which calls go together into one, and how they are shown once all letters are known."""

from collections.abc import Iterable

from torch import Tensor

from attnlib.course.shapes.xray.calls import Effect
from attnlib.course.shapes.xray.places import Place
from attnlib.course.shapes.xray.table import Step
from attnlib.course.shapes.xray.words import shown_axes, shown_pattern

KINDS = ("moves", "copies", "computes")  # a row of several calls is the last of theirs


class Row:
    """One step under way: a call, and those that go into the same row.

    Args:
        place: where the call stands.
        verb, subject: what it does, and the name of what it does it to, if that has one.
        effect: what it does with the axes.
        result: the (first) tensor that it gives.
        size: the bytes of new memory in the result.
        kind: one of KINDS.
    """

    def __init__(
        self,
        place: Place,
        verb: str,
        subject: str,
        effect: Effect,
        result: Tensor,
        size: int,
        kind: str,
    ):
        self.place, self.verbs = place, [place.name or verb]
        self.subject = subject if effect.pure or not place.name else ""
        self.effect, self.splits = effect, dict(effect.splits)
        self.inputs, self.pure = effect.inputs, effect.pure
        self.result, self.size, self.kind = result, size, kind

    def takes(self, later: "Row", operand: Tensor | None) -> bool:
        """Take in a call that belongs here: of the same helper, or the next move in a statement."""
        chain = operand is self.result
        same_helper = later.place.helper is not None and later.place.helper is self.place.helper
        moves_on = chain and later.pure and later.place.statement == self.place.statement
        if not same_helper and not (moves_on and (self.pure or self.place.helper)):
            return False
        self.inputs = self.inputs if chain else []
        self.pure = self.pure and later.pure
        if self.pure and not same_helper:
            self.verbs += later.verbs
        self.splits |= later.splits
        self.effect, self.result = later.effect, later.result
        self.size = later.size or self.size  # intermediate tensors of a helper are not counted
        self.kind = max(self.kind, later.kind, key=KINDS.index)
        return True

    def step(self, subjects: Iterable[str] = ()) -> Step:
        """The row as it is shown; with all their `subjects` if it stands for several."""
        subject, effect = ", ".join(filter(None, subjects)) or self.subject, self.effect
        verb = "".join(v if v[0] in "[ " or not k else f".{v}" for k, v in enumerate(self.verbs))
        # Words stand before what they work on, signs after it: reshape q, q * 0.35, q[0].
        name = f"{verb} {subject}" if verb[0].isalpha() else subject + verb
        if effect.called:
            name = f"{name.strip()} → {', '.join(effect.called)}"
        pattern = ""
        if self.inputs:
            pattern = shown_pattern(self.inputs, effect.output, self.splits, effect.copies)
        axes, shape = shown_axes(effect.output), tuple(self.result.shape)
        return Step(name.strip(), axes, shape, pattern, self.size, self.kind)


def folded(rows: list[Row]) -> tuple[Step, ...]:
    """The rows as they are shown: one for q, k and v where one statement moves them alike."""
    groups: list[list[Row]] = []
    for row in rows:
        if groups and _moved_alike(groups[-1][-1], row):
            groups[-1].append(row)
        else:
            groups.append([row])
    return tuple(map(_one_step, groups))


def _moved_alike(one: Row, other: Row) -> bool:
    if not one.kind == other.kind == "moves" or one.place.statement != other.place.statement:
        return False
    return one.step()[1:] == other.step()[1:]


def _one_step(group: list[Row]) -> Step:
    if len({(*row.verbs, *row.effect.called) for row in group}) == 1:
        return group[0].step([row.subject for row in group])
    steps = [row.step() for row in group]
    return steps[0]._replace(step=", ".join(step.step for step in steps))
