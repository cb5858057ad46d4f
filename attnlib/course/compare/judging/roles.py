"""Where queries, keys and values differ: which of them does what in one module, and in another."""

import torch
from torch import Tensor

from attnlib.course.compare.calling.call import Call
from attnlib.course.compare.judging.influences import influences
from attnlib.course.compare.reading.drawing import drawn
from attnlib.course.language import say

LENGTH = 5
OBEYED, BROKEN = 1e-9, 1e-6  # relative to the largest output; between the two: no claim
DRAWS = 2


def role(f: Call, g: Call) -> str | None:
    """The first difference that shows whatever the parameters are, input by input; or None."""
    for number, name in enumerate(f.inputs):
        seen = [_influence(drawn(call, 3), number) for call in (f, g)]
        if not torch.equal(*seen):
            row, token = (seen[0] != seen[1]).nonzero()[-1].tolist()
            who, other = ("f", "g") if seen[0][row, token] else ("g", "f")
            return say(
                "where the inputs differ, token {token} of {name} influences row {row} of {who}, "
                "not of {other}",
                token=token,
                name=name,
                row=row,
                who=who,
                other=other,
            )
    for number, name in reversed([*enumerate(f.inputs)]):  # values before keys
        offs = [[_off_linear(drawn(call, n), number) for n in range(DRAWS)] for call in (f, g)]
        for who, (one, other) in {"f": offs, "g": offs[::-1]}.items():
            if max(one) <= OBEYED and min(other) > BROKEN:
                return say(
                    "where the inputs differ, the rows are linear in {name}, the others kept: "
                    "only those of {who}",
                    name=name,
                    who=who,
                )
    return None


def _influence(call, number):
    x, other = _draw(2, call)
    return influences(call, x, _put(x, number, other, call.width))


def _off_linear(call, number):
    """How far the input is from linear: a sum must add up."""
    x, one, other = _draw(3, call)
    inputs = (torch.zeros_like(one), one, other, one + other)
    batch = torch.stack([_put(x, number, each, call.width) for each in inputs])
    of_none, of_one, of_other, of_both = y = call.run(batch)
    return ((of_both + of_none - of_one - of_other).abs().max() / y.abs().max()).item()


def _draw(count, call):
    generator = torch.Generator().manual_seed(13)
    shape = (count, LENGTH, call.width * len(call.inputs))
    return torch.randn(shape, generator=generator, dtype=torch.float64)


def _put(x: Tensor, number: int, other: Tensor, width: int) -> Tensor:
    """x with that one of its inputs from the other."""
    channels = torch.arange(x.shape[-1]) // width
    return torch.where(channels == number, other, x)
