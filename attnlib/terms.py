"""Bias and mask: who may attend to whom, and by how much more.

A pair is excluded where the mask is False, or where the bias is −inf. A query whose pairs are all
excluded sees nothing; a key whose pairs are all excluded is seen by nobody, as padding is.
"""

import math
from collections.abc import Callable

import torch
from torch import Tensor

from attnlib.checks import check_term
from attnlib.positions import KeptTable
from attnlib.precision import dtype_of_scores

Given = Tensor | Callable[[Tensor, Tensor], Tensor]  # a bias or a mask: numbers, or f(i, j)
Term = Given | None
Table = Tensor | None  # the same, as numbers
WHOLE = slice(None)
STRIP = 2**22  # pairs of query and key, of which functions are asked at once


def terms(
    bias: Term, mask: Term, q: Tensor, k: Tensor, rows: slice = WHOLE, cols: slice = WHOLE
) -> tuple[Table, Table]:
    """Bias and mask at rows × cols as tensors, None where there is none.

    The mask that comes back knows of every excluded pair. None: all may attend.
    """
    if mask is not None:
        mask = part("mask", mask, q, k, rows, cols)
    if bias is None:
        return None, mask
    finite = isinstance(bias, KeptTable)  # positions
    bias = part("bias", bias, q, k, rows, cols)
    return bias, mask if finite else _without_infinite(bias, mask)


def _without_infinite(bias: Tensor, mask: Table) -> Table:
    least = looked_at(bias.detach(), torch.amin)
    if least is not None and least > -math.inf:  # NaN is not
        return mask
    allowed = ~bias.isneginf()
    return allowed if mask is None else mask & allowed


def part(
    name: str, term: Given, q: Tensor, k: Tensor, rows: slice = WHOLE, cols: slice = WHOLE
) -> Tensor:
    """A bias or mask at rows × cols: cut from a tensor, or computed by a function f(i, j)."""
    if isinstance(term, Tensor):
        if term.dim() > 1 and term.shape[-2] > 1:
            term = term[..., rows, :]
        return term[..., cols] if term.dim() and term.shape[-1] > 1 else term
    if rows == WHOLE == cols and isinstance(term, KeptTable):
        return term.table(dtype_of_scores(q), q.device)
    i = torch.arange(q.shape[-2], device=q.device)[rows, None]
    j = torch.arange(k.shape[-2], device=q.device)[None, cols]
    return check_term(f"{name}(i, j)", name, term(i, j), (i.numel(), j.numel()), q.device)


def hide_unseen(bias: Term, mask: Term, q: Tensor, k: Tensor, v: Tensor) -> tuple[Tensor, ...]:
    """q, zero where a query sees nothing; k and v, zero where a key is seen by none of its head.

    What stands there must have no effect, and NaN times 0 would be NaN. bias, mask: as `terms`
    gives them, or functions.
    """
    functions = callable(bias) or callable(mask)
    if functions and (torch.compiler.is_compiling() or all(x.isfinite().all() for x in (q, k, v))):
        return q, k, v  # functions are asked of all pairs only where something may be mended
    if functions:
        sees, seen = _of_functions(bias, mask, q, k)
    elif not isinstance(mask, Tensor):
        return q, k, v
    else:
        sees, seen = mask.any(-1), mask.any(-2) if mask.dim() > 1 else mask
    if looked_at(sees, lambda sees: sees.all() & seen.all()):
        return q, k, v
    q = q.masked_fill(~sees[..., None], 0.0)
    return q, *(x.masked_fill(~seen[..., None], 0.0) for x in (k, v))


def _of_functions(bias, mask, q, k) -> tuple[Tensor, Tensor]:
    """(…, N) queries that see some key, (…, M) keys that some query sees: in strips of queries."""
    (queries, keys), sees = (q.shape[-2], k.shape[-2]), []
    seen = torch.zeros(keys, dtype=torch.bool, device=k.device)
    step = max(1, STRIP // keys)
    for start in range(0, queries, step):
        stop = min(start + step, queries)
        _, may = terms(bias, mask, q, k, slice(start, stop))
        may = torch.ones_like(seen) if may is None else may
        may = may.expand(*may.shape[:-2], stop - start, keys)
        sees.append(may.any(-1))
        seen = seen | may.any(-2)
    return torch.cat(sees, -1), seen


def looked_at(x: Tensor, number: Callable[[Tensor], Tensor]) -> float | None:
    """number(x); None where it cannot be looked at: while traced, under vmap.

    Nor on a GPU, where to look is to wait for all that was asked of it. There it is not computed.
    """
    if not x.is_cpu or torch.compiler.is_compiling():
        return None
    try:
        found = number(x).item()
    except RuntimeError:  # one of vmap's samples, or a tensor without numbers
        return None
    return found if isinstance(found, bool | int | float) else None  # a symbol is none
