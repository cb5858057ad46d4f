"""Attention over a sequence that lies on several processes: each rank holds rows of its own.

    out, map = ranks.attention(q, k, v, how="ring")

R ranks, n = L/R rows each; for each row B bytes of k and v together, and q and out as many:

    how     what travels                       a rank holds at once     sent a rank, forward
    gather  k and v, to all that need them     all keys, its queries    (R−1)·n·B
    heads   q, k, v there, and out back        all rows, H/R heads      2·n·B·(R−1)/R
    ring    k and v, from neighbour on         keys of three ranks      (R−1)·n·B

Backward sends as much again for gather and heads, twice as much for the ring. Under a mask keys
go only to those that need them; see `attention`.

Made for gloo, on CPUs, where the tests run. It asks nothing of the device, but on GPUs (nccl) it
is untested.
"""

from attnlib.ranks.attention import attention
from attnlib.ranks.links import sent
from attnlib.ranks.maps import RankMap
from attnlib.ranks.ring import merge
from attnlib.ranks.segments import global_local

__all__ = ["RankMap", "attention", "global_local", "merge", "sent"]
