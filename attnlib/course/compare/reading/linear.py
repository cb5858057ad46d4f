"""The matrices and biases that make q, k and v of x, read from unit inputs."""

from typing import NamedTuple

import torch
from torch import Tensor

from attnlib.course.compare.calling.unreadable import Unreadable
from attnlib.course.compare.seeing.sight import Sight
from attnlib.course.language import N_, say

EXACT = 1e-8  # of the largest: more than rounding of many sums, less than any other formula
CURVED = {
    "query": N_("its queries are not linear in x: is a norm before or after?"),
    "key": N_("its keys are not linear in x: is a norm before or after?"),
    "value": N_("its values are not linear in x: is a norm before or after?"),
}


class Linear(NamedTuple):
    """row = matrix · token + bias, at each position."""

    matrix: Tensor  # (H, L, D, C)
    bias: Tensor  # (H, L, D)


def responses(sight: Sight, length: int) -> list[list[Linear]]:
    """For each attention, of q, k and v: what they answer to zeros and to each channel alone."""
    width = sight.call.width
    units = torch.cat([torch.zeros(1, width), torch.eye(width)]).double()
    x = units[:, None].expand(-1, length, -1).contiguous()
    return [
        [_response(part) for part in (each.query, each.key, each.value)]
        for each in sight.operands(x)
    ]


def proved(name: str, part: Linear, x: Tensor, seen: Tensor) -> Linear:
    """The same map if it gives, for a random x (B, L, C), what was seen: (H, B, L, D)."""
    told = torch.einsum("hldc,blc->hbld", part.matrix, x) + part.bias[:, None]
    if not (told - seen).abs().max() <= EXACT * seen.abs().max():
        raise Unreadable(say(CURVED[name]))
    return part


def _response(part):
    return Linear((part[:, 1:] - part[:, :1]).permute(0, 2, 3, 1), part[:, 0])
