"""Scores and their softmax: the one definition that the eager kernel and the maps share.

scores[i, j] = scale · qᵢ·kⱼ + bias[i, j], and −inf where i may not attend to j.
"""

import torch
from torch import Tensor

from attnlib.overflow import has_nan
from attnlib.precision import dtype_of_scores
from attnlib.terms import WHOLE, Term, terms


def scores(
    q: Tensor,
    k: Tensor,
    scale: float,
    bias: Term = None,
    mask: Term = None,
    rows: slice = WHOLE,
    cols: slice = WHOLE,
) -> Tensor:
    """Scores of the queries `rows` against the keys `cols`, float32 at least.

    Args:
        q, k: (…, H, N, D) and (…, H, M, D), whole.
        bias, mask: as in `attnlib.attention`; functions are evaluated at rows × cols only.
    Returns:
        (…, H, rows, cols).
    """
    bias, may = terms(bias, mask, q, k, rows, cols)
    return _with_terms(_product(q[..., rows, :], k[..., cols, :], scale), bias, may)


def softmax(
    q: Tensor, k: Tensor, scale: float, bias: Term = None, mask: Term = None, rows: slice = WHOLE
) -> Tensor:
    """(…, H, rows, M) the weights of those queries: zeros, not NaN, where one sees nothing."""
    q, (bias, may) = q[..., rows, :], terms(bias, mask, q, k, rows)
    weights = _softmax(_product(q, k, scale), bias, may)
    # Whether parts of a score overflow depends on the order of the sum, and so on shapes.
    if has_nan(weights):
        weights = weights.where(
            ~weights.isnan(), _softmax(_careful_product(q, k, scale), bias, may)
        )
    return weights


def logsumexp(
    q: Tensor, k: Tensor, scale: float, bias: Term = None, mask: Term = None, rows: slice = WHOLE
) -> Tensor:
    """(…, H, rows): −inf where a query sees nothing, NaN where scores overflow."""
    bias, may = terms(bias, mask, q, k, rows)
    result = _with_terms(_product(q[..., rows, :], k, scale), bias, may).logsumexp(-1)
    return result.masked_fill(result.isinf() & (True if may is None else may.any(-1)), torch.nan)


def _softmax(product, bias, may):
    if may is None:
        return _with_terms(product, bias, may).softmax(-1)
    nothing = ~may.any(-1, keepdim=True)
    result = _with_terms(product, bias, may).masked_fill(nothing, 0.0)
    return result.softmax(-1).masked_fill(nothing, 0.0)


def _with_terms(product, bias, may):
    result = product if bias is None else product + bias.to(product.dtype)
    return result if may is None else result.masked_fill(~may, -torch.inf)


def _product(q, k, scale):
    dtype = dtype_of_scores(q)
    return (q.to(dtype) @ k.to(dtype).mT).mul_(scale)  # where the fused kernels scale, too


def _careful_product(q, k, scale):
    """Powers of 2 are taken out of queries and keys before, and put in again after."""
    q, k = (x.to(dtype_of_scores(x)) for x in (q, k))
    largest = (x.detach().abs().amax(-1, keepdim=True) for x in (q, k))
    of_q, of_k = (x.clamp_min(torch.finfo(x.dtype).tiny).log2().floor() for x in largest)
    product = (q * (-of_q).exp2()) @ (k * (-of_k).exp2()).mT
    half = ((of_q + of_k.mT) / 2).exp2()  # (…, N, M), twice: the whole may overflow
    return product * half * scale * half
