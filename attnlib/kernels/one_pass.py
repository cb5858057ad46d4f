"""A map reduced to cells on a CPU, in one pass over its tiles: no row of it is ever whole.

What a row of exp(scores) sums to is known only at its end. Until then it stands relative to `top`,
one of its scores. In flash attention that is the largest so far, at every step. Here it mostly
stays where the first tile put it, since exp overflows only some 80 above it; rows where it does
are computed again, and then `top` follows. A tile fits into its core's cache. Its keys go down and
its queries across, so that what is added up lies below each other: whole vectors at a time. Scores
are counted in bits, since exp on a CPU may be a hundred times slower where it comes near 0, and
exp2 is not.
"""

import math
from collections.abc import Callable, Iterator
from itertools import pairwise, product
from typing import NamedTuple

import torch
from torch import Tensor

from attnlib.overflow import reach
from attnlib.precision import autocast_off
from attnlib.terms import Table, Term, part, terms

TILE_Q, TILE_K = 256, 512  # queries for each thread, keys: half a MiB in float32
SLACK = 32.0  # bits by which scores may pass a `top` that follows: the sum of all 2³² is finite
BITS = 1 / math.log(2)  # of a score of 1


def serves(q: Tensor, k: Tensor, scale: float) -> bool:
    """Whether it is on a CPU, and no part of a score can overflow before bias and mask."""
    if not q.is_cpu or not q.numel() or not k.numel() or torch.compiler.is_compiling():
        return False
    return reach(q, k, scale * BITS) < torch.finfo(q.dtype).max > abs(scale * BITS)


def edges_of(length: int, size: int, device: torch.device) -> Tensor:
    """(cells + 1,) edges of the cells: ⌊i·length / cells⌋."""
    cells = min(size, length)
    return torch.arange(cells + 1, device=device) * length // max(1, cells)


def reduce_columns(weights: Tensor, edges: Tensor, reduce: str) -> Tensor:
    """(…, rows, cols) -> (…, rows, cells): the sum ("mean") or maximum of a cell's columns."""
    cells, cols = len(edges) - 1, weights.shape[-1]
    if cols == cells:
        return weights
    if cols % cells == 0:
        weights = weights.unflatten(-1, (cells, cols // cells))
        return weights.sum(-1) if reduce == "mean" else weights.amax(-1)
    # Cells are ⌊cols / cells⌋ wide or one more: the narrow ones read their last column twice.
    widths = edges.diff()[:, None]
    step = torch.arange(cols // cells + 1, device=edges.device)
    index = edges[:-1, None] + step.minimum(widths - 1)
    gathered = weights.index_select(-1, index.flatten()).unflatten(-1, index.shape)
    if reduce == "max":
        return gathered.amax(-1)
    return gathered.masked_fill(step >= widths, 0.0).sum(-1)


class OnePass:
    """The weights of a map, their columns reduced to cells: a strip of rows a call.

    Args:
        q, k: (…, H, N, D), (…, H, M, D), such as `serves` takes, float32 or float64.
        edges: cells + 1 of them, in 0 … M: cell c covers columns edges[c] to edges[c + 1].
        reduce: "mean", not yet divided by the columns of a cell, or "max".
        visible: visible(rows) counts the keys that each of those queries may attend to.
        lse: (…, H, N) log-sum-exps, if known, of 2¹² at most: then only the columns of cells are
            computed.
        scale, bias, mask: as in `attnlib.attention`.
    """

    def __init__(
        self,
        q: Tensor,
        k: Tensor,
        edges: list[int],
        reduce: str,
        visible: Callable[[slice], Tensor],
        lse: Table = None,
        *,
        scale: float,
        bias: Term,
        mask: Term,
    ):
        self.q, self.k, self.reduce, self.visible, self.lse = q, k, reduce, visible, lse
        self.scale, self.bias, self.mask = scale, bias, mask
        self.count = len(edges) + 1  # of cells, with all columns before and all after as two more
        self.heads = list(product(*map(range, q.shape[:-2])))
        self.tiles = list(_tiles(edges, k.shape[-2], outside=lse is None))
        self.keys = [[k[head][tile.cols] for head in self.heads] for tile in self.tiles]
        self.longest = TILE_Q * torch.get_num_threads()
        self.room = q.new_zeros(TILE_K + 1, self.longest)  # of a tile; the last row stays zero
        self.lowest = torch.finfo(q.dtype).min
        self.follows = False

    def __call__(self, rows: slice) -> tuple[Tensor, Tensor] | None:
        """(…, H, rows, cells) and log-sum-exps (…, H, rows), of `longest` rows at most.

        Zeros and −inf where a row sees nothing. None where some row overflows.
        """
        with autocast_off("cpu"):
            cells, total, top = self._sums(rows)
            if not (self.follows or total.isfinite().all()):
                self.follows = True  # in the strips to come, too: they will be like this one
                cells, total, top = self._sums(rows)
        lse = ((top + total.log2()) / BITS)[..., 0, :]
        lost = ~lse.isfinite()
        if lost.any() and (lost & (~lse.isneginf() | (self.visible(rows) > 0))).any():
            return None
        return (cells[..., 1:-1, :] / total.where(total > 0, 1.0)).mT, lse

    def _sums(self, rows):
        """(…, H, cells, rows) of exp2(bits − top), their totals (…, H, 1, rows), and top."""
        queries = self.q[..., rows, :].mT.contiguous()  # (…, H, D, rows)
        cells = queries.new_zeros(*queries.shape[:-2], self.count, queries.shape[-1])
        total = torch.zeros_like(cells[..., :1, :])
        top = torch.full_like(total, self.lowest)
        if self.lse is not None:
            top = self.lse[..., None, rows] * BITS
            top = top.masked_fill(top.isneginf(), 0.0)
        own = [[x[head] for x in (queries, cells, total, top)] for head in self.heads]
        settled = [self.lse is not None] * len(own)
        for tile, keys in zip(self.tiles, self.keys, strict=True):
            bias, mask = self._terms(rows, tile.cols)
            for n, (own_queries, own_cells, own_total, own_top) in enumerate(own):
                bits = self._bits(own_queries, keys[n], bias[n], mask[n])
                if not settled[n]:
                    _follow(own_top, bits.amax(0), own_total, own_cells)
                    settled[n] = not self.follows and bool((own_top > self.lowest).all())
                weights = bits.sub_(own_top).exp2_()
                found, here = self._reduced(weights, tile), own_cells[tile.cells]
                if self.reduce == "mean":
                    here += found
                else:
                    torch.maximum(here, found, out=here)
                    own_total += weights.sum(0)
        if self.reduce == "mean":
            total = cells.sum(-2, keepdim=True)
        if self.lse is not None:
            total = 1.0 + 0.0 * cells.sum(-2, keepdim=True)  # not 1 where something overflows
        return cells, total, top

    def _terms(self, rows, cols):
        """Bias and mask there, each as (rows, cols) or None for each head.

        A function is asked once for all heads.
        """
        shape = (*self.q.shape[:-2], rows.stop - rows.start, cols.stop - cols.start)
        for name, term in (("bias", self.bias), ("mask", self.mask)):
            if term is None:
                yield [None] * len(self.heads)
            else:
                there = part(name, term, self.q, self.k, rows, cols).expand(shape)
                yield [there[head] for head in self.heads]

    def _bits(self, queries, keys, bias, mask):
        """Scores (keys, rows) in `room`. queries: (D, rows); bias, mask: (rows, keys)."""
        result = self.room[: len(keys), : queries.shape[-1]]
        torch.addmm(result, keys, queries, beta=0, alpha=self.scale * BITS, out=result)
        if bias is None and mask is None:
            return result
        bias, may = terms(bias, mask, queries.mT, keys)
        if bias is not None:
            result.add_(bias.mT.to(result.dtype), alpha=BITS)
        return result if may is None else result.masked_fill_(~may.mT, -torch.inf)

    def _reduced(self, weights, tile):
        """(cells, rows) sums or maxima of the weights of a tile, which are in `room`."""
        cells, rows = tile.cells.stop - tile.cells.start, weights.shape[-1]
        if tile.picked is None:
            each = weights.view(cells, -1, rows)
        else:
            each = self.room[:, :rows].index_select(0, tile.picked.flatten()).view(cells, -1, rows)
        return each.sum(1) if self.reduce == "mean" else each.amax(1)


class Tile(NamedTuple):
    """Columns that are computed together, and the cells that they belong to."""

    cols: slice
    cells: slice  # whole ones; or one, of which these may be a part
    picked: Tensor | None  # (cells, widest) columns of each, TILE_K for none; None: equally wide


def _tiles(edges: list[int], keys: int, outside: bool) -> Iterator[Tile]:
    """Tiles of all cells; of what is before the first and after the last, if it is wanted."""
    ends = [0, *edges, keys]
    last = len(ends) - 2
    widest = max([1, *(stop - start for start, stop in pairwise(edges))])
    step = max(1, TILE_K // widest)
    groups = [(first, min(first + step, last)) for first in range(1, last, step)]
    for first, stop in [(0, 1), *groups, (last, last + 1)] if outside else groups:
        for left in range(ends[first], ends[stop], TILE_K):
            cols = slice(left, min(left + TILE_K, ends[stop]))
            yield Tile(cols, slice(first, stop), _index(ends[first : stop + 1], cols))


def _index(ends, cols):
    starts = torch.tensor(ends).clamp(cols.start, cols.stop) - cols.start
    widths = starts.diff()[:, None]
    if (widths == widths[0]).all():
        return None
    step = torch.arange(int(widths.max()))
    return torch.where(step < widths, starts[:-1, None] + step, TILE_K)


def _follow(top, largest, total, cells):
    """Put `top` where bits are far above it, and make relative to it what is summed so far."""
    if (largest > top + SLACK).any():
        higher = torch.maximum(top, largest)
        shrink = (top - higher).exp2_()
        total *= shrink
        cells *= shrink
        top.copy_(higher)
