"""The map of an attention over several ranks: pieces of it, and cells, for the whole sequence."""

from collections.abc import Iterator

import torch
from torch import Tensor

from attnlib.checks import check_count
from attnlib.kernels.one_pass import edges_of
from attnlib.maps import REDUCTIONS, AttentionMap, inside
from attnlib.precision import dtype_of_scores
from attnlib.ranks.layout import Layout, length, overlap
from attnlib.ranks.ring import strips, weights_of
from attnlib.terms import WHOLE, Table


class RankMap:
    """The weights of all queries against all keys, (…, H, L, L), as an `AttentionMap` shows them.

    Indices are those of the whole sequence. `window` and `pooled` give the same on every rank,
    and every rank must call them, with the same arguments: keys go round, each rank computes its
    rows, in tiles, and all share what they found. Nothing is computed before, and nothing kept
    has a graph.
    """

    def __init__(self, q: Tensor, k: Tensor, layout: Layout, lse: Table = None):
        self._q, self._k, self._layout, self._lse = q.detach(), k.detach(), layout, lse

    @property
    def shape(self) -> torch.Size:
        """(…, H, L, L): queries down, keys across."""
        last = (self._layout.queries[-1].stop, self._layout.keys[-1].stop)
        return torch.Size((*self._q.shape[:-2], *last))

    def __repr__(self) -> str:
        links = self._layout.links
        return f"RankMap(shape={tuple(self.shape)}, rank {links.rank} of {links.count})"

    @torch.no_grad()
    def window(self, rows: slice, cols: slice) -> Tensor:
        """The weights of some queries against some keys: as `AttentionMap.window`.

        Returns:
            (…, H, rows, cols) on every rank. Each sends its rows of it to every other.
        """
        rows, cols = self._inside(rows, cols)
        mine = overlap(rows, self._layout.own)
        found = self._empty(length(mine), length(cols)).zero_()
        for down, across, weights in self._tiles(mine, cols):
            found[..., _from(mine, down), _from(cols, across)] = weights
        lengths = [length(overlap(rows, queries)) for queries in self._layout.queries]
        shapes = [(*found.shape[:-2], n, found.shape[-1]) for n in lengths]
        return torch.cat(self._layout.links.share(found, shapes), -2)

    @torch.no_grad()
    def pooled(
        self, size: int, reduce: str = "mean", rows: slice = WHOLE, cols: slice = WHOLE
    ) -> Tensor:
        """The map, or a window of it, reduced to cells: as `AttentionMap.pooled`.

        A cell may hold rows of several ranks.

        Returns:
            (…, H, min(size, rows), min(size, cols)) on every rank. Each sends the cells that its
            rows touch to every other.
        """
        check_count("size", size)
        if reduce not in REDUCTIONS:
            raise ValueError(f"reduce must be one of {REDUCTIONS}, got {reduce!r}")
        rows, cols = self._inside(rows, cols)
        down, across = (edges_of(length(x), size, self._q.device) for x in (rows, cols))
        touched = [_cells(down, _from(rows, overlap(rows, x))) for x in self._layout.queries]
        mine = touched[self._layout.links.rank]
        found = self._empty(length(mine), len(across) - 1).zero_()
        for its_rows, its_cols, weights in self._tiles(overlap(rows, self._layout.own), cols):
            part = weights.new_zeros(*found.shape[:-1], weights.shape[-1])
            _reduce(part, -2, _cell_of(down, _from(rows, its_rows)) - mine.start, weights, reduce)
            _reduce(found, -1, _cell_of(across, _from(cols, its_cols)), part, reduce)
        shapes = [(*found.shape[:-2], length(x), found.shape[-1]) for x in touched]
        result = self._empty(len(down) - 1, len(across) - 1).zero_()
        for cells, part in zip(touched, self._layout.links.share(found, shapes), strict=True):
            here = result[..., cells, :]
            here.copy_(here + part if reduce == "mean" else here.maximum(part))
        return result / (down.diff()[:, None] * across.diff()) if reduce == "mean" else result

    def _tiles(self, rows: slice, cols: slice) -> Iterator[tuple[slice, slice, Tensor]]:
        """(rows, columns, their weights) of this rank's part of a window: strips of tiles."""
        if self._lse is None:
            self._lse = self._log_sums()
        for source, (k,), _ in self._layout.around((self._k,)):
            across = overlap(cols, self._layout.keys[source])
            local, terms = _from(self._layout.keys[source], across), self._layout.terms(source)
            for strip in (
                strips(self._q, k, _from(self._layout.own, rows)) if length(across) else ()
            ):
                start = self._layout.own.start
                down = slice(strip.start + start, strip.stop + start)
                yield down, across, weights_of(self._q, k, self._lse, terms, strip, local)

    def _log_sums(self) -> Tensor:
        """(…, H, n) the log-sum-exps of this rank's queries, tile by tile."""
        result = self._q.new_full(self._q.shape[:-1], -torch.inf, dtype=torch.float64)
        for source, (k,), _ in self._layout.around((self._k,)):
            tile = AttentionMap(self._q, k, **self._layout.terms(source))
            result = torch.logaddexp(result, tile.lse.double())
        return result

    def _inside(self, rows: slice, cols: slice) -> tuple[slice, slice]:
        return inside("rows", rows, self.shape[-2]), inside("cols", cols, self.shape[-1])

    def _empty(self, *sizes: int) -> Tensor:
        return self._q.new_empty(*self._q.shape[:-2], *sizes, dtype=dtype_of_scores(self._q))


def _from(whole: slice, part: slice) -> slice:
    """A part, counted from where the whole begins."""
    return slice(part.start - whole.start, part.stop - whole.start)


def _cell_of(edges: Tensor, part: slice) -> Tensor:
    """The cell of each index in a slice."""
    index = torch.arange(part.start, part.stop, device=edges.device)
    return torch.bucketize(index, edges[1:], right=True)


def _cells(edges: Tensor, part: slice) -> slice:
    """The cells that a slice touches."""
    found = _cell_of(edges, part)
    return slice(int(found[0]), int(found[-1]) + 1) if length(part) else slice(0, 0)


def _reduce(result: Tensor, axis: int, cell: Tensor, weights: Tensor, reduce: str) -> None:
    """Add weights to the cells along an axis, or keep the largest."""
    if reduce == "mean":
        result.index_add_(axis, cell, weights)
    else:
        shape = [1] * weights.dim()
        shape[axis] = -1
        result.scatter_reduce_(axis, cell.view(shape).expand_as(weights), weights, "amax")
