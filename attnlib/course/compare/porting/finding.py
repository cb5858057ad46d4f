"""What `same` found, as a porter reads it: the verdict, where it was seen, code to paste."""

from collections.abc import Iterator
from dataclasses import dataclass
from textwrap import indent

from attnlib.course.compare.calling.arguments import optional
from attnlib.course.compare.judging.verdict import Verdict
from attnlib.course.language import N_, say

NAMES = 6  # of arguments that are told
WAYS = {"forth": N_("f into g"), "back": N_("g into f")}


@dataclass(frozen=True)
class Move:
    """Parameters of one module written into another, and seen to do there what they did.

    `code`: Python with torch and einops that does it, run as it stands, with f and g the modules;
    None where no pattern of einops was found: `unwritten` says for which parameter.
    `difference`: the largest error of the outputs, relative to the largest output.
    """

    code: str | None
    difference: float
    unwritten: str = ""

    @property
    def text(self) -> str:
        """The code, or why there is none."""
        return self.code or say(
            "moved, by more than a re-arrangement ({why}): convert gives the numbers",
            why=self.unwritten,
        )


@dataclass(frozen=True)
class Finding:
    """What `same` found. Print it to read all of it.

    Equality is evidence, seen at draws; a difference is proof.

    `forth` and `back` are the move of f into g and of g into f, or why there is none.
    `equal_up_to`: L, where they are equal for shorter inputs alone.
    """

    forth: Move | str
    back: Move | str
    seen: Verdict
    equal_up_to: int | None = None

    @property
    def verdict(self) -> str:
        """ "same", "different" or "undecided"."""
        return self.seen.verdict

    @property
    def witnesses(self) -> tuple[str, ...]:
        """What one does, whatever its parameters, and the other does not."""
        return (self.seen.witness,) if self.seen.witness else ()

    @property
    def special(self) -> str | None:
        """ "f" or "g", whose parameters always go into the other, but not the other way round."""
        moves = [isinstance(way, Move) for way in (self.forth, self.back)]
        if self.verdict != "different" or moves[0] == moves[1]:
            return None
        return "f" if moves[0] else "g"

    def __repr__(self) -> str:
        return "\n".join([self._headline(), *self._called(), *self._ways()])

    def _headline(self) -> str:
        if self.verdict == "same":
            return say("SAME both ways, {domain}", domain=self.seen.domain)
        if self.verdict == "undecided":
            text = say("UNDECIDED: no move was found, and nothing that tells them apart")
        elif self.special:
            other = "g" if self.special == "f" else "f"
            told = {"one": self.special, "other": other}
            text = say("DIFFERENT: {one} is a special case of {other}", **told)
        elif self.witnesses:
            text = say("DIFFERENT: {witness}", witness=self.witnesses[0])
        else:
            text = say("DIFFERENT, as read")
        lines = [text, *self.witnesses[not self.special :]]
        if self.equal_up_to:
            lines.append(_up_to(self.equal_up_to))
        return "\n  ".join(lines)

    def _called(self) -> Iterator[str]:
        proved = self.witnesses and not self.special  # then no other call can change it
        for name, call, others in zip("fg", self.seen.calls, self.seen.others, strict=True):
            yield f"{name}: {call.said}"
            if not proved:
                yield from (f"   {line}" for line in _tried(call, others) if line)

    def _ways(self) -> Iterator[str]:
        for name, way in WAYS.items():
            move = getattr(self, name)
            if isinstance(move, str):
                yield say("{way}: no, {why}", way=say(way), why=move)
            else:
                yield say("{way}, worst {off:.0e}:", way=say(way), off=move.difference)
                yield indent(move.text, "    ")


def _tried(call, others):
    """With what else it was called, and what of its arguments never got anything."""
    besides = say("; ").join(dict.fromkeys(filter(None, (each.unlike(call) for each in others))))
    yield besides and say("tried too: {given}", given=besides)
    given = set().union(*(each.given for each in (call, *others)))
    left = [name for name in optional(call.module) if name not in given]
    told = {"names": ", ".join(left[:NAMES]), "more": len(left) - NAMES}
    if len(left) > NAMES:
        yield say("not given, so untested: {names} and {more} more", **told)
    elif left:
        yield say("not given, so untested: {names}", **told)


def _up_to(length):
    return say("Equal up to L = {length}: convert(f, g, max_length={length})", length=length)
