"""Scores and their softmax: the one definition that the eager kernel and the maps share.

scores[i, j] = scale · qᵢ·kⱼ + bias[i, j], and −inf where the mask says that i may not attend to j.
"""

import torch
from torch import Tensor

from attnlib.checks import check_term

WHOLE = slice(None)


def scores(q, k, scale, bias=None, mask=None, rows: slice = WHOLE, cols: slice = WHOLE) -> Tensor:
    """Scores of the queries `rows` against the keys `cols`, in q's dtype.

    Args:
        q, k: (…, H, N, D) and (…, H, M, D), whole.
        bias, mask: as in `attnlib.attention`; functions are evaluated at rows × cols only.
    Returns:
        (…, H, rows, cols).
    """
    result = (q[..., rows, :] * scale) @ k[..., cols, :].mT
    if bias is not None:
        result += part("bias", bias, q, k, rows, cols)  # in place: this may be the largest tensor
    if mask is not None:
        result.masked_fill_(~part("mask", mask, q, k, rows, cols), -torch.inf)
    return result


def softmax(scores: Tensor, masked: bool) -> Tensor:
    """Softmax over the keys. `masked`: some rows may see nothing, and those give zeros, not NaN."""
    if not masked:
        return scores.softmax(-1)
    nothing = scores.isneginf().all(-1, keepdim=True)
    return scores.masked_fill(nothing, 0.0).softmax(-1).masked_fill(nothing, 0.0)


def part(name: str, term, q: Tensor, k: Tensor, rows: slice = WHOLE, cols: slice = WHOLE) -> Tensor:
    """A bias or mask at rows × cols: cut from a tensor, or computed by a function f(i, j)."""
    if isinstance(term, Tensor):
        if term.dim() > 1 and term.shape[-2] > 1:
            term = term[..., rows, :]
        return term[..., cols] if term.dim() and term.shape[-1] > 1 else term
    if rows == WHOLE == cols and hasattr(term, "table"):
        return term.table(q.dtype, q.device)
    i = torch.arange(q.shape[-2], device=q.device)[rows, None]
    j = torch.arange(k.shape[-2], device=q.device)[None, cols]
    return check_term(f"{name}(i, j)", name, term(i, j), (i.numel(), j.numel()), q.device)
