"""Who influences whom, seen from changes: of a token to another random one, never to a constant."""

import torch
from torch import Tensor

from attnlib.course.compare.calling.call import Call

WEIGHTS = 2**20  # of a head, in one batch of changed inputs
NOTHING = 1e-9  # a change of y below this, relative to the largest, is rounding


def influences(call: Call, x: Tensor, other: Tensor, tokens: Tensor | None = None) -> Tensor:
    """(L, L) bool: whether row i of y changes when token j of x (L, C) becomes that of `other`.

    Args:
        tokens: (n,) only these are changed: then (L, n).
    """
    length = len(x)
    every = torch.arange(length) if tokens is None else tokens
    before = call.run(x[None])[0]
    columns = []
    for some in every.split(max(1, WEIGHTS // length**2)):
        changed = x.expand(len(some), -1, -1).clone()
        changed[torch.arange(len(some)), some] = other[some]
        columns.append((call.run(changed) - before).abs().amax(-1))
    # NaN, as of a row that sees nothing, is no influence.
    return torch.cat(columns).T.nan_to_num(0.0) > NOTHING * before.nan_to_num(0.0).abs().max()
