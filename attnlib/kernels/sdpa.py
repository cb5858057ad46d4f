"""PyTorch's fused kernels, CPU and CUDA. They never form the weights, and give back none."""

import torch
import torch.nn.functional as F

from attnlib.scores import part


def attend(q, k, v, *, scale, bias, mask, dropout):
    lead = q.shape[:-3]
    term, nothing = _one_term(q, k, bias, mask)
    if term is not None:
        term = four_axes(term, lead)
    # Groups are folded into the batch: five axes make these kernels 1.3 to 2.2 times slower.
    q, k, v = (x.reshape(-1, *x.shape[-3:]) for x in (q, k, v))  # (B·G, H, N, D)
    out = F.scaled_dot_product_attention(q, k, v, term, dropout, scale=scale)
    out = overflow_shown(q, k, out)
    out = out.reshape(*lead, *out.shape[-3:])  # (…, H, N, D)
    return (out if nothing is None else out.masked_fill(nothing, 0.0)), None


def overflow_shown(q, k, out):
    """NaN in rows whose scores are NaN or overflow: the CPU's kernel takes them for masked, 0."""
    if out.device.type != "cpu":
        return out
    # Such a row is zero, its first channel too. To look at that is cheap, the rest is not.
    if not torch.compiler.is_compiling() and (out.detach()[..., 0] != 0).all():
        return out
    q_max, k_max = (x.detach().abs().amax(-1) for x in (q, k))  # (…, H, N), (…, H, M)
    largest = q.shape[-1] * q_max * k_max.amax(-1, keepdim=True)
    swallowed = ~largest.isfinite() & (out.detach() == 0).all(-1)  # (…, H, N)
    return out.masked_fill(swallowed[..., None], torch.nan)


def _one_term(q, k, bias, mask):
    """Bias and mask as the one tensor that these kernels take, and the rows that see nothing.

    Kernels differ in what they make of a row without keys, and some make NaN. Such a row is
    opened here and its output zeroed after, which all of them get right, gradients included.
    """
    term = None if bias is None else part("bias", bias, q, k).to(q.dtype)
    if mask is None:
        return term, None
    mask = part("mask", mask, q, k)
    nothing = ~mask.any(-1, keepdim=True)
    mask = mask | nothing
    return (mask if term is None else torch.where(mask, term, -torch.inf)), nothing


def four_axes(term, lead):
    """(…, H | 1, N | 1, M | 1) with the axes before the heads folded as q's are."""
    if term.dim() < 4:
        return term[(None,) * (4 - term.dim())]
    return term.expand(*lead, *term.shape[-3:]).reshape(-1, *term.shape[-3:])
