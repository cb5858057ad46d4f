"""The map of an attention: its weights, rebuilt exactly, and only when and where one looks.

A fused kernel gives back no weights, since the N×M matrix is never formed. One number a row, the
log-sum-exp of its scores, is enough to rebuild any part of it:
weights[i, j] = exp(scores[i, j] − lse[i]). That loses digits as the scores grow: a score of a
million is off by 0.1 in float32, and so is its lse. From `LARGE` on, and where it would save
nothing, whole rows are computed: their softmax sums to 1 whatever is lost.
"""

import importlib.util
from collections.abc import Iterable, Iterator
from itertools import repeat
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor

from attnlib.checks import check_count
from attnlib.kernels import triton_for
from attnlib.kernels.one_pass import OnePass, edges_of, reduce_columns, serves
from attnlib.positions import KeptTable
from attnlib.precision import autocast_off, dtype_of_scores
from attnlib.scores import logsumexp, scores, softmax
from attnlib.terms import WHOLE, Table, Term, terms

REDUCTIONS = ("mean", "max")
LARGE = 2**12  # of a log-sum-exp: 2⁻²³ · 2¹², the relative error of a weight, is 0.0005
SHORT = 1024  # keys: whole rows of so many are as fast
STRIP_BYTES = 16 * 2**20  # one strip of whole rows; shorter ones make slow matrix products


class AttentionMap:
    """The weights of one attention: (…, H, N, M), float32, or float64 for float64 input.

    It computes nothing until looked at: it keeps q, k, scale, bias and mask (and, with gradients,
    their graph: see `detach`) and rebuilds what is asked from them. Weights are those before
    dropout; a row that may attend to nothing is zero.

    `weights()` forms the whole map and is differentiable, in the same backward as the output.
    `lse`, `window` and `pooled` work in strips of rows, carry no gradient, and their memory grows
    with N, not with N·M. They agree with `weights()` up to the rounding of scores, a relative
    2⁻²³ · abs(score) in float32. `lse` and `pooled` are one pass over tiles each: on a CPU, and
    on CUDA for a mask and bias that the Triton kernels know; else the last digit of means may vary.
    """

    def __init__(
        self,
        q: Tensor,
        k: Tensor,
        *,
        scale: float,
        bias: Term = None,
        mask: Term = None,
        lse: Table = None,
    ):
        self._q, self._k, self._scale, self._bias, self._mask = q, k, scale, bias, mask
        self._lse = lse

    @property
    def shape(self) -> torch.Size:
        """(…, H, N, M): queries down, keys across."""
        return self._q.shape[:-1] + self._k.shape[-2:-1]

    def __repr__(self) -> str:
        return f"AttentionMap(shape={tuple(self.shape)})"

    def detach(self) -> "AttentionMap":
        """The same map without the graph: what is to be stored or shown.

        A learned bias is copied, since the next step of its optimiser changes it in place. A bias
        that is a function is kept: what it reads, it reads again at each look.
        """
        parts = (self._q, self._k, self._bias, self._mask, self._lse)
        q, k, bias, mask, lse = map(_detached, parts)
        if isinstance(self._bias, Tensor) and self._bias.requires_grad:
            bias = bias.clone()
        return AttentionMap(q, k, scale=self._scale, bias=bias, mask=mask, lse=lse)

    def unbind(self) -> "tuple[AttentionMap, ...]":
        """One map for each entry of the last axis before the heads: each block, each segment."""
        if self._q.dim() < 4:
            raise ValueError(f"a map must be (…, G, H, N, M) to unbind, got {tuple(self.shape)}")
        return self._cut_along(-4, torch.unbind)

    def heads(self) -> "tuple[AttentionMap, ...]":
        """One map for each head, (…, 1, N, M)."""
        return self._cut_along(-3, lambda x, axis: x.split(1, axis))

    def _cut_along(self, axis: int, cut) -> "tuple[AttentionMap, ...]":
        """One map for each entry of an axis; a bias or mask that lacks it serves them all."""
        count = self._q.shape[axis]

        def each(x, axis):
            parts = cut(x, axis) if isinstance(x, Tensor) and x.dim() >= -axis else (x,)
            return parts if len(parts) == count else repeat(*parts)

        parts = (each(x, axis) for x in (self._q, self._k, self._bias, self._mask))
        return tuple(
            AttentionMap(q, k, scale=self._scale, bias=bias, mask=mask, lse=lse)
            for q, k, bias, mask, lse in zip(*parts, each(self._lse, axis + 1), strict=False)
        )

    def weights(self) -> Tensor:
        """(…, H, N, M) the whole map; rows sum to 1."""
        return self._rows(WHOLE)

    def times(self, v: Tensor, dropout: float = 0.0) -> Tensor:
        """(…, H, N, Dv) what the map makes of the values: as the textbook, in strips of rows."""
        map = self._widened()
        strips = (F.dropout(map._rows(s), dropout) for s in self._cut(slice(0, self.shape[-2])))
        return torch.cat([weights @ v.to(weights.dtype) for weights in strips], -2).to(v.dtype)

    def visible(self, rows: slice = WHOLE) -> Tensor:
        """(…, H, rows) the number of keys that each query may attend to: rows as in `window`."""
        rows = inside("rows", rows, self.shape[-2])
        sizes = (*self.shape[:-2], rows.stop - rows.start)
        counts = torch.full(sizes, self.shape[-1], device=self._q.device)
        for strip in self._cut(rows):
            _, may = terms(self._bias, self._mask, self._q, self._k, strip)
            if may is not None:
                here = slice(strip.start - rows.start, strip.stop - rows.start)
                counts[..., here] = may.expand(*may.shape[:-1], self.shape[-1]).sum(-1)
        return counts

    @property
    @torch.no_grad()
    def lse(self) -> Tensor:
        """(…, H, N) log of the sum of exp(scores) of each row.

        −inf where a row sees nothing, NaN where its scores, or parts of them, overflow.
        """
        triton = triton_for(self._q, self._k, self._bias, self._mask)
        if self._lse is None and triton:
            self._lse = self._lse_from(triton)
        if self._lse is None or not _small(self._lse):  # a kernel may lose what is large
            self._lse = self._stream_lse()
        return self._lse

    @torch.no_grad()
    def window(self, rows: slice, cols: slice) -> Tensor:
        """The weights of some queries against some keys, without forming the rest.

        Args:
            rows, cols: slices of queries and keys: step 1, 0 ≤ start ≤ stop ≤ N (or M).
        Returns:
            (…, H, rows, cols), equal to `weights()[..., rows, cols]`.
        """
        rows = inside("rows", rows, self.shape[-2])
        cols = inside("cols", cols, self.shape[-1])
        result = self._empty(rows.stop - rows.start, cols.stop - cols.start)
        for strip, weights in self._strips(rows, cols):
            result[..., strip.start - rows.start : strip.stop - rows.start, :] = weights
        return result

    @torch.no_grad()
    def pooled(
        self, size: int, reduce: str = "mean", rows: slice = WHOLE, cols: slice = WHOLE
    ) -> Tensor:
        """The map, or a window of it, reduced to at most size × size cells.

        Cell i of n rows covers rows ⌊i·n/size⌋ to ⌊(i+1)·n/size⌋, columns likewise. A size over
        the number of rows or columns gives one cell each.

        Args:
            size: cells along each side, at least 1.
            reduce: "mean" or "max" over the weights of a cell.
            rows, cols: as in `window`; by default all.
        Returns:
            (…, H, min(size, rows), min(size, cols)).
        """
        check_count("size", size)
        if reduce not in REDUCTIONS:
            raise ValueError(f"reduce must be one of {REDUCTIONS}, got {reduce!r}")
        rows = inside("rows", rows, self.shape[-2])
        cols = inside("cols", cols, self.shape[-1])
        down = edges_of(rows.stop - rows.start, size, self._q.device)
        across = edges_of(cols.stop - cols.start, size, self._q.device)
        cells = (len(down) - 1, len(across) - 1)
        if triton_for(self._q, self._k, self._bias, self._mask) and _small(self.lse):
            from attnlib.kernels.pooling import pooled  # one pass, on the GPU

            parts = (self._q, self._k, self.lse, rows, cols, *cells, reduce)
            return pooled(*parts, **self._terms)
        result = self._empty(*cells).zero_()
        for strip, part in self._columns(rows, cols, across, reduce):  # (…, H, strip, cells across)
            index = torch.arange(strip.start, strip.stop, device=down.device) - rows.start
            cell = torch.bucketize(index, down[1:], right=True)
            if reduce == "mean":
                result.index_add_(-2, cell, part)
            else:
                result.scatter_reduce_(-2, cell[:, None].expand(part.shape), part, "amax")
        return result / (down.diff()[:, None] * across.diff()) if reduce == "mean" else result

    def _columns(self, rows, cols, edges, reduce):
        """The weights of rows × cols, columns reduced to cells, a strip of rows at a time."""
        ends, lse = (edges + cols.start).tolist(), self._lse_for(rows, cols)
        for strip, found in self._in_one_pass(rows, ends, reduce, lse):
            if found:
                yield strip, found[0]
            else:
                for part, weights in self._strips(strip, cols):
                    yield part, reduce_columns(weights, edges, reduce)

    def _in_one_pass(self, rows, edges, reduce="mean", lse=None):
        """Strips of rows with their cells and log-sum-exps, or None where whole rows are needed."""
        map = self._widened()
        if self.shape[-1] <= SHORT or not serves(map._q, map._k, self._scale):
            return [(rows, None)]
        one_pass = OnePass(map._q, map._k, edges, reduce, self.visible, lse, **self._terms)
        return ((strip, one_pass(strip)) for strip in self._cut(rows, one_pass.longest))

    def _lse_for(self, rows: slice, cols: slice) -> Table:
        """The log-sum-exps, where weights can be rebuilt from them and it saves work."""
        saves = self.shape[-1] > SHORT and 0 < 2 * (cols.stop - cols.start) <= self.shape[-1]
        known = saves and self._lse is not None and _small(self._lse[..., rows])
        return self._lse if known else None

    def _strips(self, rows: slice, cols: slice) -> Iterator[tuple[slice, Tensor]]:
        """The weights of rows × cols, a strip of rows at a time."""
        map, lse = self._widened(), self._lse_for(rows, cols)
        for strip in self._cut(rows):
            weights = None if lse is None else map._from_lse(strip, cols, lse)
            yield strip, map._rows(strip)[..., cols] if weights is None else weights

    def _rows(self, rows: slice) -> Tensor:
        """(…, H, rows, M) the softmax of whole rows."""
        with self._autocast_off():
            return softmax(self._q, self._k, rows=rows, **self._terms)

    def _from_lse(self, rows: slice, cols: slice, lse: Tensor) -> Tensor | None:
        """exp(scores − lse), zeros where a row sees nothing; None where numbers are too large."""
        with self._autocast_off():
            result = scores(self._q, self._k, rows=rows, cols=cols, **self._terms)
        lse = lse[..., rows, None]
        result.sub_(lse.masked_fill(lse.isneginf(), 0.0)).exp_()
        return result if result.isfinite().all() else None

    def _cut(self, rows: slice, size: int | None = None) -> Iterator[slice]:
        """Strips of rows, all heads together: the longest whose scores stay in STRIP_BYTES."""
        row_bytes = self.shape[:-2].numel() * self.shape[-1] * dtype_of_scores(self._q).itemsize
        size = size or max(1, STRIP_BYTES // max(1, row_bytes))
        for start in _with_bar(range(rows.start, rows.stop, size)):
            yield slice(start, min(start + size, rows.stop))

    def _stream_lse(self) -> Tensor:
        """(…, H, N) log-sum-exps, streamed."""
        map, result = self._widened(), self._empty(self.shape[-2])
        for strip, found in self._in_one_pass(slice(0, self.shape[-2]), [0]):
            if found:
                result[..., strip] = found[1]
            for part in () if found else self._cut(strip):
                with self._autocast_off():
                    result[..., part] = logsumexp(map._q, map._k, rows=part, **self._terms)
        return result

    def _lse_from(self, triton) -> Tensor:
        """(…, H, N) log-sum-exps from the kernel; its output is not wanted, so k serves as v."""
        with self._autocast_off():
            return triton.attend(self._q, self._k, self._k, dropout=0.0, **self._terms)[1]

    @property
    def _terms(self) -> dict:
        return {"scale": self._scale, "bias": self._bias, "mask": self._mask}

    def _empty(self, *sizes: int) -> Tensor:
        """Room for what has such sizes for each head: filled strip by strip, in one piece.

        Many small pieces would tear the heap apart.
        """
        dtype = dtype_of_scores(self._q)
        return torch.empty(*self.shape[:-2], *sizes, dtype=dtype, device=self._q.device)

    def _widened(self) -> "AttentionMap":
        """The same map with q and k in the dtype of its weights: once, not once a strip."""
        q, k = (x.to(dtype_of_scores(x)) for x in (self._q, self._k))
        return AttentionMap(q, k, **self._terms)

    def _autocast_off(self):
        return autocast_off(self._q.device.type)


def _detached(x: Any) -> Any:
    return x.detach() if isinstance(x, Tensor | KeptTable) else x


def _with_bar(strips: range) -> Iterable[int]:
    """A progress bar on a terminal, where a call takes over two seconds and there is tqdm."""
    if len(strips) < 2 or importlib.util.find_spec("tqdm") is None:
        return strips
    from tqdm import tqdm

    return tqdm(strips, delay=2, leave=False, disable=None, unit="strip")


def _small(lse: Tensor) -> bool:
    """Whether weights can be rebuilt from these log-sum-exps; a row that sees nothing has −inf."""
    return not ((lse.abs() > LARGE) & ~lse.isneginf()).any()


def inside(name: str, wanted: slice, length: int) -> slice:
    """The slice with its ends filled in, or an error unless it is a plain part of 0 … length."""
    if not isinstance(wanted, slice):
        raise TypeError(f"{name} must be a slice, got {type(wanted).__name__}")
    start = 0 if wanted.start is None else wanted.start
    stop = length if wanted.stop is None else wanted.stop
    if not isinstance(start, int) or not isinstance(stop, int):
        raise TypeError(f"{name} must be a slice of whole numbers, got {wanted}")
    if wanted.step not in (None, 1) or not 0 <= start <= stop <= length:
        raise ValueError(f"{name} must be a slice of step 1 inside 0:{length}, got {wanted}")
    return slice(start, stop)
