"""One file a backend, one way each to compute softmax(scores) v.

Every `attend(q, k, v, *, scale, bias, mask, dropout)` takes (…, H, N, D), checked by its caller,
and returns `(out, lse)`: (…, H, N, D), and the row log-sum-exps (…, H, N) in float32 where the
kernel gives them, else None.
"""

from attnlib.kernels import eager, sdpa

BACKENDS = {"eager": eager.attend, "sdpa": sdpa.attend}


def available_backends() -> tuple[str, ...]:
    """Names that `attention(…, backend=…)` takes on this machine, besides "auto"."""
    return tuple(BACKENDS)
