"""The textbook, and the oracle of the tests: form the weights, then average the values."""

import torch.nn.functional as F

from attnlib.scores import scores, softmax


def attend(q, k, v, *, scale, bias, mask, dropout):
    weights = softmax(scores(q, k, scale, bias, mask), mask is not None)  # (…, H, N, M)
    if dropout:
        weights = F.dropout(weights, dropout)
    return weights @ v, None  # (…, H, N, D)
