"""One file a backend, one way each to compute softmax(scores) v.

Every `attend(q, k, v, *, scale, bias, mask, dropout)` takes (…, H, N, D), checked by its caller,
and returns `(out, lse)`: (…, H, N, D), and the row log-sum-exps (…, H, N) in float32 where the
kernel gives them, else None. Scores are float32 at least. Where the bias is a tensor, the mask
knows of its −inf; the backends of `WITH_TABLES` are given tensors only. What a backend cannot
serve it refuses, and names one that can.
"""

import importlib.util
import os
from types import ModuleType
from typing import Any

import torch
from torch import Tensor

from attnlib.kernels import eager, flex, sdpa
from attnlib.terms import Table, Term

TRITON_IS_HERE = importlib.util.find_spec("triton") is not None  # once: it searches the disk


def _triton(*args: Any, **kwargs: Any) -> tuple[Tensor, Table]:
    from attnlib.kernels import triton  # here, because only who asks for it may have it

    return triton.attend(*args, **kwargs)


BACKENDS: dict[str, Any]  # or their signatures would be joined, and flex takes more
BACKENDS = {"eager": eager.attend, "sdpa": sdpa.attend, "flex": flex.attend, "triton": _triton}
WITH_TABLES = ("eager", "sdpa")


def available_backends() -> tuple[str, ...]:
    """Names that `attention(…, backend=…)` takes on this machine, besides "auto"."""
    return tuple(name for name in BACKENDS if why_not(name) is None)


def why_not(backend: str) -> str | None:
    """Why a backend cannot run on this machine; None where it can."""
    if backend != "triton":
        return None
    if not TRITON_IS_HERE:
        return "the package triton is not here (pip install triton, on Linux)"
    if torch.cuda.is_available() or os.environ.get("TRITON_INTERPRET") == "1":
        return None
    return "there is no CUDA GPU (TRITON_INTERPRET=1, set before Python, runs it on a CPU, slowly)"


def triton_for(q: Tensor, k: Tensor, bias: Term, mask: Term) -> ModuleType | None:
    """The module of the Triton kernels where they can serve such a map on its GPU, else None."""
    if q.device.type != "cuda" or why_not("triton"):
        return None
    from attnlib.kernels import triton

    return None if triton.refusal(q, k, k, bias, mask) else triton
