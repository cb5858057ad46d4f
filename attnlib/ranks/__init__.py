"""Attention over a sequence that lies on several processes: each rank holds rows of its own.

    out, map = ranks.attention(q, k, v, how="ring")

R ranks, n = L/R rows each; for each row B bytes of k and v together, and q and out as many:

    how     what travels                       a rank holds at once     sent a rank, forward
    gather  k and v, to all that need them     all keys, its queries    (R−1)·n·B
    heads   q, k, v there, and out back        all rows, H/R heads      2·n·B·(R−1)/R
    ring    k and v, from neighbour on         keys of three ranks      (R−1)·n·B

Backward sends as much again for gather and heads, and twice as much for the ring: keys and values
once more, and their gradients. Under a mask keys go only to ranks that need them: in gather
straight there, in the ring as far as the last of them. The gradients go the way back; in the ring
they go on with their keys, and from the last rank home. heads sends all of it, or nothing where no
rank needs another's keys, as in `SameGroup` whose groups lie inside ranks.

Made for gloo, on CPUs, where the tests run. Nothing asks which device it is, but on GPUs, with
nccl, it is untested.
"""

from attnlib.ranks.attention import attention
from attnlib.ranks.links import sent
from attnlib.ranks.maps import RankMap
from attnlib.ranks.ring import merge
from attnlib.ranks.segments import global_local

__all__ = ["RankMap", "attention", "global_local", "merge", "sent"]
