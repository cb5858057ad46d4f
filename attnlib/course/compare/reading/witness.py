"""What one module obeys and another breaks, at every draw of parameters and in every form."""

from itertools import product
from math import isnan

import torch

from attnlib.course.compare.reading.call import Call
from attnlib.course.compare.reading.influences import influences
from attnlib.course.compare.reading.labels import fill, flat
from attnlib.course.compare.symmetries import SYMMETRIES, Setting
from attnlib.course.language import say

OBEYED, BROKEN = 1e-9, 1e-6  # relative to the largest output; between the two: no claim
DRAWS = 2
TOKENS = 12  # of the inputs for symmetries
FARTHEST = 130  # tokens, for who influences whom
SMALL = 0.03  # numbers of the inputs for it: large scores would leave some weights too near to 0


def witness(fs: list[Call], gs: list[Call], lengths: list[int]) -> str | None:
    """The first difference that shows whatever the parameters are, and in every form; or None.

    Args:
        fs, gs: every way to call each of the two.
        lengths: that both take.
    """
    return _influence(fs, gs, lengths) or _symmetry(fs, gs)


def drawn(call: Call, seed: int) -> Call:
    """The same call, its module filled with random parameters, biases too."""
    count = len(flat(call.module))
    generator = torch.Generator().manual_seed(seed)
    numbers = torch.randn(count, generator=generator, dtype=torch.float64)
    fill(call.module, numbers * call.width**-0.5)
    return call


def _influence(fs, gs, lengths):
    for length in [n for n in lengths if n <= FARTHEST]:
        generator = torch.Generator().manual_seed(11)
        shape = (2, length, fs[0].width)
        x, other = SMALL * torch.randn(shape, generator=generator, dtype=torch.float64)
        seen = [[influences(drawn(call, 3), x, other) for call in calls] for calls in (fs, gs)]
        apart = [(one != two).nonzero() for one, two in product(*seen)]
        if all(map(len, apart)):
            row, key = apart[0][-1].tolist()  # the last: the farthest that a window hides
            names = ("f", "g") if seen[0][0][row, key] else ("g", "f")
            return say(
                "at L = {length}, token {key} influences row {row} of {who}, not of {other}",
                length=length,
                key=key,
                row=row,
                who=names[0],
                other=names[1],
            )
    return None


def _symmetry(fs, gs):
    x = torch.randn(
        TOKENS, fs[0].width, generator=torch.Generator().manual_seed(12), dtype=torch.float64
    )
    for symmetry in SYMMETRIES:
        offs = [[_off(symmetry, call, x) for call in calls] for calls in (fs, gs)]
        if None in offs[0] + offs[1]:
            continue
        for who, (one, other) in {"f": offs, "g": offs[::-1]}.items():
            if max(map(max, one)) <= OBEYED and min(map(max, other)) > BROKEN:
                return say("{symmetry}: only {who} obeys", symmetry=say(symmetry.__doc__), who=who)
    return None


def _off(symmetry, call, x):
    """[how far it is broken at each draw], or None where it cannot be tried."""
    offs = []
    for seed in range(DRAWS):
        drawn(call, seed)

        def run(x, call=call):
            return call.run(x.view(-1, *x.shape[-2:])).view(x.shape)

        try:
            trial = symmetry(run, x, Setting())
        except Exception:  # the reader's own code may raise anything
            return None
        if trial is None:
            return None
        off = ((trial.got - trial.expected).abs().max() / run(x).abs().max()).item()
        if isnan(off):  # such as 0 / 0: neither obeyed nor broken
            return None
        offs.append(off)
    return offs
