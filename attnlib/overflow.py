"""Where scores overflow, or parts of them, what was computed is not to be trusted.

A CPU's kernels take a row whose scores are all −inf, or NaN, for one that sees nothing, and give
zeros; and a score that overflows makes NaN even where a mask excludes it.
"""

import torch
from torch import Tensor

from attnlib.precision import dtype_of_scores
from attnlib.terms import Term, looked_at, part


def may_overflow(out: Tensor, q: Tensor, k: Tensor, scale: float, bias: Term) -> bool:
    """Whether rows of the output, (…, H, N, Dv), may be wrong because scores overflow.

    False where numbers cannot be looked at: see `looked_at`.
    """
    # Such a row is zero or NaN, its first channel too. To look at that is cheap, the rest is not.
    least = looked_at(out.detach(), lambda out: out[..., 0].abs().amin())
    if least is None or least > 0:  # NaN is not
        return False
    furthest = reach(q, k, scale)
    if bias is not None:
        bias = part("bias", bias, q, k)
        furthest += _largest(bias.masked_fill(bias.isneginf(), 0))
    return not furthest < torch.finfo(dtype_of_scores(q)).max


def reach(q: Tensor, k: Tensor, scale: float) -> float:
    """No scale · qᵢ·kⱼ, and no part of it, is further from 0; NaN where one is NaN."""
    return q.shape[-1] * _largest(q) * _largest(k) * max(1.0, abs(scale))


def has_nan(weights: Tensor) -> bool:
    """Whether a row of weights, (…, N, M), is seen to be NaN; then all of it is."""
    return bool(looked_at(weights.detach(), lambda weights: weights[..., :1].isnan().any()))


def _largest(x: Tensor) -> float:
    return x.detach().abs().max().item()
