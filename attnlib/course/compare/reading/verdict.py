"""Two modules, bare: same, different, or undecided; and in which domain that was seen."""

from dataclasses import dataclass

import torch
from torch import Tensor, nn

from attnlib.course.compare.reading.call import Call, calls
from attnlib.course.compare.reading.fitting import Immovable
from attnlib.course.compare.reading.lengths import lengths
from attnlib.course.compare.reading.move import moved
from attnlib.course.compare.reading.read import Reading, read
from attnlib.course.compare.reading.unreadable import Unreadable
from attnlib.course.compare.reading.witness import drawn, witness
from attnlib.course.language import say

DRAWS = 3
LOOKED_AT = 16  # tokens at most, where parts are read; outputs are compared at all lengths
ROUNDING = 1e-9  # relative to the largest output
TABLES = 1e-5  # the same, where angles of positions are kept in float32


@dataclass(frozen=True)
class Verdict:
    """`forth`, `back`: the worst difference after the move of f into g, of g into f; or why not."""

    verdict: str  # "same", "different" or "undecided"
    forth: float | str
    back: float | str
    lengths: tuple[int, ...]
    witness: str | None = None

    @property
    def domain(self) -> str:
        """Where equality was seen."""
        worst = max((way for way in (self.forth, self.back) if isinstance(way, float)), default=0.0)
        return say(
            "worst {worst:.0e}; float64, eval, L = {shortest} … {longest}, {draws} draws; longer "
            "untested",
            worst=worst,
            shortest=min(self.lengths),
            longest=max(self.lengths),
            draws=DRAWS,
        )


def compare(f: nn.Module, g: nn.Module, *, width: int | None = None) -> Verdict:
    """Whether each of two modules can compute what the other does.

    Raises:
        Unreadable: one of them cannot be called at all.
    """
    fs, gs = calls(f, width=width), calls(g, width=width)
    if fs[0].width != gs[0].width:
        raise ValueError(f"f and g must take the same width C, got {fs[0].width} and {gs[0].width}")
    shared = lengths(fs[0], gs[0])
    if not shared:
        raise Unreadable(say("no length was found that both take"))
    length = max([n for n in shared if n <= LOOKED_AT] or shared[:1])
    read_f, read_g = (_read(call, length, seed) for seed, call in enumerate((fs[0], gs[0])))
    ways = [_way(*pair, shared) for pair in ((read_f, read_g), (read_g, read_f))]
    found = [isinstance(way, float) for way in ways]
    if all(found):
        return Verdict("same", *ways, tuple(shared))
    seen = witness(fs, gs, shared)
    structural = all(isinstance(way, float | _Different) for way in ways)
    decided = seen is not None or structural
    return Verdict("different" if decided else "undecided", *ways, tuple(shared), seen)


class _Different(str):
    """A reason that was read off both modules, wholly: no parameters can mend it."""


def _read(call: Call, length: int, seed: int) -> Reading | str:
    try:
        return read(drawn(call, seed), length=length)
    except Unreadable as reason:
        return str(reason)


def _way(source: Reading | str, target: Reading | str, shared: list[int]) -> float | str:
    """The worst difference after the move, over draws and lengths; or why there is none."""
    if isinstance(source, str) or isinstance(target, str):
        return source if isinstance(source, str) else target
    whole = all(each.whole and not each.unread for each in (source, target))
    worst = 0.0
    for seed in range(DRAWS):
        drawn(source.call, seed)
        drawn(target.call, seed + DRAWS)
        try:
            moved(source, target)
        except Immovable as reason:
            return (_Different if whole else str)(reason)
        worst = max(worst, *(_off(source, target, length, seed) for length in shared))
        turned = any(each.query_turn is not None for each in source.attentions)
        if not worst <= (TABLES if turned else ROUNDING):
            return say("moved, but {worst:.1e} apart", worst=worst)
    return worst


def _off(one: Reading, other: Reading, length: int, seed: int) -> float:
    generator = torch.Generator().manual_seed(1000 * seed + length)
    shape = (2, length, one.call.width)
    x = torch.randn(shape, generator=generator, dtype=torch.float64)
    return _relative(one.call.run(x), other.call.run(x))


def _relative(y: Tensor, other: Tensor) -> float:
    off = (y - other).abs().max() / y.abs().max()
    return off.nan_to_num(torch.inf).item()
