"""Attention in many hands: small modules, each written as somebody would write it."""

import math

import torch
import torch.nn.functional as F
from einops import rearrange
from torch import nn

C, HEADS, D = 12, 3, 4


class Fused(nn.Module):
    """One matrix to q, k and v, in an order of its own."""

    def __init__(self, order="three h d", bias=True, mask=None, merge="h d", scale=None):
        super().__init__()
        self.order, self.mask, self.merge = order, mask, merge
        self.scale = D**-0.5 if scale is None else scale
        self.qkv, self.proj = nn.Linear(C, 3 * C, bias=bias), nn.Linear(C, C, bias=bias)

    def forward(self, x):
        pattern = f"b n ({self.order}) -> three b h n d"
        q, k, v = rearrange(self.qkv(x), pattern, three=3, h=HEADS, d=D)
        scores = q @ k.transpose(-2, -1) * self.scale
        if self.mask is not None:
            i = torch.arange(x.shape[1])
            scores = scores.masked_fill(~self.mask(i[:, None], i), -torch.inf)
        y = scores.softmax(-1) @ v
        return self.proj(rearrange(y, f"b h n d -> b n ({self.merge})"))


class Separate(nn.Module):
    """Three matrices, einsum, and a mask that must be given."""

    def __init__(self, bias=False):
        super().__init__()
        self.to_q, self.to_k, self.to_v = (nn.Linear(C, C, bias=bias) for _ in range(3))
        self.to_out = nn.Linear(C, C)

    def forward(self, query, key, value, mask):
        q, k, v = (
            part(x).view(*x.shape[:2], HEADS, D)
            for part, x in ((self.to_q, query), (self.to_k, key), (self.to_v, value))
        )
        scores = torch.einsum("bqhd,bkhd->bhqk", q, k) / math.sqrt(D)
        if mask is not None:
            scores = scores.masked_fill(mask == 0, -1e9)
        y = torch.einsum("bhqk,bkhd->bqhd", F.softmax(scores, dim=-1), v)
        return self.to_out(y.reshape(*query.shape)), scores


class InOut(nn.Module):
    """x @ W with W (in, out), and addmm."""

    def __init__(self):
        super().__init__()
        self.weight = nn.Parameter(torch.randn(C, 3 * C) / C**0.5)
        self.bias = nn.Parameter(torch.randn(3 * C))
        self.out = nn.Parameter(torch.randn(C, C) / C**0.5)

    def forward(self, hidden, attention_mask=None):
        flat = torch.addmm(self.bias, hidden.reshape(-1, C), self.weight)
        q, k, v = flat.view(*hidden.shape[:2], 3 * C).split(C, dim=2)
        q, k, v = (t.view(*t.shape[:2], HEADS, D).transpose(1, 2) for t in (q, k, v))
        y = F.scaled_dot_product_attention(q, k, v, is_causal=True)
        return (y.transpose(1, 2).reshape(hidden.shape) @ self.out, None)


class Lists(nn.Module):
    """A list of heads, each with its own three matrices; one video at a time."""

    def __init__(self):
        super().__init__()
        self.q, self.k, self.v = (
            nn.ModuleList(nn.Linear(C, D, bias=False) for _ in range(HEADS)) for _ in range(3)
        )
        self.out = nn.Linear(C, C, bias=False)

    def forward(self, x):
        assert x.dim() == 2
        outs = []
        for q, k, v in zip(self.q, self.k, self.v, strict=True):
            weights = torch.matmul(q(x), k(x).transpose(1, 0)).softmax(dim=-1)
            outs.append(torch.matmul(weights, v(x)))
        return self.out(torch.cat(outs, -1))


class Grouped(nn.Module):
    """Four heads of queries, two of keys and values."""

    def __init__(self, folded=False):
        super().__init__()
        self.folded = folded
        self.wq, self.wo = nn.Linear(C, 12, bias=False), nn.Linear(12, C, bias=False)
        self.wk, self.wv = nn.Linear(C, 6, bias=False), nn.Linear(C, 6, bias=False)

    def forward(self, x):
        q = rearrange(self.wq(x), "b n (g h d) -> b g h n d", g=2, h=2)
        k, v = (rearrange(part(x), "b n (g d) -> b g n d", g=2) for part in (self.wk, self.wv))
        if self.folded:
            weights = torch.einsum("bghnd,bgmd->bghnm", q, k).mul(3**-0.5).softmax(-1)
            y = torch.einsum("bghnm,bgmd->bghnd", weights, v).flatten(1, 2)
        else:
            k, v = (t.repeat_interleave(2, dim=1) for t in (k, v))
            y = F.scaled_dot_product_attention(q.flatten(1, 2), k, v)
        return self.wo(rearrange(y, "b h n d -> b n (h d)"))


class ByHand(nn.Module):
    """exp over sum, no softmax; sequence first; the maximum is taken off."""

    def __init__(self, dim=-1):
        super().__init__()
        self.dim = dim
        self.q, self.k, self.v = (nn.Linear(C, C) for _ in range(3))

    def forward(self, x):
        q, k, v = (
            rearrange(part(x), "n b (h d) -> b h n d", h=HEADS) for part in (self.q, self.k, self.v)
        )
        scores = (q / D**0.5) @ k.transpose(2, 3)
        shifted = torch.exp(scores - scores.amax(dim=self.dim, keepdim=True))
        weights = shifted / shifted.sum(dim=self.dim, keepdim=True)
        return rearrange(weights @ v, "b h n d -> n b (h d)")


class Rotary(nn.Module):
    """q and k are turned by position: pairs of halves, or of neighbours as complex numbers."""

    def __init__(self, halves=True):
        super().__init__()
        self.halves, self.q, self.k = halves, nn.Linear(C, C), nn.Linear(C, C, bias=False)
        self.v, self.out = nn.Linear(C, C, bias=False), nn.Linear(C, C, bias=False)

    def turn(self, rows):
        angles = torch.arange(rows.shape[-2])[:, None] * 10.0 ** -torch.arange(D // 2)
        if self.halves:
            a, b = rows.chunk(2, -1)
            cos, sin = angles.cos(), angles.sin()
            return torch.cat([a * cos - b * sin, b * cos + a * sin], -1)
        pairs = torch.view_as_complex(rows.float().reshape(*rows.shape[:-1], -1, 2))
        turned = pairs * torch.polar(torch.ones_like(angles), angles)
        return torch.view_as_real(turned).flatten(-2).type_as(rows)

    def forward(self, x):
        q, k, v = (
            rearrange(part(x), "b n (h d) -> b h n d", h=HEADS) for part in (self.q, self.k, self.v)
        )
        y = F.scaled_dot_product_attention(self.turn(q), self.turn(k), v)
        return self.out(rearrange(y, "b h n d -> b n (h d)"))


class Tabled(Fused):
    """A learned table of relative positions is added to the scores; exactly nine tokens."""

    def __init__(self, heads_first=False):
        super().__init__("three h d" if heads_first else "h d three")
        i = torch.arange(9)
        self.register_buffer("index", i[:, None] - i + 8)
        self.heads_first = heads_first
        self.table = nn.Parameter(torch.randn(HEADS, 17) if heads_first else torch.randn(17, HEADS))

    def forward(self, x):
        pattern = f"b n ({self.order}) -> three b h n d"
        q, k, v = rearrange(self.qkv(x), pattern, three=3, h=HEADS, d=D)
        table = self.table if self.heads_first else self.table.T
        y = F.scaled_dot_product_attention(q, k, v, attn_mask=table[:, self.index])
        return self.proj(rearrange(y, "b h n d -> b n (h d)"))


class Normed(nn.Module):
    """Queries and keys get a norm of their own."""

    def __init__(self):
        super().__init__()
        self.qkv, self.norm = nn.Linear(C, 3 * C), nn.LayerNorm(D)

    def forward(self, x):
        q, k, v = rearrange(self.qkv(x), "b n (three h d) -> three b h n d", three=3, h=HEADS)
        y = F.scaled_dot_product_attention(self.norm(q), self.norm(k), v)
        return rearrange(y, "b h n d -> b n (h d)")


class Capped(Fused):
    """Scores go through a tanh."""

    def forward(self, x):
        q, k, v = rearrange(self.qkv(x), "b n (three h d) -> three b h n d", three=3, h=HEADS)
        scores = torch.tanh(q @ k.mT)
        return self.proj(rearrange(scores.softmax(-1) @ v, "b h n d -> b n (h d)"))


class Product(Fused):
    """Two matrices behind the heads, one after the other."""

    def __init__(self):
        super().__init__()
        self.last = nn.Linear(C, C, bias=False)

    def forward(self, x):
        return self.last(super().forward(x))


class Residual(Fused):
    """x is added to what attention gives."""

    def forward(self, x):
        return x + super().forward(x)


def causal(i, j):
    return i >= j


def window(i, j):
    return (i - j).abs() <= 2
