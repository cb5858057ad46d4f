"""Two modules, bare: same, different, or undecided; and in which domain that was seen."""

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from math import isfinite

from torch import nn

from attnlib.course.compare.calling.call import Call
from attnlib.course.compare.calling.refusals import no_length
from attnlib.course.compare.calling.unreadable import Unreadable
from attnlib.course.compare.judging.agreement import allowed, error
from attnlib.course.compare.judging.structure import elsewhere
from attnlib.course.compare.judging.uses import Use, uses
from attnlib.course.compare.judging.witness import witness
from attnlib.course.compare.moving.move import moved
from attnlib.course.compare.reading.drawing import drawn
from attnlib.course.compare.reading.immovable import Immovable, Untried
from attnlib.course.compare.reading.read import Reading, read
from attnlib.course.language import say

DRAWS = 3
LARGE = 8.0  # times so large is one draw more: there a clamp or a cap of scores shows
STEPS = 2 + 2 * (DRAWS + 1) + 1  # two are read, moved both ways at each draw, a witness is sought
LOOKED_AT = 16  # tokens at most, where parts are read; outputs are compared at all lengths
FEW = 5  # of a module so wide that each token costs much
WIDE = 256


@dataclass(frozen=True)
class Verdict:
    """`forth`, `back`: the worst difference after the move of f into g, of g into f; or why not."""

    verdict: str  # "same", "different" or "undecided"
    forth: float | str
    back: float | str
    lengths: tuple[int, ...]
    witness: str | None = None
    calls: tuple[Call, ...] = field(default=(), repr=False)  # of f and of g
    others: tuple[tuple[Call, ...], ...] = field(default=((), ()), repr=False)  # of f, of g; tried
    readings: tuple[Reading | str, ...] = field(default=(), repr=False)  # or why there is none

    @property
    def domain(self) -> str:
        """Where equality was seen."""
        worst = max((way for way in (self.forth, self.back) if isinstance(way, float)), default=0.0)
        return say(
            "worst {worst:.0e} (float64, eval, L = {lengths}, {draws} draws; longer untested)",
            worst=worst,
            lengths=" … ".join(map(str, sorted({min(self.lengths), max(self.lengths)}))),
            draws=DRAWS,
        )


def compare(
    f: nn.Module,
    g: nn.Module,
    *,
    width: int | None = None,
    max_length: int | None = None,
    step: Callable[[], object] = lambda: None,
) -> Verdict:
    """Whether each of two modules can compute what the other does.

    Args:
        width: C, where parameters do not tell.
        max_length: of the inputs on which they are compared; else as `lengths` says.
        step: called after each of at most STEPS parts of the work.
    Raises:
        Unreadable: one of them cannot be called at all, or there is no length that both take.
        ValueError: width or max_length is none; or max_length is shorter than both take.
    """
    every = uses(f, g, width=width)
    if not every[0].lengths:
        raise Unreadable(no_length(every[0].fs[0], every[0].gs[0]))
    if max_length is not None:
        every = _no_longer(every, max_length)
    plain = every[0]
    most = LOOKED_AT if plain.fs[0].width < WIDE else FEW
    length = max([n for n in plain.lengths if n <= most] or plain.lengths[:1])
    calls, *others = ((use.fs[0], use.gs[0]) for use in every)
    others = tuple(zip(*others, strict=True)) or ((), ())
    readings = []
    for seed, call in enumerate(calls):
        seen = _read(call, length, seed)
        unread = isinstance(seen, str)
        readings.append(say("in {name} {reason}", name=call.name, reason=seen) if unread else seen)
        step()
    tried = [(use.fs[0], use.gs[0], use.lengths) for use in every]
    ways = [
        _way(*readings, tried, step),
        _way(*readings[::-1], [(other, one, both) for one, other, both in tried], step),
    ]
    shared = tuple(plain.lengths)
    if all(isinstance(way, float) for way in ways):
        return Verdict("same", *ways, shared, None, calls, others, tuple(readings))
    step()
    seen = next(filter(None, (witness(*use) for use in every)), None)
    if seen is None and all(map(_whole, readings)):
        seen = elsewhere(*readings, [n for n in shared if n <= LOOKED_AT])
    structural = all(isinstance(way, float | _Different) for way in ways)
    decided = seen is not None or structural
    verdict = "different" if decided else "undecided"
    return Verdict(verdict, *ways, shared, seen, calls, others, tuple(readings))


def _no_longer(every: list[Use], longest: int) -> list[Use]:
    """The same uses, at those lengths alone."""
    if type(longest) is not int or longest < 1:
        raise ValueError(f"max_length must be a whole number of at least 1, got {longest!r}")
    shortest = min(every[0].lengths)
    if longest < shortest:
        raise ValueError(
            f"max_length must be at least {shortest}, the shortest length found that both take, "
            f"got {longest}"
        )
    return [use._replace(lengths=[n for n in use.lengths if n <= longest]) for use in every]


class _Different(str):
    """A reason that was read off both modules, wholly: no parameters can mend it."""


def _read(call: Call, length: int, seed: int) -> Reading | str:
    """One input at a time where several cannot be read at once: code may loop over the batch."""
    drawn(call, seed)
    try:
        return read(call, length=length)
    except Unreadable as reason:
        if call.single:
            return str(reason)
        return _read(replace(call, form=call.form._replace(single=True)), length, seed)


def _way(source: Reading | str, target: Reading | str, tried, step) -> float | str:
    """The worst difference after the move, over draws, uses and lengths; or why there is none.

    Args:
        tried: (call of the source, call of the target, lengths) of each use; the first is drawn
            again and again.
    """
    if isinstance(source, str) or isinstance(target, str):
        return source if isinstance(source, str) else target
    whole = _whole(source) and _whole(target)
    worst = 0.0
    for seed, size in enumerate([1.0] * DRAWS + [LARGE] * _may_be_large(source)):
        drawn(source.call, seed, size)
        drawn(target.call, seed + DRAWS)
        try:
            moved(source, target)
        except Immovable as reason:
            told = whole and not isinstance(reason, Untried)
            return (_Different if told else str)(reason)
        shown = tried if seed == 0 else tried[:1]
        off = [error(*calls, length, seed) for *calls, lengths in shown for length in lengths]
        # Large scores may overflow where a softmax is written by hand: that tells nothing.
        worst = max(worst, *(each for each in off if size == 1.0 or isfinite(each)), 0.0)
        step()
        if not worst <= allowed(source):
            return say("moved, but {worst:.1e} apart", worst=worst)
    return worst


def _may_be_large(source: Reading) -> bool:
    """Whether its numbers are only put in their places: no product, no table, no angles."""
    origins = (each for its in source.attentions for each in its.origins.items())
    return not source.turned and not any(name == "table" or its.composite for name, its in origins)


def _whole(reading: Reading | str) -> bool:
    """Whether all of it was read, to the last parameter."""
    return isinstance(reading, Reading) and reading.whole and not reading.unread
