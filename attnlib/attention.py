"""The one contract: queries, keys and values in, output and map out."""

import math

import torch
from torch import Tensor

from attnlib.checks import check_probability, check_term
from attnlib.kernels import BACKENDS, available_backends
from attnlib.maps import AttentionMap


def attention(
    q: Tensor,
    k: Tensor,
    v: Tensor,
    *,
    scale: float | None = None,
    bias=None,
    mask=None,
    dropout: float = 0.0,
    backend: str = "auto",
) -> tuple[Tensor, AttentionMap]:
    """softmax(scale · q kᵀ + bias) v, and the map that made it.

    Args:
        q: (…, H, N, D) queries; any axes before the heads, none needed.
        k: (…, H, M, D) keys.
        v: (…, H, M, Dv) values; usually Dv = D.
        scale: a number; None means D^-½.
        bias: added to the scores: a float tensor that broadcasts to (…, H, N, M), or a function
            f(i, j) of index tensors (N, 1) and (1, M) whose result broadcasts to (N, M). To
            exclude pairs use mask: a row of −inf only is undefined.
        mask: True = may attend (nn.MultiheadAttention has it the other way round): a bool tensor
            that broadcasts to (…, H, N, M), or a function f(i, j). With N = 2, M = 3 and
            `lambda i, j: j <= i`:

                1 0 0
                1 1 0

            A row that may attend to nothing gives zeros.
        dropout: probability that a weight is dropped, in [0, 1]; applied whenever above 0, so
            pass 0 outside training.
        backend: "eager", the textbook; "sdpa", PyTorch's fused kernels; "auto" takes sdpa, and
            eager for dropout on a CPU, where the fused kernels have none. Both materialise a
            bias or mask given as a function: (N, M) numbers.
    Returns:
        out: (…, H, N, Dv) in the dtype of q, or autocast's; and the `AttentionMap`
        (…, H, N, M), which computes nothing until it is looked at.
    Raises:
        TypeError, ValueError: an argument of a wrong kind or shape, named with what is expected.
    Source: Vaswani et al. 2017 (arXiv:1706.03762), section 3.2.1.
    """
    _check_qkv(q, k, v)
    shape = (*q.shape[:-1], k.shape[-2])
    for name, term in (("bias", bias), ("mask", mask)):
        if term is not None and not callable(term):
            check_term(name, name, term, shape, q.device)
    check_probability("dropout", dropout)
    names = ("auto", *available_backends())
    if backend not in names:
        raise ValueError(f"backend must be one of {names}, got {backend!r}")
    scale = q.shape[-1] ** -0.5 if scale is None else _check_scale(scale)
    if backend == "auto":
        backend = "eager" if dropout and q.device.type == "cpu" else "sdpa"
    out, lse = BACKENDS[backend](q, k, v, scale=scale, bias=bias, mask=mask, dropout=dropout)
    return out, AttentionMap(q, k, scale=scale, bias=bias, mask=mask, lse=lse)


def _check_qkv(q: Tensor, k: Tensor, v: Tensor) -> None:
    for name, x in (("q", q), ("k", k), ("v", v)):
        if not isinstance(x, Tensor):
            raise TypeError(f"{name} must be a torch.Tensor, got {type(x).__name__}")
        if not torch.is_floating_point(x):
            raise TypeError(f"{name} must be floating point, got {x.dtype}")
        if (x.dtype, x.device) != (q.dtype, q.device):
            raise TypeError(
                f"{name} must be {q.dtype} on {q.device} as q is, got {x.dtype} on {x.device}"
            )
        if x.dim() < 3 or x.numel() == 0:
            raise ValueError(
                f"{name} must be (…, H, N, D), no axis empty, got shape {tuple(x.shape)}"
            )
    if k.shape[:-2] != q.shape[:-2] or k.shape[-1] != q.shape[-1]:
        wanted = (*q.shape[:-2], "M", q.shape[-1])
        raise ValueError(f"k must be {_shape(wanted)} to fit q, got shape {tuple(k.shape)}")
    if v.shape[:-1] != k.shape[:-1]:
        wanted = (*k.shape[:-1], "Dv")
        raise ValueError(f"v must be {_shape(wanted)} to fit k, got shape {tuple(v.shape)}")


def _check_scale(scale: float) -> float:
    if isinstance(scale, bool) or not isinstance(scale, (int, float)):
        raise TypeError(
            f"scale must be a number, got {type(scale).__name__}; multiply q by a learned one"
        )
    if not math.isfinite(scale):
        raise ValueError(f"scale must be finite, got {scale}")
    return scale


def _shape(axes) -> str:
    return f"({', '.join(map(str, axes))})"
