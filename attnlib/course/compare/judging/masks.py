"""A causal mask that two modules may be given: does it hide the same in both?"""

from dataclasses import replace

import torch

from attnlib.course.compare.calling.arguments import ATTEND, HIDE, MASKS, ways
from attnlib.course.compare.calling.call import Call
from attnlib.course.compare.calling.search import runs
from attnlib.course.compare.judging.influences import influences
from attnlib.course.compare.reading.drawing import drawn


def masked(f: Call, g: Call) -> tuple[Call, Call] | None:
    """Both with a causal mask; None where one of them takes none, or is causal without.

    One and the same, where both understand it; else to each its own. But where an argument of one
    name shows in g what it hides in f, both are given what is right for f.
    """
    if _is_causal(f) or _is_causal(g):
        return None
    fs, gs = _understood(f), _understood(g)
    for mask in fs:
        if mask in gs:
            return fs[mask], gs[mask]
    for mask, other in ((ATTEND, HIDE), (HIDE, ATTEND)):
        if mask in fs and other in gs and _names(fs[mask]) == _names(gs[other]):
            return fs[mask], _given(g)[mask]
    return (next(iter(fs.values())), next(iter(gs.values()))) if fs and gs else None


def mask_of(call: Call) -> str | None:
    """The mask that it is given, in words."""
    return next((call.given[name] for name in _names(call)), None)


def _names(call):
    """Of the arguments that get a mask."""
    return [name for name, kind in call.given.items() if kind in list(MASKS)[1:]]


def _given(call):
    """{mask: call}: with each mask that it takes; of tables of positions the likely ones."""
    found = {}
    for given, arguments in ways(call.module, causal=True):
        each = replace(call, given=given, arguments=arguments)
        if _names(each) and mask_of(each) not in found and runs(each):
            found[mask_of(each)] = each
    return found


def _understood(call):
    """The same, with those that make it causal."""
    return {mask: each for mask, each in _given(call).items() if _is_causal(each)}


def _is_causal(call):
    x, other = torch.randn(
        *(2, call.length, call.width),
        generator=torch.Generator().manual_seed(14),
        dtype=torch.float64,
    )
    seen = influences(drawn(call, 4), x, other)
    return torch.equal(seen, torch.ones_like(seen).tril())
