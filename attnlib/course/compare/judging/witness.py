"""What one module obeys and another breaks, at every draw of parameters and in every form."""

from itertools import product
from math import ceil, isnan, lcm

import torch

from attnlib.course.compare.calling.call import Call
from attnlib.course.compare.calling.search import runs
from attnlib.course.compare.judging.influences import influences
from attnlib.course.compare.judging.masks import mask_of
from attnlib.course.compare.judging.roles import role
from attnlib.course.compare.reading.drawing import drawn
from attnlib.course.compare.symmetries import SYMMETRIES
from attnlib.course.language import say

OBEYED, BROKEN = 1e-9, 1e-6  # relative to the largest output; between the two: no claim
SIZES = (1.0, 2.0)  # of parameters, draw by draw: what is small by chance is so only once
TOKENS = 12  # of the inputs for symmetries
SHORT = 16
LONG = 130  # tokens; of more, only those at both ends are asked whom they influence
ENDS = 2  # at each
SMALL = 0.03  # numbers of the inputs for it: large scores would leave some weights too near to 0


def witness(fs: list[Call], gs: list[Call], lengths: list[int]) -> str | None:
    """The first difference that shows whatever the parameters are, and in every form; or None.

    Args:
        fs, gs: every way to call each of the two.
        lengths: that the first of both take.
    """
    if len(fs[0].inputs) > 1:
        return role(fs[0], gs[0])
    telling = _telling(lengths)
    short = [n for n in telling if n <= SHORT]
    # The long ones last: they take longest.
    found = (
        _influence(fs, gs, short)
        or _symmetry(fs, gs)
        or _influence(fs, gs, [n for n in telling if n > SHORT])
    )
    mask = mask_of(fs[0])
    if found and mask:
        return say("given a mask ({mask}), {found}", mask=say(mask), found=found)
    return found


def rules() -> list[str]:
    """What each of `SYMMETRIES` asks, in the language that is spoken now."""
    return [say(symmetry.__doc__) for symmetry in SYMMETRIES]


def _influence(fs, gs, lengths):
    for length in lengths:
        if not all(runs(call, length) for call in fs[1:] + gs[1:]):
            continue
        generator = torch.Generator().manual_seed(11)
        shape = (2, length, fs[0].width)
        x, other = SMALL * torch.randn(shape, generator=generator, dtype=torch.float64)
        tokens = _asked(length)
        seen = [
            [influences(drawn(call, 3), x, other, tokens) for call in calls] for calls in (fs, gs)
        ]
        apart = [(one != two).nonzero() for one, two in product(*seen)]
        if all(map(len, apart)):
            row, column = apart[0][-1].tolist()  # the last: the farthest that a window hides
            names = ("f", "g") if seen[0][0][row, column] else ("g", "f")
            return say(
                "at L = {length}, token {key} influences row {row} of {who}, not of {other}",
                length=length,
                key=tokens[column].item(),
                row=row,
                who=names[0],
                other=names[1],
            )
    return None


def _telling(lengths):
    """Short ones, and those past each number: a window of n shows at n + 1, so n is left out."""
    return [n for n in lengths if n <= SHORT or n - 1 in lengths or n + 1 not in lengths]


def _asked(length):
    """All tokens; of a long input those at its ends, which are the farthest apart."""
    tokens = torch.arange(length)
    return tokens if length <= LONG else torch.cat([tokens[:ENDS], tokens[-ENDS:]])


def _symmetry(fs, gs):
    groups = lcm(*(call.form.groups for call in fs + gs))
    generator = torch.Generator().manual_seed(12)
    tokens = groups * ceil(TOKENS / groups)
    x = torch.randn(tokens, fs[0].width, generator=generator, dtype=torch.float64)
    for symmetry in SYMMETRIES:
        offs = [[_off(symmetry, call, x, groups) for call in calls] for calls in (fs, gs)]
        if None in offs[0] + offs[1]:
            continue
        for who, (one, other) in {"f": offs, "g": offs[::-1]}.items():
            if max(map(max, one)) <= OBEYED and min(map(max, other)) > BROKEN:
                return say("{symmetry}: only {who} obeys", symmetry=say(symmetry.__doc__), who=who)
    return None


def _off(symmetry, call, x, groups):
    """[how far it is broken at each draw], or None where it cannot be tried."""
    offs = []
    for seed, size in enumerate(SIZES):
        drawn(call, seed, size)

        def run(x, call=call):
            return call.run(x.view(-1, *x.shape[-2:])).view(x.shape)

        try:
            trial = symmetry(run, x, groups)
        except Exception:  # the reader's own code may raise anything
            return None
        if trial is None:
            return None
        off = ((trial.got - trial.expected).abs().max() / run(x).abs().max()).item()
        if isnan(off):  # such as 0 / 0: neither obeyed nor broken
            return None
        offs.append(off)
    return offs
