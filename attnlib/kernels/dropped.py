"""Attention with dropout on a CPU, in strips of rows: no N×M numbers, forward or backward.

Weights are formed for a strip of one head, used and forgotten; the backward forms them again. What
was drawn is kept, one bit a weight. To drop, bits become integers as wide as a weight, 0 or −1: an
`and` with 0 makes a weight +0, one with −1, all bits set, leaves it. `F.dropout` draws a number for
each weight, which alone takes as long as all the products of matrices here.
"""

import math
from collections.abc import Iterator
from itertools import product
from typing import Any

import torch
from torch import Tensor, nn
from torch.autograd import forward_ad
from torch.utils._python_dispatch import is_in_torch_dispatch_mode

from attnlib.precision import dtype_of_scores
from attnlib.scores import softmax
from attnlib.terms import Table, Term, looked_at, part

STRIP = 2**19  # pairs of query and key, of which a strip has at most so many
FEWEST = 2**18  # pairs of a head: below, the textbook is as fast
NARROWEST = 128  # queries, and keys: likewise
DIGITS = 24  # binary ones: to so many the share of kept weights is rounded
INTEGERS = {torch.float32: torch.int32, torch.float64: torch.int64}  # equally wide


def serves(q: Tensor, k: Tensor, v: Tensor, scale: float, bias: Term, dropout: float) -> bool:
    """Whether `attend` is faster than the textbook for this call, and all that may come of it.

    What watches or rewrites operations is given the textbook's: a compiler, a transform of
    torch.func, forward mode, a subclass. So is a bias that learns.
    """
    if not (dropout and q.is_cpu) or torch.compiler.is_compiling():
        return False
    tensors = [x for x in (q, k, v, bias) if isinstance(x, Tensor)]
    return (
        q.shape[-2] * k.shape[-2] >= FEWEST
        and min(q.shape[-2], k.shape[-2]) >= NARROWEST
        and 0 < _kept(dropout) < 2**DIGITS
        and abs(scale) <= 1  # times queries it cannot overflow
        and not (isinstance(bias, Tensor) and bias.requires_grad and torch.is_grad_enabled())
        and not (is_in_torch_dispatch_mode() or torch._C._are_functorch_transforms_active())
        and all(type(x) in (Tensor, nn.Parameter) for x in tensors)
        and all(forward_ad.unpack_dual(x).tangent is None for x in tensors)
    )


def attend(
    q: Tensor, k: Tensor, v: Tensor, *, scale: float, bias: Table, mask: Table, dropout: float
) -> tuple[Tensor, Table]:
    dtype, kept = dtype_of_scores(q), _kept(dropout)
    bits = coins(kept, (*q.shape[:-1], k.shape[-2]), dtype)
    out = InStrips.apply(q.to(dtype) * scale, k.to(dtype), v.to(dtype), bias, mask, bits)
    out = (out * (2**DIGITS / kept)).to(v.dtype)
    return out if mask is None else out.masked_fill(~mask.any(-1, keepdim=True), 0.0), None


def _kept(dropout: float) -> int:
    """The share of weights that are kept, in units of 2^−DIGITS."""
    return round((1 - dropout) * 2**DIGITS)


def coins(kept: int, shape: tuple[int, ...], dtype: torch.dtype) -> Tensor:
    """(…, ⌈N / w⌉, M) integers of w bits, each bit 1 with probability kept / 2^DIGITS.

    Args:
        kept: 0 < kept < 2^DIGITS.
        shape: (…, N, M), that of the weights; bit n % w of integer n // w is row n's.
        dtype: theirs; it has w bits.
    """
    size = (*shape[:-2], -(-shape[-2] // (8 * dtype.itemsize)), shape[-1])
    count = math.prod(size)
    words = torch.zeros(-(-count * dtype.itemsize // 8), dtype=torch.int64, device="cpu")
    drawn = torch.empty_like(words)
    # From the last digit of the share to its first: an `or` with fair bits makes a share s of ones
    # (1 + s) / 2, an `and` makes it s / 2. One half has one digit.
    for digit in f"{kept:0{DIGITS}b}".rstrip("0")[::-1]:
        drawn.random_(-(2**63), None)  # all 64 bits
        words = words.bitwise_or_(drawn) if digit == "1" else words.bitwise_and_(drawn)
    return words.view(INTEGERS[dtype])[:count].view(size)


def unpack(bits: Tensor) -> Tensor:
    """(…, rows / w, M) integers of w bits -> (…, rows, M): −1 where a bit is 1, else 0."""
    width = 8 * bits.element_size()
    left = torch.arange(width - 1, -1, -1, dtype=bits.dtype, device=bits.device)[:, None]
    return (bits[..., None, :] << left).bitwise_right_shift_(width - 1).flatten(-3, -2)


class InStrips(torch.autograd.Function):
    """softmax(q kᵀ + bias) v without the weights whose bit is 0; bias and mask get no gradients."""

    @staticmethod
    def forward(
        ctx: Any, q: Tensor, k: Tensor, v: Tensor, bias: Table, mask: Table, bits: Tensor
    ) -> Tensor:
        """(…, H, N, Dv)."""
        ctx.save_for_backward(q, k, v, bias, mask, bits)
        out = v.new_empty(*q.shape[:-1], v.shape[-1])
        for head, rows, weights, keep in _strips(q, k, bias, mask, bits):
            torch.mm(_only(keep, weights), v[head], out=out[head][rows])
        return out

    @staticmethod
    def backward(ctx: Any, g: Tensor) -> tuple[Table, ...]:
        """Of q, k and v; as the textbook's where they are differentiated again, or under vmap."""
        if torch.is_grad_enabled() or looked_at(g, lambda g: g[(0,) * g.dim()]) is None:
            return *_textbook(g, *ctx.saved_tensors), None, None, None
        q, k, v, bias, mask, bits = ctx.saved_tensors
        of_q, of_k, of_v = torch.empty_like(q), torch.zeros_like(k), torch.zeros_like(v)
        for head, rows, weights, keep in _strips(q, k, bias, mask, bits):
            of_scores = _only(keep, g[head][rows] @ v[head].mT).mul_(weights)
            of_scores.addcmul_(weights, of_scores.sum(-1, keepdim=True), value=-1)
            torch.mm(of_scores, k[head], out=of_q[head][rows])
            of_k[head].addmm_(of_scores.mT, q[head][rows])
            of_v[head].addmm_(_only(keep, weights).mT, g[head][rows])
        return of_q, of_k, of_v, None, None, None


def _strips(q, k, bias, mask, bits) -> Iterator[tuple[tuple[int, ...], slice, Tensor, Tensor]]:
    """Strip after strip, each head by head: (head, rows, weights, which of them to keep)."""
    (queries, keys), width = (q.shape[-2], k.shape[-2]), 8 * q.element_size()
    step = max(1, STRIP // (keys * width)) * width
    for start in range(0, queries, step):
        rows = slice(start, min(start + step, queries))
        words = slice(start // width, -(-rows.stop // width))
        term = _term(bias, mask, q, k, rows)
        scores = q.new_empty(rows.stop - start, keys)
        for head in product(*map(range, q.shape[:-2])):
            if term is None:
                torch.mm(q[head][rows], k[head].mT, out=scores)
            else:
                scores.copy_(term[head]).addmm_(q[head][rows], k[head].mT)
            yield head, rows, scores.softmax(-1), unpack(bits[head][words])[: len(scores)]


def _term(bias, mask, q, k, rows) -> Table:
    """(…, H, rows, M): the bias, −inf where the mask excludes; zeros in a row that sees nothing."""
    if bias is not None:
        bias = part("bias", bias, q, k, rows)
    if mask is not None:  # once for all heads that share it
        mask = part("mask", mask, q, k, rows)
        bias = torch.where(mask, 0.0 if bias is None else bias.to(q.dtype), -torch.inf)
        bias = bias.masked_fill(~mask.any(-1, keepdim=True), 0.0)
    return bias if bias is None else bias.expand(*q.shape[:-2], rows.stop - rows.start, k.shape[-2])


def _only(keep: Tensor, x: Tensor) -> Tensor:
    """x itself, now +0 where `keep` is 0."""
    return x.view(keep.dtype).bitwise_and_(keep).view(x.dtype)


def _textbook(g, q, k, v, bias, mask, bits) -> tuple[Tensor, ...]:
    """The gradients of q, k and v in operations that have derivatives; all weights are formed."""
    again = torch.is_grad_enabled()
    with torch.enable_grad():
        leaves = [x if x.requires_grad else x.detach().requires_grad_() for x in (q, k, v)]
        weights = softmax(leaves[0], leaves[1], 1.0, bias, mask)
        out = (weights * (unpack(bits)[..., : q.shape[-2], :] != 0)) @ leaves[2]
        return torch.autograd.grad(out, leaves, g, create_graph=again)
