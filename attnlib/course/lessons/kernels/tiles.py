"""What a fused kernel does, in plain PyTorch: slow, to be read, and with the kernel's names.

Tiles are the pieces of work: some queries against some keys. Of each tile the scores are formed,
used and forgotten; three things a query are kept, from which output and log-sum-exp are made.
"""

from collections.abc import Iterator
from typing import NamedTuple

import torch
from torch import Tensor

from attnlib.checks import check_count


class Tile(NamedTuple):
    """One step of the walk: what is read, and what is known after it."""

    rows: slice  # the queries
    keys: slice
    scores: Tensor  # (rows, keys), all that is formed
    most: Tensor  # (rows,) the largest score so far
    total: Tensor  # (rows,) the sum of exp(scores − most) so far
    out: Tensor  # (rows, Dv) the sum of exp(scores − most) · v so far


def attend(q: Tensor, k: Tensor, v: Tensor, *, scale: float, tile: int) -> tuple[Tensor, Tensor]:
    """softmax(scale · q kᵀ) v and the log-sum-exps, never holding more than tile × tile scores.

    Args:
        q, k, v: (N, D), (M, D), (M, Dv).
        scale: times q·k.
        tile: queries, and keys, of one tile, at least 1; the last may be smaller.
    Returns:
        (N, Dv) and (N,).
    Source: Milakov and Gimelshein 2018 (arXiv:1805.02867), algorithm 3, with the values as in
        Rabe and Staats 2021 (arXiv:2112.05682), sections 2 and 3.
    """
    check_count("tile", tile)
    outs, lses = [], []
    for queries in q.split(tile):
        out, lse = attend_rows(queries, k, v, scale, tile)
        outs.append(out)
        lses.append(lse)
    return torch.cat(outs), torch.cat(lses)


def attend_rows(q: Tensor, k: Tensor, v: Tensor, scale: float, tile: int) -> tuple[Tensor, Tensor]:
    """One tile of queries, (rows, D), against all keys: output (rows, Dv), log-sum-exps (rows,)."""
    most, total, out = nothing_seen(q, v)
    for keys, values in zip(k.split(tile), v.split(tile), strict=True):
        scores = scale * q @ keys.T  # (rows, keys): formed here, forgotten in the next round
        most, total, out = take_in(most, total, out, scores, values)
    return out / total[:, None], most + total.log()


def nothing_seen(q: Tensor, v: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """most, total and out before the first tile."""
    rows = len(q)
    return q.new_full((rows,), -torch.inf), q.new_zeros(rows), q.new_zeros(rows, v.shape[-1])


def take_in(most, total, out, scores, values):
    """most (rows,), total (rows,) and out (rows, Dv) after one tile more."""
    higher = torch.maximum(most, scores.amax(-1))
    shrink = (most - higher).exp()  # what was summed so far is measured against the old most
    weights = (scores - higher[:, None]).exp()  # (rows, keys)
    total = total * shrink + weights.sum(-1)
    out = out * shrink[:, None] + weights @ values
    return higher, total, out


def walk(q: Tensor, k: Tensor, v: Tensor, *, scale: float, tile: int) -> Iterator[Tile]:
    """Every tile that `attend` reads, in its order, with what is known after it."""
    check_count("tile", tile)
    for rows in _cut(len(q), tile):
        most, total, out = nothing_seen(q[rows], v)
        for keys in _cut(len(k), tile):
            scores = scale * q[rows] @ k[keys].T
            most, total, out = take_in(most, total, out, scores, v[keys])
            yield Tile(rows, keys, scores, most, total, out)


def _cut(length: int, tile: int) -> Iterator[slice]:
    for start in range(0, length, tile):
        yield slice(start, min(start + tile, length))
