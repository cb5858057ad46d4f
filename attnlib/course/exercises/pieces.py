"""The module that a reader writes from lesson 01 to 07, as the course writes it.

Functions take any number of axes in front, so that a batch goes through at once.
"""

import torch
import torch.nn.functional as F
from einops import rearrange
from torch import nn


def softmax(scores):
    """(…, M) scores -> (…, M) weights: each row is positive and sums to 1."""
    powers = scores.exp()
    return powers / powers.sum(-1, keepdim=True)


def attend(q, k, v, scale, bias=0):
    """(…, N, D), (…, M, D), (…, M, Dv) -> out (…, N, Dv), map (…, N, M)."""
    weights = softmax(scale * q @ k.mT + bias)
    return weights @ v, weights


def split(x, heads):
    """(…, N, C) -> (…, H, N, D): each head takes D = C / H neighbouring channels."""
    return rearrange(x, "... n (h d) -> ... h n d", h=heads)


def merge(out, order):
    """(…, H, N, D) -> (…, N, C), C in the order "h d" or "d h"."""
    return rearrange(out, f"... h n d -> ... n ({order})")


def blockify(x, block_size):
    """(…, height, width, C) -> (…, G, N, C), blocks row by row, and row by row inside each."""
    pattern = "... (rows row) (cols col) c -> ... (rows cols) (row col) c"
    return rearrange(x, pattern, row=block_size, col=block_size)


class MyBlockAttention(nn.Module):
    """(B, G, N, C) -> (B, G, N, C): attention inside each of G blocks."""

    def __init__(self, dim, num_heads):
        super().__init__()
        self.num_heads = num_heads
        self.qkv = nn.Linear(dim, 3 * dim, bias=False)
        self.proj = nn.Linear(dim, dim)

    def forward(self, x):
        q, k, v = (split(part, self.num_heads) for part in self.qkv(x).chunk(3, -1))
        out, _ = attend(q, k, v, q.shape[-1] ** -0.5)
        return self.proj(merge(out, "d h"))


class MySelfAttention(nn.Module):
    """(L, C) -> (L, C): attention of all frames, `width` = H·D, not scaled."""

    def __init__(self, channels, width, heads, table=None):
        super().__init__()
        self.heads, self.table = heads, table
        self.qkv = nn.Linear(channels, 3 * width, bias=False)
        self.out = nn.Linear(width, channels, bias=False)

    def bias(self, length):
        return 0 if self.table is None else self.table(length).to(self.out.weight)

    def forward(self, x):
        q, k, v = (split(part, self.heads) for part in self.qkv(x).chunk(3, -1))
        out, _ = attend(q, k, v, 1, self.bias(len(x)))
        return self.out(merge(out, "h d"))


def boundaries(length, num_segments):
    """(start, stop) of every segment; stop is the first frame behind it."""
    size = -(-length // num_segments)  # rounded up
    edges = [min(number * size, length) for number in range(num_segments + 1)]
    return list(zip(edges, edges[1:], strict=False))


def local_branch(x, branches):
    """(L, C), G functions (N, C) -> (N, C): each on its own segment. -> (L, C)."""
    pairs = zip(branches, boundaries(len(x), len(branches)), strict=True)
    return torch.cat([branch(x[start:stop]) for branch, (start, stop) in pairs if start < stop])


def fuse(whole, local, fusion):
    """(…, L, C), twice -> (…, L, C): rows 1 long, then "add", "mult", "avg" or "max"."""
    u, v = F.normalize(whole, dim=-1), F.normalize(local, dim=-1)
    if fusion == "add":
        return u + v
    if fusion == "mult":
        return u * v
    if fusion == "avg":
        return (u + v) / 2
    return torch.maximum(u, v)


class MyGlobalLocalAttention(nn.Module):
    """(L, C) -> (L, C): all frames, and beside it inside segments, fused row by row."""

    def __init__(self, channels, num_segments, heads, fusion, table=None):
        super().__init__()
        self.fusion = fusion
        self.attention = MySelfAttention(channels, channels, heads, table)
        width = channels // num_segments  # of a segment, which has 4 heads
        parts = [MySelfAttention(channels, width, 4, table) for _ in range(num_segments)]
        self.local_attention = nn.ModuleList(parts)

    def forward(self, x):
        return fuse(self.attention(x), local_branch(x, self.local_attention), self.fusion)


def absolute(length, width, freq):
    """(length, length), float64: PGL-SUM's absolute table, sin or cos for key j even or odd."""
    index = torch.arange(length, dtype=torch.float64)
    i, j = index[:, None], index
    angle = i / freq ** (2 * (j // 2) / width)
    table = torch.where(j % 2 == 0, angle.sin(), angle.cos())
    if length % 2:
        table[:, -1] = 0
    return table
