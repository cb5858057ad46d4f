"""A fused kernel written to be read: it walks over the map in tiles, and never forms it.

One program takes a tile of queries of one head and meets the tiles of keys one after the other.
For each query it keeps the largest score so far, the sum of exp(score − largest), and the sum of
the values, weighted so; a larger score shrinks what was gathered before. Forward only.

Source: Milakov & Gimelshein 2018 (arXiv:1805.02867), section 3, for the softmax in one pass; Dao
et al. 2022 (arXiv:2205.14135), section 3.1, for the tiles.
"""

import math

import torch
import triton
import triton.language as tl
from torch import Tensor

from attnlib.checks import refuse
from attnlib.groups import SameGroup
from attnlib.positions import AbsolutePositions, KeptTable, RelativePositions
from attnlib.terms import Table, Term

INTERPRETED = triton.knobs.runtime.interpret  # TRITON_INTERPRET=1: NumPy stands in for the GPU
DTYPES = (torch.float16, torch.bfloat16, torch.float32)
WIDEST = 256  # D
TURN = tl.constexpr(math.tau)
# Queries and keys of a tile, warps, stages: by the bytes of a number, for heads up to so wide. The
# fastest of those that benchmarks/tiles.py tried on an H200, at 64 and 128; 256 was not tried.
TILES = {
    2: {64: (128, 64, 8, 3), 128: (128, 32, 4, 3), 256: (64, 32, 8, 2)},
    4: {64: (64, 32, 8, 2), 128: (32, 64, 8, 2), 256: (16, 32, 8, 2)},
}


@triton.jit
def forward(
    q_start, k_start, v_start, out_start, lse_start, row_rate, col_rate,  # where they begin
    queries, keys, width, value_width, scale, group, length,
    POSITIONS: tl.constexpr, TILE_Q: tl.constexpr, TILE_K: tl.constexpr,
    WIDTH: tl.constexpr, VALUE_WIDTH: tl.constexpr,
):  # fmt: skip
    """A tile of queries of one head against all its keys: out (TILE_Q, Dv) and lse (TILE_Q)."""
    tiles = tl.cdiv(queries, TILE_Q)
    head = (tl.program_id(0) // tiles).to(tl.int64)
    begin = tl.program_id(0) % tiles * TILE_Q
    i = begin + tl.arange(0, TILE_Q)
    q = load_rows(q_start + head * queries * width, i, queries, width, WIDTH)

    most = tl.full([TILE_Q], float("-inf"), tl.float32)  # the largest score so far
    total = tl.zeros([TILE_Q], tl.float32)  # Σ exp(score − most)
    out = tl.zeros([TILE_Q, VALUE_WIDTH], tl.float32)  # Σ exp(score − most) · value

    # Only keys of the groups that these queries belong to.
    end = tl.minimum(begin + TILE_Q, queries)
    first, last = begin // group * group, tl.minimum(tl.cdiv(end, group) * group, keys)
    for key in range(first, last, TILE_K):
        j = key + tl.arange(0, TILE_K)
        k = load_rows(k_start + head * keys * width, j, keys, width, WIDTH)
        v = load_rows(v_start + head * keys * value_width, j, keys, value_width, VALUE_WIDTH)
        scores = tile_scores(
            q, k, i, j, queries, keys, scale, group, length, row_rate, col_rate, POSITIONS
        )
        higher = tl.maximum(most, tl.max(scores, 1))
        level = finite(higher)
        shrink = tl.exp(most - level)
        weights = tl.exp(scores - level[:, None])
        total = total * shrink + tl.sum(weights, 1)
        out = out * shrink[:, None] + tl.dot(weights.to(v.dtype), v, input_precision="ieee")
        most = higher

    # Zeros where a query sees nothing, as its group has no keys; NaN where all its scores overflow.
    total = tl.where((total == 0) & (i // group * group < keys), float("nan"), total)
    out = out / tl.where(total == 0, 1, total)[:, None]
    d = tl.arange(0, VALUE_WIDTH)
    inside = (i < queries)[:, None] & (d < value_width)[None, :]
    row = head * queries + i
    tl.store(out_start + row[:, None] * value_width + d[None, :], out, mask=inside)
    tl.store(lse_start + row, most + tl.log(total), mask=i < queries)


@triton.jit
def load_rows(start, row, rows, width, WIDTH: tl.constexpr):
    """(row, WIDTH) of a matrix (rows, width), zeros outside of it."""
    d = tl.arange(0, WIDTH)
    inside = (row < rows)[:, None] & (d < width)[None, :]
    return tl.load(start + row[:, None] * width + d[None, :], mask=inside, other=0.0)


@triton.jit
def tile_scores(
    q, k, i, j, queries, keys, scale, group, length, row_rate, col_rate, POSITIONS: tl.constexpr
):
    """A tile (i, j) of the scores: −inf where query i may not attend to key j."""
    scores = tl.dot(q, tl.trans(k), input_precision="ieee") * scale
    if POSITIONS is not None:  # how often the wave has turned, in float64; then the wave
        rate = tl.load(row_rate + i, mask=i < queries, other=0.0)[:, None]
        rate = rate * tl.load(col_rate + j, mask=j < keys, other=0.0)[None, :]
        distance = i[:, None] if POSITIONS == "absolute" else j[None, :] - i[:, None] + length - 1
        turns = distance * rate
        angle = ((turns - tl.floor(turns)) * TURN).to(tl.float32)
        wave = tl.where((j % 2 == 0)[None, :], tl.sin(angle), tl.cos(angle))
        scores += tl.where((j < length - length % 2)[None, :], wave, 0.0)
    seen = (i // group)[:, None] == (j // group)[None, :]
    return tl.where(seen & (j < keys)[None, :], scores, float("-inf"))


@triton.jit
def finite(largest):
    """0 for a query that has seen nothing yet: exp(−inf − 0) is 0, exp(−inf + inf) is not."""
    return tl.where(largest == float("-inf"), 0.0, largest)


def attend(
    q: Tensor, k: Tensor, v: Tensor, *, scale: float, bias: Term, mask: Term, dropout: float
) -> tuple[Tensor, Table]:
    why_not = refusal(q, k, v, bias, mask)
    if dropout:
        why_not = ("has no dropout", '"sdpa" or "eager"')
    elif torch.is_grad_enabled() and any(x.requires_grad for x in (q, k, v)):
        why_not = ("gives no gradients", '"sdpa" or "eager", or torch.no_grad()')
    if why_not:
        refuse("triton", *why_not)
    out = q.new_empty(*q.shape[:-1], v.shape[-1])  # (…, H, N, Dv)
    lse = q.new_empty(q.shape[:-1], dtype=torch.float32)  # (…, H, N)
    sizes = tile_sizes(q, v)
    programs = q.shape[:-2].numel() * triton.cdiv(q.shape[-2], sizes["TILE_Q"])
    with torch.cuda.device_of(q):
        forward[(programs,)](
            *(readable(x) for x in (q, k, v)), out, lse, value_width=v.shape[-1],
            **common(q, k, scale, bias, mask), **sizes,
        )  # fmt: skip
    return out, lse


def refusal(q: Tensor, k: Tensor, v: Tensor, bias: Term, mask: Term) -> tuple[str, str] | None:
    """What these kernels cannot serve, and what to take instead; None where they can."""
    device = q.device.type
    if device != "cuda" and not INTERPRETED:
        return f"runs on CUDA, got {device}", '"sdpa", or set TRITON_INTERPRET=1 before Python'
    if q.dtype not in DTYPES:
        return f"takes float32, float16 and bfloat16, got {q.dtype}", '"sdpa" or "eager"'
    if max(q.shape[-1], v.shape[-1]) > WIDEST:
        widths = f"D={q.shape[-1]}, Dv={v.shape[-1]}"
        return f"takes heads at most {WIDEST} wide, got {widths}", '"sdpa" or "eager"'
    if not (bias is None or type(_function(bias)) in RATES):
        return "takes PGL-SUM's positions as bias, no other", '"flex" or "sdpa"'
    if not (mask is None or isinstance(mask, SameGroup)):
        return "takes SameGroup as mask, no other", '"flex" or "sdpa"'
    return None


def common(q: Tensor, k: Tensor, scale: float, bias: Term, mask: Term) -> dict:
    """What every kernel of this file wants to know of a call, by the names of its parameters."""
    queries, keys = q.shape[-2], k.shape[-2]
    positions = _function(bias)
    length, kind, row_rate, col_rate = 0, None, None, None
    if positions is not None:
        kind = "absolute" if type(positions) is AbsolutePositions else "relative"
        length = positions.length
        row_rate, col_rate = RATES[type(positions)](positions, queries, keys, q.device)
    return {
        "row_rate": row_rate, "col_rate": col_rate, "queries": queries, "keys": keys,
        "width": q.shape[-1], "scale": scale, "length": length, "POSITIONS": kind,
        # Without a mask there is one group, and all are in it.
        "group": mask.size if isinstance(mask, SameGroup) else max(queries, keys),
    }  # fmt: skip


def tile_sizes(q: Tensor, v: Tensor) -> dict[str, int]:
    """What `forward` is launched with: no more than a GPU's registers and 99 KB."""
    return sizes_from(TILES, q, v)


def sizes_from(tiles: dict[int, dict], q: Tensor, v: Tensor) -> dict[str, int]:
    """What a kernel is launched with, from a table such as `TILES`, and how wide its rows are."""
    width, value_width = (max(16, triton.next_power_of_2(x.shape[-1])) for x in (q, v))
    tile = tiles[q.element_size()][max(64, width, value_width)]
    names = ("TILE_Q", "TILE_K", "num_warps", "num_stages")
    return dict(zip(names, tile, strict=True)) | {"WIDTH": width, "VALUE_WIDTH": value_width}


def readable(x: Tensor) -> Tensor:
    """(…, N, D) as the kernels read it: rows one after the other. NumPy has no bfloat16."""
    return (x.float() if INTERPRETED and x.dtype == torch.bfloat16 else x).contiguous()


def _function(bias):
    return bias.function if isinstance(bias, KeptTable) else bias


def _absolute_rates(positions, queries, keys, device):
    j = torch.arange(keys, device=device, dtype=torch.float64)
    ones = torch.ones(queries, device=device, dtype=torch.float64)
    return ones, positions.freq ** (-2 * (j // 2) / positions.width) / math.tau


def _relative_rates(positions, queries, keys, device):
    index = torch.arange(max(queries, keys), device=device, dtype=torch.float64)
    rate = positions.freq ** (-index / (2 * positions.length))
    return rate[:queries].clone(), rate[:keys] / math.tau


# By which row and column rates the distance is multiplied, to give turns of the wave.
RATES = {AbsolutePositions: _absolute_rates, RelativePositions: _relative_rates}
