"""The textbook, and the oracle of the tests: form the weights, then average the values."""

import torch.nn.functional as F
from torch import Tensor

from attnlib.scores import softmax
from attnlib.terms import Table


def attend(
    q: Tensor, k: Tensor, v: Tensor, *, scale: float, bias: Table, mask: Table, dropout: float
) -> tuple[Tensor, Table]:
    weights = softmax(q, k, scale, bias, mask)  # (…, H, N, M), float32 at least
    if dropout:
        weights = F.dropout(weights, dropout)
    return (weights @ v.to(weights.dtype)).to(v.dtype), None  # (…, H, N, D)
