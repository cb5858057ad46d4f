"""The PGL-SUM style over several ranks: the global branch by ring, the local one where it lies."""

import torch
import torch.distributed as dist
from einops import rearrange
from torch import Tensor

from attnlib.checks import check_tokens
from attnlib.layout import merge_heads
from attnlib.maps import AttentionMap
from attnlib.ranks.attention import attention
from attnlib.ranks.layout import length, overlap, slices
from attnlib.ranks.links import Links, travel
from attnlib.segments import GlobalLocalAttention, GlobalLocalMap, fuse


def global_local(
    module: GlobalLocalAttention,
    x: Tensor,
    *,
    group: dist.ProcessGroup | None = None,
    how: str = "ring",
) -> tuple[Tensor, GlobalLocalMap]:
    """`module(x)` of frames that lie on several ranks, in the order of ranks.

    The global branch is `ranks.attention`. A segment is computed by the rank that holds its first
    frame. Frames travel only where a segment lies on several ranks: no byte where segments lie
    inside ranks. The gradients of parameters are this rank's part: their sum over ranks is that
    of one process.

    Args:
        module: the same parameters on every rank, in eval mode: over ranks there is no dropout.
        x: (n, C) or (B, n, C) the frames of this rank, n may differ between ranks.
        group, how: as in `ranks.attention`.
    Returns:
        y of the same shape, and the maps: `whole`, a `RankMap` (…, H, L, L), and in `segments` one
        map for each segment that this rank computes, in their order.
    """
    if module.training:
        raise ValueError("module must be in eval mode, since its dropout does not go over ranks")
    branch, local = module.attention, module.local_attention
    check_tokens(x, f"(n, C={branch.input_size}) or (B, n, C)", branch.input_size, ranks=(2, 3))
    links = Links(group, x.device)
    rows = slices([words["rows"] for words in links.say({"rows": x.shape[-2]})])
    q, k, v = rearrange(
        branch.qkv(x), "... l (three h d) -> three ... h l d", three=3, h=branch.heads
    )
    bias = branch.positions(rows[-1].stop)
    out, whole = attention(q, k, v, scale=1.0, bias=bias, group=group, how=how)
    y = branch.out(merge_heads(out))
    if local is None or module.fusion is None:
        return y, GlobalLocalMap(whole, ())
    size = -(-rows[-1].stop // local.num_segments)
    owned = _whole_segments(rows, size)
    mine = owned[links.rank]
    frames = moved(links, x, rows, owned)
    maps: tuple[AttentionMap, ...] = ()
    if length(mine):
        frames, maps = local.part(frames, size, mine.start // size)
    return fuse(y, moved(links, frames, owned, rows), module.fusion), GlobalLocalMap(whole, maps)


def moved(links: Links, x: Tensor, rows: list[slice], wanted: list[slice]) -> Tensor:
    """The rows (…, n, C) that this rank wants, when each rank holds `rows`: differentiable."""
    here, there = rows[links.rank], wanted[links.rank]
    shares = [overlap(here, part) for part in wanted]
    parcels = [
        (rank, x[..., part.start - here.start : part.stop - here.start, :])
        for rank, part in enumerate(shares)
    ]
    lengths = [length(overlap(there, part)) for part in rows]
    shapes = [(*x.shape[:-2], n, x.shape[-1]) for n in lengths]
    return torch.cat(travel(links, parcels, list(enumerate(shapes))), -2)


def _whole_segments(rows: list[slice], size: int) -> list[slice]:
    """The rows of the segments that begin on each rank."""
    ends = [min(-(-part.stop // size) * size, rows[-1].stop) for part in rows]
    return [slice(start, stop) for start, stop in zip([0, *ends], ends, strict=False)]
