"""Who influences whom, seen from changes: of a token to another random one, never to a constant."""

import torch
from torch import Tensor

from attnlib.course.compare.calling.call import Call

TOGETHER = 64  # changed inputs in one batch
NOTHING = 1e-9  # a change of y below this, relative to the largest, is rounding


def influences(call: Call, x: Tensor, other: Tensor) -> Tensor:
    """(L, L) bool: whether row i of y changes when token j of x (L, C) becomes that of `other`."""
    length = len(x)
    before = call.run(x[None])[0]
    columns = []
    for tokens in torch.arange(length).split(TOGETHER):
        changed = x.expand(len(tokens), -1, -1).clone()
        changed[torch.arange(len(tokens)), tokens] = other[tokens]
        columns.append((call.run(changed) - before).abs().amax(-1))
    # NaN, as of a row that sees nothing, is no influence.
    return torch.cat(columns).T.nan_to_num(0.0) > NOTHING * before.nan_to_num(0.0).abs().max()
