"""The textbook, and the oracle of the tests: form the weights, then average the values."""

import torch.nn.functional as F

from attnlib.scores import softmax


def attend(q, k, v, *, scale, bias, mask, dropout):
    weights = softmax(q, k, scale, bias, mask)  # (…, H, N, M), float32 at least
    if dropout:
        weights = F.dropout(weights, dropout)
    return (weights @ v.to(weights.dtype)).to(v.dtype), None  # (…, H, N, D)
