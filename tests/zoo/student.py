"""What a student writes after two repositories: blocks, and a global with local attentions."""

import math

import torch
from torch import nn
from torch.nn import functional

from tests.zoo.writings import FrameAttention


class MyBlockAttention(nn.Module):
    """(B, G, N, C): block by block and head by head, merged with the head as the last axis."""

    def __init__(self, dim, num_heads):
        super().__init__()
        self.heads = num_heads
        self.qkv = nn.Linear(dim, 3 * dim, bias=False)
        self.proj = nn.Linear(dim, dim)

    def one(self, x):
        """(N, C), one block"""
        q, k, v = (part.unflatten(-1, (self.heads, -1)) for part in self.qkv(x).chunk(3, dim=-1))
        heads = []
        for h in range(self.heads):
            scores = q[:, h] @ k[:, h].T / math.sqrt(q.shape[-1])
            power = scores.exp()
            heads.append(power / power.sum(dim=1, keepdim=True) @ v[:, h])
        return self.proj(torch.stack(heads, dim=-1).flatten(1))  # "n (d h)"

    def forward(self, x):
        return torch.stack([torch.stack([self.one(block) for block in blocks]) for blocks in x])


class OwnBlockAttention(nn.Module):
    """(B, G, N, C): every block has parameters of its own."""

    def __init__(self, dim, num_heads, num_blocks):
        super().__init__()
        self.heads = num_heads
        self.qkv = nn.ModuleList(nn.Linear(dim, 3 * dim, bias=False) for _ in range(num_blocks))
        self.proj = nn.ModuleList(nn.Linear(dim, dim) for _ in range(num_blocks))

    def forward(self, x):
        outs = []
        for block, qkv, proj in zip(x.unbind(1), self.qkv, self.proj, strict=True):
            q, k, v = qkv(block).unflatten(-1, (3, self.heads, -1)).permute(2, 0, 3, 1, 4)
            out = functional.scaled_dot_product_attention(q, k, v)
            outs.append(proj(out.transpose(1, 2).flatten(2)))
        return torch.stack(outs, dim=1)


FUSIONS = {
    "add": lambda whole, local: whole + local,
    "mult": lambda whole, local: whole * local,
    "avg": lambda whole, local: (whole + local) / 2,
    "max": torch.maximum,
}


class GlobalLocalAttention(nn.Module):
    """(L, C), PGL-SUM's style: all frames, and each segment by itself; rows of length 1, fused."""

    def __init__(self, input_size, num_segments, heads, fusion):
        super().__init__()
        self.attention = FrameAttention(input_size, input_size, heads)
        self.num_segments, self.fusion = num_segments, fusion
        self.local_attention = nn.ModuleList(
            FrameAttention(input_size, input_size // num_segments, 4) for _ in range(num_segments)
        )

    def forward(self, x):
        weighted, weights = self.attention(x)
        weighted = functional.normalize(weighted, dim=1)
        size = math.ceil(len(x) / self.num_segments)
        local = [
            functional.normalize(attention(segment)[0], dim=1)
            for attention, segment in zip(self.local_attention, x.split(size), strict=False)
        ]
        return FUSIONS[self.fusion](weighted, torch.cat(local)), weights


def softmax(scores):
    """Rows that sum to 1, with the largest taken off first."""
    power = (scores - scores.max(dim=-1, keepdim=True).values).exp()
    return power / power.sum(dim=-1, keepdim=True)


class MyGlobalLocalAttention(nn.Module):
    """(L, C): the form of `GlobalLocalAttention`, all segments' parameters in two tensors.

    `even` cuts as torch.tensor_split does, where segments differ by at most one frame.
    """

    def __init__(self, size, num_segments, heads, fusion, even=False):
        super().__init__()
        self.g, self.heads, self.even = num_segments, heads, even
        self.fuse = FUSIONS[fusion]
        narrow = size // num_segments
        self.qkv = nn.Linear(size, 3 * size, bias=False)
        self.out = nn.Linear(size, size, bias=False)
        self.local_qkv = nn.Parameter(torch.randn(num_segments, 3 * narrow, size) * size**-0.5)
        self.local_out = nn.Parameter(torch.randn(num_segments, size, narrow) * narrow**-0.5)

    def branch(self, x, qkv, out, heads):
        q, k, v = (
            part.unflatten(1, (heads, -1)).transpose(0, 1) for part in (x @ qkv.T).chunk(3, -1)
        )
        scores = q @ k.mT / q.shape[-1] ** 0.5
        mixed = (softmax(scores) @ v).permute(1, 0, 2).flatten(1) @ out.T
        return mixed / mixed.norm(dim=1, keepdim=True)

    def forward(self, x):
        whole = self.branch(x, self.qkv.weight, self.out.weight, self.heads)
        size = math.ceil(len(x) / self.g)
        parts = x.tensor_split(self.g) if self.even else x.split(size)
        local = [
            self.branch(part, qkv, out, 4)
            for part, qkv, out in zip(parts, self.local_qkv, self.local_out, strict=False)
            if len(part)
        ]
        return self.fuse(whole, torch.cat(local))
