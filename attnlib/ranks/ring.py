"""Attention tile by tile, keys and values going round, and two parts of it made one.

Sources: Ring Attention (Liu et al. 2023, arXiv:2310.01889), section 3; online softmax (Milakov &
Gimelshein 2018, arXiv:1805.02867).
"""

from collections.abc import Iterator
from typing import Any

import torch
from torch import Tensor
from torch.autograd.function import once_differentiable

from attnlib.precision import autocast_off, dtype_of_scores
from attnlib.ranks.layout import Layout
from attnlib.scores import scores
from attnlib.terms import WHOLE, hide_unseen

TILE_BYTES = 4 * 2**20  # of scores at a time; several such pieces are there at once


def merge(out: Tensor, lse: Tensor, other: Tensor, its_lse: Tensor) -> tuple[Tensor, Tensor]:
    """Two attentions of the same queries, each over keys of its own, as one over all of them.

    Args:
        out, other: (…, H, N, Dv) outputs.
        lse, its_lse: (…, H, N) log-sum-exps of their scores; −inf where a query saw nothing, and
            then what stands in its output has no effect, NaN neither.
    Returns:
        out (…, H, N, Dv) and lse (…, H, N); zeros and −inf where a query saw nothing in both.
    """
    both = torch.logaddexp(lse, its_lse)
    safe = both.masked_fill(both.isneginf(), 0.0)
    return _part(out, lse - safe) + _part(other, its_lse - safe), both


def _part(out, share):
    share = share.exp()[..., None].to(out.dtype)
    return (out * share).masked_fill(share == 0, 0.0)


def ring(q: Tensor, k: Tensor, v: Tensor, layout: Layout) -> tuple[Tensor, Tensor]:
    """Attention of this rank's queries (…, H, n, Dv), and their log-sum-exps (…, H, n), float64.

    Nothing of a tile is kept. Backward computes each again, and the gradients of keys and values
    go round with them, then home.
    """
    return _Ring.apply(q, k, v, layout)


class _Ring(torch.autograd.Function):
    @staticmethod
    def forward(ctx, q, k, v, layout):
        out = q.new_zeros(*q.shape[:-1], v.shape[-1], dtype=dtype_of_scores(q))
        lse = q.new_full(q.shape[:-1], -torch.inf, dtype=torch.float64)
        for source, (its_k, its_v), _ in layout.around((k, v)):
            out, lse = merge(out, lse, *_attend(q, its_k, its_v, layout.terms(source)))
        ctx.save_for_backward(q, k, v, out, lse)
        ctx.layout = layout
        ctx.mark_non_differentiable(lse)
        return out.to(q.dtype), lse

    @staticmethod
    @once_differentiable
    def backward(ctx, grad, _):
        q, k, v, out, lse = ctx.saved_tensors
        with autocast_off(grad.device.type):
            return (*_gradients(grad, q, k, v, out, lse, ctx.layout), None)


def _gradients(grad, q, k, v, out, lse, layout):
    """Those of q, k and v. With p the weights, dp = grad·vᵀ: ds = p · (dp − grad·out)."""
    grad = grad.to(out.dtype).masked_fill(lse.isneginf()[..., None], 0.0)
    inner = (grad * out).sum(-1, keepdim=True)
    dq, dk, dv = (torch.zeros_like(x, dtype=out.dtype) for x in (q, k, v))
    for source, (its_k, its_v), (to_k, to_v) in layout.around((k, v), (dk, dv)):
        terms = layout.terms(source)
        queries, keys, values = _plain(q, its_k, its_v, terms)
        for rows in strips(queries, keys):
            weights = weights_of(queries, keys, lse, terms, rows)
            ds = grad[..., rows, :] @ values.mT
            ds.sub_(inner[..., rows, :]).mul_(weights).mul_(terms["scale"])
            dq[..., rows, :] += ds @ keys
            to_k.add_(ds.mT @ queries[..., rows, :])
            to_v.add_(weights.mT @ grad[..., rows, :])
    return dq.to(q.dtype), dk.to(k.dtype), dv.to(v.dtype)


def strips(q: Tensor, k: Tensor, rows: slice | None = None) -> Iterator[slice]:
    """Rows of a tile, as many at a time as keep their scores in TILE_BYTES."""
    rows = slice(0, q.shape[-2]) if rows is None else rows
    row_bytes = q.shape[:-2].numel() * k.shape[-2] * dtype_of_scores(q).itemsize
    step = max(1, TILE_BYTES // max(1, row_bytes))
    for start in range(rows.start, rows.stop, step):
        yield slice(start, min(start + step, rows.stop))


def weights_of(
    q: Tensor, k: Tensor, lse: Tensor, terms: dict[str, Any], rows: slice, cols: slice = WHOLE
) -> Tensor:
    """(…, H, rows, cols) weights in a tile: exp(scores − lse), lse that of the whole sequence."""
    with autocast_off(q.device.type):
        result = scores(q, k, rows=rows, cols=cols, **terms)
    lse = lse[..., rows, None]
    lse = lse.masked_fill(lse.isneginf(), 0.0)
    near = lse.to(result.dtype)  # large scores leave no room for what float64 knows more
    return result.sub_(near).sub_((lse - near).to(result.dtype)).exp_()


def _attend(q, k, v, terms):
    """A tile by itself: out (…, H, n, Dv), float32 at least, and lse (…, H, n), float64."""
    q, k, v = _plain(q, k, v, terms)
    out = q.new_empty(*q.shape[:-1], v.shape[-1])
    lse = q.new_empty(q.shape[:-1], dtype=torch.float64)
    for rows in strips(q, k):
        with autocast_off(q.device.type):
            exps = scores(q, k, rows=rows, **terms)
            top = exps.amax(-1, keepdim=True)
            top = top.masked_fill(top.isneginf(), 0.0)
            total = exps.sub_(top).exp_().sum(-1, keepdim=True)
            out[..., rows, :] = exps @ v / total.masked_fill(total == 0, 1.0)
        lse[..., rows] = (top.double() + total.double().log())[..., 0]
    return out, lse


def _plain(q, k, v, terms):
    """The tensors as they are computed with: wide, and zero where nothing may have an effect."""
    q, k, v = hide_unseen(terms["bias"], terms["mask"], q, k, v)
    return tuple(x.to(dtype_of_scores(x)) for x in (q, k, v))
