"""PyTorch's FlexAttention: bias and mask stay functions of indices, and no N×M table is formed.

On CUDA it is compiled into one kernel, which skips the tiles that a mask empties. On a CPU it
forms the scores after all and gives no gradients: there it is for tests, at small lengths.

Source: Dong et al. 2024 (arXiv:2412.05496), sections 3 and 4.
"""

import warnings
from functools import cache
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor
from torch.nn.attention.flex_attention import AuxRequest, create_block_mask, flex_attention

from attnlib.checks import refuse
from attnlib.kernels.sdpa import four_axes
from attnlib.terms import Table, Term

MOST = 1000  # times that it is compiled in one process
NARROWEST = 16  # D of its CUDA kernel; zeros added to narrower heads change no score


def attend(
    q: Tensor, k: Tensor, v: Tensor, *, scale: float, bias: Term, mask: Term, dropout: float
) -> tuple[Tensor, Table]:
    _check(q, k, v, bias, dropout)
    lead, value_dim = q.shape[:-3], v.shape[-1]
    q, k, v = (_widen(x.reshape(-1, *x.shape[-3:])) for x in (q, k, v))  # (B·G, H, N, D)
    sizes = (*q.shape[:-1], k.shape[-2])  # (B·G, H, N, M)
    run: Any = flex_attention
    make_mask: Any = create_block_mask
    if not torch.compiler.is_compiling():  # else the caller compiles
        on_cuda = q.device.type == "cuda"
        run = _compiled(run) if on_cuda else _quietly
        make_mask = _compiled(make_mask) if on_cuda else make_mask
    block_mask = None
    if mask is not None:
        maps = (None, None) if callable(mask) else sizes[:2]  # a function serves all heads
        allowed = _of_indices(mask, lead, sizes)
        block_mask = make_mask(allowed, *maps, *sizes[2:], device=q.device)
    score_mod = None
    if bias is not None:
        within = torch.promote_types(q.dtype, torch.float32)
        score_mod = _adding(_of_indices(bias, lead, sizes), within)
    wanted = AuxRequest(lse=True)
    out, aux = run(q, k, v, score_mod, block_mask, scale, return_aux=wanted)
    out, lse = out[..., :value_dim], aux.lse  # (B·G, H, N, Dv), (B·G, H, N)
    return out.reshape(*lead, *out.shape[1:]), lse.reshape(*lead, *lse.shape[1:])


def _check(q, k, v, bias, dropout):
    if dropout:
        refuse("flex", "has no dropout", '"sdpa" or "eager"')
    if q.device.type == "cuda":
        if q.dtype == torch.float64:
            refuse("flex", "has no float64 on CUDA", '"sdpa" or "eager"')
    elif torch.is_grad_enabled() and any(getattr(x, "requires_grad", 0) for x in (q, k, v, bias)):
        refuse("flex", f"gives no gradients on {q.device.type}", '"sdpa" or "eager"')


@cache
def _compiled(function):
    """Compiled for every new function, where PyTorch stops after eight and forms N×M tables."""
    # Through a function of our own: where others compile `function`, they count by themselves.
    compiled = torch.compile(lambda *args, **kwargs: function(*args, **kwargs))

    def run(*args, **kwargs):
        limits = {"recompile_limit": MOST, "accumulated_recompile_limit": MOST}
        try:
            with torch._dynamo.config.patch(limits | {"fail_on_recompile_limit_hit": True}):
                return compiled(*args, **kwargs)
        except torch._dynamo.exc.FailOnRecompileLimitHit as error:
            what = f'backend="flex" has been compiled {MOST} times, for as many functions'
            raise RuntimeError(f"{what}: torch.compiler.reset() makes room") from error

    return run


def _quietly(*args, **kwargs):
    """Uncompiled on purpose, where PyTorch would warn of it."""
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", "flex_attention called without torch.compile")
        return flex_attention(*args, **kwargs)


def _widen(x):
    return F.pad(x, (0, max(0, NARROWEST - x.shape[-1])))


def _of_indices(term, lead, sizes):
    """A bias or mask as FlexAttention asks for it: a function of batch, head, query and key."""
    if callable(term):
        return lambda b, h, i, j: term(i, j)
    table = four_axes(term, lead).expand(sizes)
    return lambda b, h, i, j: table[b, h, i, j]


def _adding(term, dtype):
    """`dtype` is that of the scores inside the kernel; what it tells about itself is q's."""
    return lambda score, b, h, i, j: score + term(b, h, i, j).to(dtype)
