"""The one contract: queries, keys and values in, output and map out."""

import math
from functools import partial

import torch
from torch import Tensor

from attnlib.checks import check_probability, check_term
from attnlib.kernels import BACKENDS, WITH_TABLES, available_backends, dropped, why_not
from attnlib.maps import AttentionMap
from attnlib.overflow import may_overflow
from attnlib.precision import as_autocast_asks, autocast_off
from attnlib.terms import Term, hide_unseen, terms

LONG = 4096**2  # pairs; their table takes 64 MiB in float32


def attention(
    q: Tensor,
    k: Tensor,
    v: Tensor,
    *,
    scale: float | None = None,
    bias: Term = None,
    mask: Term = None,
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
            f(i, j) of index tensors (N, 1) and (1, M) whose result broadcasts to (N, M). −inf
            excludes a pair as the mask does.
        mask: True = may attend (nn.MultiheadAttention has it the other way round): a bool tensor
            that broadcasts to (…, H, N, M), or a function f(i, j). With N = 2, M = 3 and
            `lambda i, j: j <= i`:

                1 0 0
                1 1 0

            A row that may attend to nothing gives zeros. What stands in such a query, or in a
            key that no query of its head may see, has no effect, NaN neither; in a key that some
            may see, it spreads as it does in the kernel.
        dropout: probability that a weight is dropped, in [0, 1]; applied whenever above 0, so
            pass 0 outside training.
        backend: which kernel computes it (`available_backends()` names those that can run here):

                eager   the textbook; forms the weights
                sdpa    PyTorch's fused kernels; a function is materialised: (N, M) numbers
                flex    FlexAttention; a function is evaluated where it is needed, element by
                        element, and each new one is compiled, which takes seconds; on a CPU
                        without gradients, and slow
                triton  a forward kernel to be read, on CUDA: SameGroup, PGL-SUM's positions

            "auto" takes what gives gradients for every request it meets:

                CPU     dropout (512² pairs or more: kernels/dropped.py)      eager
                        else                                                  sdpa
                CUDA    a function over 4096² pairs or more, no dropout,
                        not float64, where the package triton is              flex
                        else                                                  sdpa
                others                                                        sdpa
    Returns:
        out: (…, H, N, Dv) in the dtype of q, or autocast's, which rounds q, k and v before; and
        the `AttentionMap` (…, H, N, M), which computes nothing until it is looked at. Scores are
        float32 at least; a row of them that overflows is NaN in both.
    Raises:
        TypeError, ValueError: an argument of a wrong kind or shape, named with what is expected;
            a request that the named backend cannot serve, with one that can.
    Source: Vaswani et al. 2017 (arXiv:1706.03762), section 3.2.1.
    """
    check_qkv(q, k, v)
    shape = (*q.shape[:-1], k.shape[-2])
    for name, term in (("bias", bias), ("mask", mask)):
        if term is not None and not callable(term):
            check_term(name, name, term, shape, q.device)
    check_probability("dropout", dropout)
    check_backend(backend)
    scale = q.shape[-1] ** -0.5 if scale is None else check_scale(scale)
    chosen = _auto(q, shape, bias, mask, dropout) if backend == "auto" else backend
    q, k, v = as_autocast_asks(q, k, v)
    map_of = partial(AttentionMap, scale=scale, bias=bias, mask=mask)  # a function stays one
    if chosen in WITH_TABLES or not (callable(bias) or callable(mask)):
        bias, mask = terms(bias, mask, q, k)
    q, k, v = hide_unseen(bias, mask, q, k, v)
    attend = BACKENDS[chosen]
    if backend == "auto" and dropped.serves(q, k, v, scale, bias, dropout):
        attend = dropped.attend
    with autocast_off(q.device.type):
        out, lse = attend(q, k, v, scale=scale, bias=bias, mask=mask, dropout=dropout)
        if may_overflow(out, q, k, scale, bias):
            out, lse = map_of(q, k).times(v, dropout), None
    return out, map_of(q, k, lse=lse)


def _auto(q: Tensor, shape: tuple[int, ...], bias: Term, mask: Term, dropout: float) -> str:
    """The kernel for a request: see the table in the docstring of `attention`."""
    if q.device.type == "cpu" and dropout:
        return "eager"
    functions = callable(bias) or callable(mask)
    if q.device.type != "cuda" or not functions or dropout or q.dtype == torch.float64:
        return "sdpa"
    long = shape[-2] * shape[-1] >= LONG
    return "flex" if long and why_not("triton") is None else "sdpa"


def check_backend(backend: str) -> None:
    """Raise unless `attention` takes such a backend here: "auto", or one that can run."""
    if backend == "auto" or backend in BACKENDS and not why_not(backend):
        return
    names = ("auto", *available_backends())
    if backend in BACKENDS:
        raise ValueError(f"backend={backend!r} cannot run: {why_not(backend)}; take one of {names}")
    raise ValueError(f"backend must be one of {names}, got {backend!r}")


def check_qkv(q: Tensor, k: Tensor, v: Tensor) -> None:
    """Raise unless they are tensors that `attention` takes, and fit each other."""
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


def check_scale(scale: float) -> float:
    """The scale, or an error unless it is a finite number."""
    if isinstance(scale, bool) or not isinstance(scale, (int, float)):
        raise TypeError(
            f"scale must be a number, got {type(scale).__name__}; multiply q by a learned one"
        )
    if not -math.inf < scale < math.inf:  # math.isfinite takes no symbol
        raise ValueError(f"scale must be finite, got {scale}")
    return scale


def _shape(axes) -> str:
    return f"({', '.join(map(str, axes))})"
