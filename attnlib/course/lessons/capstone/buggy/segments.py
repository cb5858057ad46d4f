"""Attention inside segments of a video, rewritten without a loop."""

import torch
from einops import rearrange
from torch import Tensor, nn

from attnlib.attention import attention
from attnlib.layout import merge_heads
from attnlib.maps import AttentionMap
from attnlib.segments import LOCAL_HEADS


class SuspectSegments(nn.Module):
    """PGL-SUM's local branch in one pass: the parameters of `SegmentAttention` load.

    Every frame takes the matrices of its segment, and a mask keeps the segments apart.

    Args:
        width: C, and output_size; width // num_segments must be a multiple of 4, the heads.
        num_segments: G.
    """

    def __init__(self, width: int = 48, num_segments: int = 4):
        super().__init__()
        inner = width // num_segments
        self.num_segments, self.heads = num_segments, LOCAL_HEADS
        self.qkv = nn.Parameter(torch.empty(num_segments, 3 * inner, width))
        self.out = nn.Parameter(torch.empty(num_segments, width, inner))
        nn.init.uniform_(self.qkv, -(width**-0.5), width**-0.5)
        nn.init.uniform_(self.out, -(inner**-0.5), inner**-0.5)

    def forward(self, x: Tensor) -> tuple[Tensor, AttentionMap]:
        """(L, C) -> y (L, C), map (H, L, L)."""
        owner = self.owner(len(x), self.num_segments)  # (L,)
        qkv = torch.einsum("lc,lec->le", x, self.qkv[owner])  # (L, 3·H·D)
        q, k, v = rearrange(qkv, "l (three h d) -> three h l d", three=3, h=self.heads)
        same_segment = owner[:, None] == owner  # (L, L)
        out, weights = attention(q, k, v, scale=1.0, mask=same_segment)  # (H, L, D)
        return torch.einsum("le,lce->lc", merge_heads(out), self.out[owner]), weights

    @staticmethod
    def owner(length, num_segments):
        """(L,): the number of the segment that each frame lies in."""
        size = length // num_segments
        return (torch.arange(length) // size).clamp(max=num_segments - 1)
