"""A map reduced to cells on a GPU, in one pass over its tiles: no part of it is ever stored.

One program makes one cell. With the log-sum-exps known, a weight is exp(score − lse), whatever
tile it lies in, so that cells need nothing of each other.
"""

import math

import torch
import triton
import triton.language as tl
from torch import Tensor

from attnlib.kernels.triton import common, finite, load_rows, readable, sizes_from, tile_scores
from attnlib.terms import Term

TILES = {  # those of this kernel, as in attnlib.kernels.triton
    2: {64: (128, 32, 4, 3), 128: (128, 32, 4, 3), 256: (64, 32, 8, 2)},
    4: {64: (32, 32, 4, 2), 128: (32, 32, 4, 2), 256: (16, 32, 8, 2)},
}
SMALLEST = {2: 16, 4: 32}  # sides of a tile: with less float32 spills its registers


@triton.jit
def pool(
    q_start, k_start, lse_start, cells_start, row_rate, col_rate,  # where they begin
    top, left, height, breadth, down, across,  # the window, and its cells
    queries, keys, width, scale, group, length,
    POSITIONS: tl.constexpr, REDUCE: tl.constexpr,
    TILE_Q: tl.constexpr, TILE_K: tl.constexpr, WIDTH: tl.constexpr,
):  # fmt: skip
    """The mean, or the maximum, of the weights of one cell."""
    cell = tl.program_id(0).to(tl.int64)
    column, row, head = cell % across, cell // across % down, cell // (across * down)
    row_begin, row_end = top + row * height // down, top + (row + 1) * height // down
    col_begin, col_end = left + column * breadth // across, left + (column + 1) * breadth // across
    gathered = tl.zeros([TILE_Q, TILE_K], tl.float32)
    for query in range(row_begin, row_end, TILE_Q):
        i = query + tl.arange(0, TILE_Q)
        q = load_rows(q_start + head * queries * width, i, queries, width, WIDTH)
        lse = finite(tl.load(lse_start + head * queries + i, mask=i < queries, other=0.0))
        for key in range(col_begin, col_end, TILE_K):
            j = key + tl.arange(0, TILE_K)
            k = load_rows(k_start + head * keys * width, j, keys, width, WIDTH)
            scores = tile_scores(
                q, k, i, j, queries, keys, scale, group, length, row_rate, col_rate, POSITIONS
            )
            inside = (i < row_end)[:, None] & (j < col_end)[None, :]
            weights = tl.where(inside, tl.exp(scores - lse[:, None]), 0.0)
            if REDUCE == "mean":
                gathered += weights
            else:  # a weight that is NaN is not to be lost, as it is in a plain maximum
                gathered = tl.maximum(gathered, weights, propagate_nan=tl.PropagateNan.ALL)
    total = tl.sum(tl.sum(gathered, 1), 0)
    if REDUCE == "mean":
        result = total / ((row_end - row_begin) * (col_end - col_begin)).to(tl.float32)
    else:
        result = tl.where(total == total, tl.max(tl.max(gathered, 1), 0), total)  # NaN != NaN
    tl.store(cells_start + cell, result)


def pooled(
    q: Tensor,
    k: Tensor,
    lse: Tensor,
    rows: slice,
    cols: slice,
    down: int,
    across: int,
    reduce: str,
    *,
    scale: float,
    bias: Term,
    mask: Term,
) -> Tensor:
    """(…, H, down, across) cells of the weights of rows × cols.

    Args:
        q, k: (…, H, N, D), (…, H, M, D), such as the Triton kernels serve (`triton.refusal`).
        lse: (…, H, N) log-sum-exps of whole rows.
        rows, cols: slices, their ends filled in.
        down, across: cells; cell i of n rows covers rows ⌊i·n/down⌋ to ⌊(i+1)·n/down⌋.
        reduce: "mean" or "max".
    """
    result = torch.empty(*q.shape[:-2], down, across, dtype=torch.float32, device=q.device)
    if not result.numel():
        return result
    height, breadth = rows.stop - rows.start, cols.stop - cols.start
    with torch.cuda.device_of(q):
        pool[(result.numel(),)](
            readable(q), readable(k), lse.contiguous(), result,
            top=rows.start, left=cols.start, height=height, breadth=breadth,
            down=down, across=across, REDUCE=reduce,
            **common(q, k, scale, bias, mask), **tile_sizes(q, k, height / down, breadth / across),
        )  # fmt: skip
    return result


def tile_sizes(q: Tensor, k: Tensor, height: float, breadth: float) -> dict[str, int]:
    """Tiles no larger than cells of height × breadth ask for: a program works on whole ones."""
    sizes = sizes_from(TILES, q, k)
    del sizes["VALUE_WIDTH"]
    for side, cell in (("TILE_Q", height), ("TILE_K", breadth)):
        enough = max(SMALLEST[q.element_size()], triton.next_power_of_2(math.ceil(cell)))
        sizes[side] = min(sizes[side], enough)
    return sizes
