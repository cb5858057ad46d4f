"""The map of an attention: its weights, rebuilt exactly, and only when and where one looks.

A fused kernel gives back no weights, since the N×M matrix is never formed. One number a row, the
log-sum-exp of its scores, is enough to rebuild any part of it:
weights[i, j] = exp(scores[i, j] − lse[i]).
"""

import importlib.util
from collections.abc import Iterable, Iterator

import torch
from torch import Tensor

from attnlib.checks import check_count
from attnlib.kernels import triton_for
from attnlib.scores import WHOLE, scores, softmax

REDUCTIONS = ("mean", "max")
STRIP_BYTES = 16 * 2**20  # one strip of whole rows; shorter ones make slow matrix products


class AttentionMap:
    """The weights of one attention: (…, H, N, M), float32, or float64 for float64 input.

    It computes nothing until looked at: it keeps q, k, scale, bias and mask (and, with gradients,
    their graph: see `detach`) and rebuilds what is asked from them. Weights are those before
    dropout; a row that may attend to nothing is zero.

    `weights()` forms the whole map and is differentiable, in the same backward as the output.
    `lse`, `window` and `pooled` work in strips of rows, carry no gradient, and their memory grows
    with N, not with N·M. They agree with `weights()` up to rounding in exp(scores − lse), a
    relative 2⁻²³ · abs(score) in float32. On CUDA `lse` and `pooled` are one pass of a Triton
    kernel each, for a mask and bias that those know; for others the last digit of means may vary.
    """

    def __init__(self, q: Tensor, k: Tensor, *, scale: float, bias=None, mask=None, lse=None):
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

        A learned bias is copied, since the next step of its optimiser changes it in place.
        """
        parts = (self._q, self._k, self._bias, self._mask, self._lse)
        q, k, bias, mask, lse = (x.detach() if hasattr(x, "detach") else x for x in parts)
        if isinstance(self._bias, Tensor) and self._bias.requires_grad:
            bias = bias.clone()
        return AttentionMap(q, k, scale=self._scale, bias=bias, mask=mask, lse=lse)

    def unbind(self) -> "tuple[AttentionMap, ...]":
        """One map for each entry of the last axis before the heads: each block, each segment."""
        if self._q.dim() < 4:
            raise ValueError(f"a map must be (…, G, H, N, M) to unbind, got {tuple(self.shape)}")
        q, k = self._q.unbind(-4), self._k.unbind(-4)
        bias, mask = (_unbind(term, len(q)) for term in (self._bias, self._mask))
        lse = (None,) * len(q) if self._lse is None else self._lse.unbind(-3)
        return tuple(
            AttentionMap(q[g], k[g], scale=self._scale, bias=bias[g], mask=mask[g], lse=lse[g])
            for g in range(len(q))
        )

    def heads(self) -> "tuple[AttentionMap, ...]":
        """One map for each head, (…, 1, N, M)."""
        q, k = self._q.split(1, -3), self._k.split(1, -3)
        bias, mask = (_split(term, len(q)) for term in (self._bias, self._mask))
        lse = (None,) * len(q) if self._lse is None else self._lse.split(1, -2)
        return tuple(
            AttentionMap(q[h], k[h], scale=self._scale, bias=bias[h], mask=mask[h], lse=lse[h])
            for h in range(len(q))
        )

    def weights(self) -> Tensor:
        """(…, H, N, M) the whole map; rows sum to 1."""
        return self._softmax(WHOLE, WHOLE)

    @property
    def lse(self) -> Tensor:
        """(…, H, N) log of the sum of exp(scores) of each row; −inf where a row sees nothing."""
        if self._lse is None:
            triton = triton_for(self._q, self._k, self._bias, self._mask)
            whole = slice(0, self.shape[-2])
            self._lse = self._lse_from(triton) if triton else self._stream_lse(whole)
        return self._lse

    @torch.no_grad()
    def window(self, rows: slice, cols: slice) -> Tensor:
        """The weights of some queries against some keys, without forming the rest.

        Args:
            rows, cols: slices of queries and keys: step 1, 0 ≤ start ≤ stop ≤ N (or M).
        Returns:
            (…, H, rows, cols), equal to `weights()[..., rows, cols]`.
        """
        rows = _inside("rows", rows, self.shape[-2])
        cols = _inside("cols", cols, self.shape[-1])
        lse = self._stream_lse(rows) if self._lse is None else self._lse[..., rows]
        return _exp(self._scores(rows, cols), lse)

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
        rows = _inside("rows", rows, self.shape[-2])
        cols = _inside("cols", cols, self.shape[-1])
        down = _edges(rows.stop - rows.start, size, self._q.device)
        across = _edges(cols.stop - cols.start, size, self._q.device)
        cells = (len(down) - 1, len(across) - 1)
        if triton_for(self._q, self._k, self._bias, self._mask):
            from attnlib.kernels.pooling import pooled  # one pass, on the GPU

            parts = (self._q, self._k, self.lse, rows, cols, *cells, reduce)
            return pooled(*parts, **self._terms)
        result = torch.zeros(*self.shape[:-2], *cells, dtype=self._dtype, device=self._q.device)
        for strip, weights in self._strips(rows, cols):
            part = _reduce_columns(weights, across, reduce)  # (…, H, strip, cells across)
            start, stop = strip.start - rows.start, strip.stop - rows.start
            index = torch.arange(start, stop, device=down.device)
            cell = torch.bucketize(index, down[1:], right=True)
            if reduce == "mean":
                result.index_add_(-2, cell, part)
            else:
                result.scatter_reduce_(-2, cell[:, None].expand(part.shape), part, "amax")
        return result / down.diff()[:, None] if reduce == "mean" else result

    def _strips(self, rows: slice, cols: slice) -> Iterator[tuple[slice, Tensor]]:
        """The weights of rows × cols, a strip of rows at a time."""
        map, whole = self._widened(), cols == slice(0, self.shape[-1]) and self._lse is None
        for strip in self._cut(rows):
            # Where the strip holds whole rows, their softmax needs no log-sum-exps.
            yield strip, map._softmax(strip, cols) if whole else map.window(strip, cols)

    def _cut(self, rows: slice) -> Iterator[slice]:
        """Strips of rows, all heads together: the longest whose scores stay in STRIP_BYTES."""
        row_bytes = self.shape[:-2].numel() * self.shape[-1] * self._dtype.itemsize
        size = max(1, STRIP_BYTES // max(1, row_bytes))
        for start in _with_bar(range(rows.start, rows.stop, size)):
            yield slice(start, min(start + size, rows.stop))

    @torch.no_grad()
    def _stream_lse(self, rows: slice) -> Tensor:
        """(…, H, rows) log-sum-exps, streamed."""
        map, keys = self._widened(), slice(0, self.shape[-1])
        result = map._q.new_empty(*self.shape[:-2], rows.stop - rows.start)
        for strip in self._cut(rows):  # into one tensor: many small ones would tear the heap apart
            here = slice(strip.start - rows.start, strip.stop - rows.start)
            result[..., here] = map._scores(strip, keys).logsumexp(-1)
        return result

    @torch.no_grad()
    def _lse_from(self, triton) -> Tensor:
        """(…, H, N) log-sum-exps from the kernel; its output is not wanted, so k serves as v."""
        with torch.autocast(self._q.device.type, enabled=False):
            return triton.attend(self._q, self._k, self._k, dropout=0.0, **self._terms)[1]

    @property
    def _terms(self) -> dict:
        return {"scale": self._scale, "bias": self._bias, "mask": self._mask}

    @property
    def _dtype(self) -> torch.dtype:
        return torch.promote_types(self._q.dtype, torch.float32)

    def _widened(self) -> "AttentionMap":
        """The same map with q and k in the dtype of its weights: once, not once a strip."""
        q, k = self._q.to(self._dtype), self._k.to(self._dtype)
        return AttentionMap(q, k, lse=self._lse, **self._terms)

    def _softmax(self, rows: slice, cols: slice) -> Tensor:
        return softmax(self._scores(rows, cols), self._mask is not None)

    def _scores(self, rows: slice, cols: slice) -> Tensor:
        """Scores in float32 at least, whatever autocast is about."""
        q, k = self._q.to(self._dtype), self._k.to(self._dtype)
        with torch.autocast(q.device.type, enabled=False):
            return scores(q, k, self._scale, self._bias, self._mask, rows, cols)


def _unbind(term, groups: int) -> tuple:
    """A bias or mask for each group; one that has no axis of groups serves them all."""
    if isinstance(term, Tensor) and term.dim() > 3:
        return term.expand(*term.shape[:-4], groups, *term.shape[-3:]).unbind(-4)
    return (term,) * groups


def _split(term, heads: int) -> tuple:
    """A bias or mask for each head; one that has no axis of heads serves them all."""
    if isinstance(term, Tensor) and term.dim() > 2 and term.shape[-3] > 1:
        return term.split(1, -3)
    return (term,) * heads


def _with_bar(strips: range) -> Iterable[int]:
    """A progress bar on a terminal, where a call takes over two seconds and there is tqdm."""
    if importlib.util.find_spec("tqdm") is None:
        return strips
    from tqdm import tqdm

    return tqdm(strips, delay=2, leave=False, disable=None, unit="strip")


def _exp(scores: Tensor, lse: Tensor) -> Tensor:
    """exp(scores − lse), and zeros, not NaN, where a row sees nothing and both are −inf."""
    return (scores - lse.masked_fill(lse.isneginf(), 0.0)[..., None]).exp()


def _inside(name: str, wanted: slice, length: int) -> slice:
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


def _edges(length: int, size: int, device: torch.device) -> Tensor:
    """(cells + 1,) edges of the cells: ⌊i·length / cells⌋."""
    cells = min(size, length)
    return torch.arange(cells + 1, device=device) * length // max(1, cells)


def _reduce_columns(weights: Tensor, edges: Tensor, reduce: str) -> Tensor:
    """(…, rows, cols) -> (…, rows, cells): the mean, or the maximum, of the columns of a cell."""
    cells, cols = len(edges) - 1, weights.shape[-1]
    if cols == cells:
        return weights
    if cols % cells == 0:
        weights = weights.unflatten(-1, (cells, cols // cells))
        return weights.mean(-1) if reduce == "mean" else weights.amax(-1)
    # Cells are ⌊cols / cells⌋ wide or one more: the narrow ones read their last column twice.
    widths = edges.diff()[:, None]
    step = torch.arange(cols // cells + 1, device=edges.device)
    gathered = weights[..., edges[:-1, None] + step.minimum(widths - 1)]
    if reduce == "max":
        return gathered.amax(-1)
    return gathered.masked_fill(step >= widths, 0.0).sum(-1) / widths[:, 0]
