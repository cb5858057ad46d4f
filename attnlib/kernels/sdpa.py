"""PyTorch's fused kernels, CPU and CUDA. They never form the weights, and give back none."""

import torch
import torch.nn.functional as F
from torch import Tensor

from attnlib.precision import dtype_of_scores
from attnlib.terms import Table

LEAST = torch.finfo(torch.float32).tiny  # a smaller scale is zero in some kernels


def attend(
    q: Tensor, k: Tensor, v: Tensor, *, scale: float, bias: Table, mask: Table, dropout: float
) -> tuple[Tensor, Table]:
    lead, value_dim, dtype = q.shape[:-3], v.shape[-1], v.dtype
    if scale < 0:  # flash and cuDNN kernels give NaN in half precision unless it is above 0
        q, scale = -q, -scale
    if scale < LEAST:
        q, scale = q * scale, 1.0
    term, nothing = _one_term(bias, mask, q)
    if term is not None:
        term = four_axes(term, lead)
    if q.dim() != 4:
        # Groups are folded into the batch: five axes make these kernels 1.3 to 2.2 times slower.
        q, k, v = (x.reshape(-1, *x.shape[-3:]) for x in (q, k, v))  # (B·G, H, N, D)
    if q.is_cpu:
        if q.shape[-1] != value_dim:
            q, k, v = _equally_wide(q, k, v)
    elif term is not None and term.dtype not in (torch.bool, dtype):
        q, k, v = (x.to(term.dtype) for x in (q, k, v))  # or the bias would have to be rounded
    out = F.scaled_dot_product_attention(q, k, v, term, dropout, scale=scale)
    if out.shape[-1] != value_dim or out.dtype != dtype:
        out = out[..., :value_dim].to(dtype)
    if len(lead) != 1:
        out = out.reshape(*lead, *out.shape[-3:])  # (…, H, N, Dv)
    return (out if nothing is None else out.masked_fill(nothing, 0.0)), None


def _one_term(bias, mask, q):
    """Bias and mask as the one tensor that these kernels take, and the rows that see nothing.

    Kernels differ in what they make of a row without keys, and some make NaN. Such a row is
    opened here and its output zeroed after, which all of them get right, gradients included.
    """
    if bias is not None and bias.dtype != q.dtype:
        bias = bias.to(dtype_of_scores(q))
    if mask is None:
        return bias, None
    nothing = ~mask.any(-1, keepdim=True)
    if bias is None:
        return mask | nothing, nothing
    return torch.where(mask, bias, -torch.inf).masked_fill(nothing, 0.0), nothing


def _equally_wide(q, k, v):
    """q, k and v with zeros added to the narrower: the CPU's kernel takes one width only."""
    width = max(q.shape[-1], v.shape[-1])
    return (x if x.shape[-1] == width else F.pad(x, (0, width - x.shape[-1])) for x in (q, k, v))


def four_axes(term: Tensor, lead: torch.Size) -> Tensor:
    """(…, H | 1, N | 1, M | 1) with the axes before the heads folded as q's are."""
    if term.dim() < 4:
        return term[(None,) * (4 - term.dim())]
    return term.expand(*lead, *term.shape[-3:]).reshape(-1, *term.shape[-3:])
