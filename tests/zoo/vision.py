"""Attention as networks for pictures write it: one matrix for q, k and v, tables of positions."""

import torch
from torch import nn
from torch.nn import functional


class ViTAttention(nn.Module):
    """(B, N, C) -> (out, weights), the style of DINO: qkv stacked as (three, heads, D)."""

    def __init__(self, dim, num_heads=8, qkv_bias=False, attn_drop=0.1, proj_drop=0.1):
        super().__init__()
        self.num_heads = num_heads
        self.scale = (dim // num_heads) ** -0.5
        self.qkv = nn.Linear(dim, 3 * dim, bias=qkv_bias)
        self.attn_drop = nn.Dropout(attn_drop)
        self.proj = nn.Linear(dim, dim)
        self.proj_drop = nn.Dropout(proj_drop)

    def forward(self, x):
        batch, tokens, dim = x.shape
        qkv = self.qkv(x).view(batch, tokens, 3, self.num_heads, -1)
        q, k, v = qkv.transpose(1, 3).unbind(2)  # each (B, H, N, D)
        attn = self.attn_drop((q @ k.mT * self.scale).softmax(dim=-1))
        out = (attn @ v).transpose(1, 2).reshape(batch, tokens, dim)
        return self.proj_drop(self.proj(out)), attn


class NestAttention(nn.Module):
    """(B, G, N, C) -> the same, the style of NesT: each block attends within itself."""

    def __init__(self, dim, num_heads=8, qkv_bias=False):
        super().__init__()
        self.num_heads = num_heads
        self.scale = (dim // num_heads) ** -0.5
        self.qkv = nn.Linear(dim, 3 * dim, bias=qkv_bias)
        self.proj = nn.Linear(dim, dim)

    def forward(self, x):
        qkv = self.qkv(x).unflatten(-1, (3, self.num_heads, -1))  # (B, G, N, 3, H, D)
        q, k, v = qkv.permute(3, 0, 4, 1, 2, 5)
        weights = torch.softmax(self.scale * q @ k.mT, dim=-1)  # (B, H, G, N, N)
        return self.proj(torch.einsum("bhgij,bhgjd->bgihd", weights, v).flatten(3))


class BeitAttention(nn.Module):
    """(B, N, C), the style of BEiT: q and v have a bias, k has none."""

    def __init__(self, dim, num_heads=8):
        super().__init__()
        self.num_heads = num_heads
        self.qkv = nn.Linear(dim, 3 * dim, bias=False)
        self.q_bias = nn.Parameter(torch.zeros(dim))
        self.v_bias = nn.Parameter(torch.zeros(dim))
        self.proj = nn.Linear(dim, dim)

    def forward(self, x):
        bias = torch.cat([self.q_bias, torch.zeros_like(self.q_bias), self.v_bias])
        qkv = functional.linear(x, self.qkv.weight, bias)
        q, k, v = qkv.unflatten(-1, (3, self.num_heads, -1)).permute(2, 0, 3, 1, 4)
        out = functional.scaled_dot_product_attention(q, k, v)
        return self.proj(out.transpose(1, 2).flatten(2))


class QueryBiasAttention(nn.Module):
    """(B, N, C): a bias for q and at the end, none for k and v, which come as one."""

    def __init__(self, dim, heads):
        super().__init__()
        self.heads = heads
        self.to_q = nn.Linear(dim, dim)
        self.to_kv = nn.Linear(dim, 2 * dim, bias=False)
        self.to_out = nn.Linear(dim, dim)

    def forward(self, x):
        q, k, v = (
            part.unflatten(-1, (self.heads, -1)).transpose(1, 2)
            for part in (self.to_q(x), *self.to_kv(x).chunk(2, dim=-1))
        )
        weights = torch.softmax(q @ k.mT / q.shape[-1] ** 0.5, dim=-1)
        return self.to_out((weights @ v).transpose(1, 2).flatten(2))


class PreNormAttention(nn.Module):
    """(B, N, C), the style of vit-pytorch: LayerNorm, to_qkv, heads of any width, to_out."""

    def __init__(self, dim, heads=8, dim_head=64, norm=True):
        super().__init__()
        self.heads = heads
        self.scale = dim_head**-0.5
        self.norm = nn.LayerNorm(dim) if norm else nn.Identity()
        self.to_qkv = nn.Linear(dim, 3 * heads * dim_head, bias=False)
        self.attend = nn.Softmax(dim=-1)
        self.to_out = nn.Sequential(nn.Linear(heads * dim_head, dim), nn.Dropout(0.1))

    def forward(self, x):
        parts = self.to_qkv(self.norm(x)).chunk(3, dim=-1)
        q, k, v = (part.unflatten(-1, (self.heads, -1)).transpose(1, 2) for part in parts)
        out = self.attend(q @ k.transpose(-1, -2) * self.scale) @ v
        return self.to_out(out.transpose(1, 2).flatten(2))


def offsets(side):
    """(N, N): a number for each way from one place of a square to another; N = side²."""
    place = torch.stack(torch.meshgrid(*2 * [torch.arange(side)], indexing="ij")).flatten(1)
    way = place[:, :, None] - place[:, None, :] + side - 1
    return way[0] * (2 * side - 1) + way[1]


class WindowAttention(nn.Module):
    """(windows, N, C) with N = window_size², the style of Swin: a learned table of offsets."""

    def __init__(self, dim, window_size, num_heads, qkv_bias=True):
        super().__init__()
        self.num_heads = num_heads
        self.scale = (dim // num_heads) ** -0.5
        table = torch.zeros((2 * window_size - 1) ** 2, num_heads)
        self.relative_position_bias_table = nn.Parameter(table)
        self.register_buffer("relative_position_index", offsets(window_size))
        self.qkv = nn.Linear(dim, 3 * dim, bias=qkv_bias)
        self.proj = nn.Linear(dim, dim)

    def forward(self, x, mask=None):
        windows, tokens, dim = x.shape
        qkv = self.qkv(x).reshape(windows, tokens, 3, self.num_heads, -1).permute(2, 0, 3, 1, 4)
        q, k, v = qkv.unbind(0)
        bias = self.relative_position_bias_table[self.relative_position_index]  # (N, N, H)
        attn = (q * self.scale) @ k.mT + bias.permute(2, 0, 1)
        if mask is not None:  # (number of masks, N, N), 0 or -100
            attn = attn.unflatten(0, (-1, len(mask))) + mask[:, None]
            attn = attn.flatten(0, 1)
        out = (attn.softmax(-1) @ v).transpose(1, 2).reshape(windows, tokens, dim)
        return self.proj(out)


class WindowEmbeddingAttention(nn.Module):
    """(windows, N, C): Swin's form, the table an Embedding, three matrices, written by einsum."""

    def __init__(self, dim, window_size, num_heads, bias=True):
        super().__init__()
        self.num_heads = num_heads
        self.query = nn.Linear(dim, dim, bias=bias)
        self.key = nn.Linear(dim, dim, bias=bias)
        self.value = nn.Linear(dim, dim, bias=bias)
        self.table = nn.Embedding((2 * window_size - 1) ** 2, num_heads)
        self.register_buffer("index", offsets(window_size))
        self.output = nn.Linear(dim, dim)

    def forward(self, windows):
        q, k, v = (
            layer(windows).unflatten(-1, (self.num_heads, -1))
            for layer in (self.query, self.key, self.value)
        )  # each (B, N, H, D)
        scores = torch.einsum("bihd,bjhd->bijh", q, k) / q.shape[-1] ** 0.5 + self.table(self.index)
        out = torch.einsum("bijh,bjhd->bihd", scores.softmax(dim=2), v)
        return self.output(out.flatten(2))


class TableAttention(nn.Module):
    """(B, N, C) for one N: a free number for each head, query and key is added to the scores."""

    def __init__(self, dim, num_tokens, num_heads, qkv_bias=True):
        super().__init__()
        self.num_heads = num_heads
        self.qkv = nn.Linear(dim, 3 * dim, bias=qkv_bias)
        self.pos_bias = nn.Parameter(torch.zeros(num_heads, num_tokens, num_tokens))
        self.proj = nn.Linear(dim, dim)

    def forward(self, x):
        q, k, v = self.qkv(x).unflatten(-1, (3, self.num_heads, -1)).permute(2, 0, 3, 1, 4)
        out = functional.scaled_dot_product_attention(q, k, v, attn_mask=self.pos_bias)
        return self.proj(out.transpose(1, 2).flatten(2))
