"""One attention in the code that is several: groups of tokens with parameters of their own."""

import torch
from torch import Tensor

from attnlib.course.compare.reading.linear import Linear
from attnlib.course.compare.reading.scoring import Scoring
from attnlib.course.compare.reading.turning import is_same


def apart(parts: list[Linear | None], scored: Scoring | None, out: Tensor | None):
    """[(tokens, parts, scored, out)]: one, or a group of tokens each where none sees another's.

    Groups with the same values and the same output are one attention with a mask.
    """
    value = parts[2]
    alike = [value.matrix, value.bias] if value else []
    alike += [] if out is None else [out]
    length = len(scored.seen[0]) if scored else (alike or [parts[0].matrix])[0].shape[1]
    whole = torch.arange(length)
    if scored is None or all(map(is_same, alike)):
        return [(whole, parts, scored, out)]
    return [
        (
            tokens,
            [part and Linear(*(each[:, tokens] for each in part)) for part in parts],
            scored._replace(
                seen=scored.seen[:, tokens][:, :, tokens],
                table=scored.table[:, tokens][:, :, tokens],
            ),
            None if out is None else out[:, tokens],
        )
        for tokens in components(scored.seen.any(0))
    ]


def components(seen: Tensor) -> list[Tensor]:
    """Tokens that see one another, if only by way of others: (L, L) bool -> [tokens]."""
    near = seen | seen.mT | torch.eye(len(seen), dtype=torch.bool)
    for _ in range(len(seen).bit_length()):
        near = (near.double() @ near.double()) > 0
    first = near.int().argmax(1)
    return [(first == token).nonzero()[:, 0] for token in first.unique()]
