"""Attention as language models write it: causal masks, rotary positions, shared heads."""

import math

import torch
from torch import nn
from torch.nn import functional


def causal(length, device=None, window=None):
    """(L, L), True = may attend: no later key, and only the last `window` ones."""
    i = torch.arange(length, device=device)
    back = i[:, None] - i
    seen = back >= 0
    return seen if window is None else seen & (back < window)


class CausalSelfAttention(nn.Module):
    """(B, L, C), minGPT's style: c_attn for q, k, v, the mask a buffer of block_size."""

    def __init__(self, n_embd, n_head, block_size, bias=True):
        super().__init__()
        self.n_head, self.n_embd = n_head, n_embd
        self.c_attn = nn.Linear(n_embd, 3 * n_embd, bias=bias)
        self.c_proj = nn.Linear(n_embd, n_embd, bias=bias)
        self.attn_dropout = nn.Dropout(0.1)
        self.resid_dropout = nn.Dropout(0.1)
        seen = torch.ones(block_size, block_size).tril()
        self.register_buffer("bias", seen.view(1, 1, block_size, block_size))

    def forward(self, x):
        batch, length, width = x.size()
        q, k, v = (
            part.view(batch, length, self.n_head, width // self.n_head).transpose(1, 2)
            for part in self.c_attn(x).split(self.n_embd, dim=2)
        )
        att = q @ k.transpose(-2, -1) * (1.0 / math.sqrt(k.size(-1)))
        att = att.masked_fill(self.bias[:, :, :length, :length] == 0, float("-inf"))
        y = self.attn_dropout(functional.softmax(att, dim=-1)) @ v
        return self.resid_dropout(self.c_proj(y.transpose(1, 2).reshape(batch, length, width)))


class Conv1D(nn.Module):
    """x @ weight + bias: a Linear whose matrix is kept as (in, out)."""

    def __init__(self, nf, nx):
        super().__init__()
        self.weight = nn.Parameter(0.02 * torch.randn(nx, nf))
        self.bias = nn.Parameter(torch.zeros(nf))

    def forward(self, x):
        return torch.addmm(self.bias, x.view(-1, x.size(-1)), self.weight).view(*x.shape[:-1], -1)


class GPT2Attention(nn.Module):
    """(B, L, C) -> (out, weights), GPT-2's style: causal, Conv1D in front and behind."""

    def __init__(self, hidden_size, num_heads, max_positions=256):
        super().__init__()
        self.num_heads, self.split_size = num_heads, hidden_size
        self.c_attn = Conv1D(3 * hidden_size, hidden_size)
        self.c_proj = Conv1D(hidden_size, hidden_size)
        seen = torch.ones(max_positions, max_positions, dtype=torch.bool).tril()
        self.register_buffer("bias", seen[None, None], persistent=False)

    def forward(self, hidden_states):
        query, key, value = (
            part.unflatten(-1, (self.num_heads, -1)).permute(0, 2, 1, 3)
            for part in self.c_attn(hidden_states).split(self.split_size, dim=2)
        )
        length = query.size(-2)
        weights = query @ key.transpose(-1, -2) / value.size(-1) ** 0.5
        least = torch.finfo(weights.dtype).min
        weights = torch.where(self.bias[:, :, :length, :length], weights, least)
        weights = functional.softmax(weights, dim=-1)
        return self.c_proj((weights @ value).transpose(1, 2).flatten(2)), weights


def angles(length, dim, base=10000.0, device=None):
    """(L, dim / 2): position times base^(-2i / dim), in float64."""
    speed = base ** -(torch.arange(0, dim, 2, dtype=torch.float64, device=device) / dim)
    return torch.arange(length, dtype=torch.float64, device=device)[:, None] * speed


def rotate_half(x):
    """Number i and number i + D/2 are one pair."""
    first, second = x.chunk(2, dim=-1)
    return torch.cat([-second, first], dim=-1)


def rotate_every_two(x):
    """Numbers 2i and 2i + 1 are one pair."""
    return torch.stack([-x[..., 1::2], x[..., ::2]], dim=-1).flatten(-2)


class GPTNeoXAttention(nn.Module):
    """(B, L, C), GPT-NeoX's style: qkv head by head, rotary by halves on a part, causal."""

    def __init__(self, hidden_size, num_attention_heads, rotary_pct=0.25, bias=True, base=10000.0):
        super().__init__()
        self.num_attention_heads = num_attention_heads
        self.head_size = hidden_size // num_attention_heads
        self.rotary_ndims, self.base = int(self.head_size * rotary_pct), base
        self.query_key_value = nn.Linear(hidden_size, 3 * hidden_size, bias=bias)
        self.dense = nn.Linear(hidden_size, hidden_size, bias=bias)

    def rotated(self, x):
        turned, kept = x[..., : self.rotary_ndims], x[..., self.rotary_ndims :]
        angle = angles(x.shape[-2], self.rotary_ndims, self.base, x.device).to(x.dtype)
        angle = torch.cat([angle, angle], dim=-1)
        return torch.cat([turned * angle.cos() + rotate_half(turned) * angle.sin(), kept], dim=-1)

    def forward(self, hidden_states, attention_mask=None):
        qkv = self.query_key_value(hidden_states)
        qkv = qkv.unflatten(-1, (self.num_attention_heads, 3 * self.head_size)).transpose(1, 2)
        query, key, value = qkv.split(self.head_size, dim=-1)
        scores = self.rotated(query) @ self.rotated(key).mT * self.head_size**-0.5
        scores = scores.masked_fill(~causal(scores.shape[-1], scores.device), -torch.inf)
        if attention_mask is not None:
            scores = scores + attention_mask
        return self.dense((scores.softmax(-1) @ value).transpose(1, 2).flatten(2))


class GPTJAttention(nn.Module):
    """(B, L, C), GPT-J's style: rotary in neighbouring pairs on a part of each head, causal."""

    def __init__(self, embed_dim, num_heads, rotary_dim=None):
        super().__init__()
        self.num_attention_heads, self.head_dim = num_heads, embed_dim // num_heads
        self.rotary_dim = rotary_dim or self.head_dim
        self.q_proj = nn.Linear(embed_dim, embed_dim, bias=False)
        self.k_proj = nn.Linear(embed_dim, embed_dim, bias=False)
        self.v_proj = nn.Linear(embed_dim, embed_dim, bias=False)
        self.out_proj = nn.Linear(embed_dim, embed_dim, bias=False)

    def forward(self, hidden_states):
        batch, length, _ = hidden_states.shape
        shape = batch, length, self.num_attention_heads, self.head_dim
        query, key = self.q_proj(hidden_states).view(shape), self.k_proj(hidden_states).view(shape)
        angle = angles(length, self.rotary_dim, device=query.device).repeat_interleave(2, dim=-1)
        angle = angle[:, None].to(query.dtype)  # (L, 1, rotary_dim)
        width = self.rotary_dim
        query, key = (
            torch.cat(
                [x[..., :width] * angle.cos() + rotate_every_two(x[..., :width]) * angle.sin()]
                + [x[..., width:]],
                dim=-1,
            ).permute(0, 2, 1, 3)
            for x in (query, key)
        )
        value = self.v_proj(hidden_states).view(shape).permute(0, 2, 1, 3)
        out = functional.scaled_dot_product_attention(query, key, value, is_causal=True)
        return self.out_proj(out.permute(0, 2, 1, 3).reshape(batch, length, -1))


def precompute_freqs_cis(dim, end, theta=10000.0):
    """(end, dim / 2) complex: what `Attention` turns its pairs by."""
    angle = angles(end, dim, theta)
    return torch.polar(torch.ones_like(angle), angle)


def apply_rotary_emb(x, freqs_cis):
    """x as (B, L, H, D), its neighbouring pairs read as complex numbers and turned."""
    pairs = torch.view_as_complex(x.unflatten(-1, (-1, 2)).contiguous())
    return torch.view_as_real(pairs * freqs_cis[None, :, None]).flatten(-2).type_as(x)


class Attention(nn.Module):
    """x as (B, L, C) and the table freqs_cis, the style of Meta's LLaMA: shared heads repeated."""

    def __init__(self, dim, n_heads, n_kv_heads=None):
        super().__init__()
        self.n_heads, self.n_kv_heads = n_heads, n_kv_heads or n_heads
        self.head_dim = dim // n_heads
        self.wq = nn.Linear(dim, n_heads * self.head_dim, bias=False)
        self.wk = nn.Linear(dim, self.n_kv_heads * self.head_dim, bias=False)
        self.wv = nn.Linear(dim, self.n_kv_heads * self.head_dim, bias=False)
        self.wo = nn.Linear(n_heads * self.head_dim, dim, bias=False)

    def forward(self, x, freqs_cis, mask=None):
        xq = self.wq(x).unflatten(-1, (self.n_heads, -1))
        xk = self.wk(x).unflatten(-1, (self.n_kv_heads, -1))
        xv = self.wv(x).unflatten(-1, (self.n_kv_heads, -1))
        xq, xk = apply_rotary_emb(xq, freqs_cis), apply_rotary_emb(xk, freqs_cis)
        times = self.n_heads // self.n_kv_heads
        xk, xv = xk.repeat_interleave(times, dim=2), xv.repeat_interleave(times, dim=2)
        scores = xq.transpose(1, 2) @ xk.permute(0, 2, 3, 1) / math.sqrt(self.head_dim)
        if mask is not None:
            scores = scores + mask
        out = functional.softmax(scores, dim=-1) @ xv.transpose(1, 2)
        return self.wo(out.transpose(1, 2).flatten(2))


class RotaryEmbedding(nn.Module):
    """(cos, sin), each (1, L, D), the second half of the width a repetition of the first."""

    def __init__(self, dim, base=10000.0):
        super().__init__()
        self.dim, self.base = dim, base

    def forward(self, x):
        angle = angles(x.shape[1], self.dim, self.base, x.device)
        angle = torch.cat([angle, angle], dim=-1)[None]
        return angle.cos().to(x.dtype), angle.sin().to(x.dtype)


class LlamaAttention(nn.Module):
    """hidden_states and position_embeddings = (cos, sin), the style of transformers' LLaMA."""

    def __init__(self, hidden_size, num_heads, num_key_value_heads=None):
        super().__init__()
        self.head_dim = hidden_size // num_heads
        self.num_key_value_groups = num_heads // (num_key_value_heads or num_heads)
        kept = hidden_size // self.num_key_value_groups
        self.q_proj = nn.Linear(hidden_size, hidden_size, bias=False)
        self.k_proj = nn.Linear(hidden_size, kept, bias=False)
        self.v_proj = nn.Linear(hidden_size, kept, bias=False)
        self.o_proj = nn.Linear(hidden_size, hidden_size, bias=False)

    def forward(self, hidden_states, position_embeddings, attention_mask=None):
        cos, sin = (table.unsqueeze(1) for table in position_embeddings)
        shape = *hidden_states.shape[:-1], -1, self.head_dim
        query = self.q_proj(hidden_states).view(shape).transpose(1, 2)
        key = self.k_proj(hidden_states).view(shape).transpose(1, 2)
        value = self.v_proj(hidden_states).view(shape).transpose(1, 2)
        query = query * cos + rotate_half(query) * sin
        key = key * cos + rotate_half(key) * sin
        out = functional.scaled_dot_product_attention(
            query, key, value, attn_mask=attention_mask, enable_gqa=self.num_key_value_groups > 1
        )
        return self.o_proj(out.transpose(1, 2).reshape(*shape[:-2], -1)), None


class SlidingAttention(nn.Module):
    """(B, L, C), Mistral's style: rotary, causal, and only the last `sliding_window` keys."""

    def __init__(self, dim, n_heads, sliding_window=None, rope_theta=10000.0):
        super().__init__()
        self.n_heads, self.sliding_window = n_heads, sliding_window
        self.rope_theta = rope_theta
        self.wqkv = nn.Linear(dim, 3 * dim, bias=False)
        self.wo = nn.Linear(dim, dim, bias=False)

    def forward(self, x):
        q, k, v = self.wqkv(x).unflatten(-1, (3, self.n_heads, -1)).unbind(2)  # (B, L, H, D)
        table = precompute_freqs_cis(q.shape[-1], x.shape[1], self.rope_theta).to(x.device)
        q, k = apply_rotary_emb(q, table), apply_rotary_emb(k, table)
        mask = causal(x.shape[1], x.device, self.sliding_window)
        q, k, v = (part.transpose(1, 2) for part in (q, k, v))
        out = functional.scaled_dot_product_attention(q, k, v, attn_mask=mask)
        return self.wo(out.transpose(1, 2).flatten(2))


class BiasedRotaryAttention(nn.Module):
    """(B, L, C): rotary by halves, causal; q has a bias and k may have one, v and o have none."""

    def __init__(self, hidden_size, num_heads, key_bias):
        super().__init__()
        self.num_heads, self.head_dim = num_heads, hidden_size // num_heads
        self.q_proj = nn.Linear(hidden_size, hidden_size, bias=True)
        self.k_proj = nn.Linear(hidden_size, hidden_size, bias=key_bias)
        self.v_proj = nn.Linear(hidden_size, hidden_size, bias=False)
        self.o_proj = nn.Linear(hidden_size, hidden_size, bias=False)

    def forward(self, hidden_states):
        q, k, v = (
            layer(hidden_states).unflatten(-1, (self.num_heads, -1)).transpose(1, 2)
            for layer in (self.q_proj, self.k_proj, self.v_proj)
        )
        angle = angles(q.shape[-2], self.head_dim, device=q.device).to(q.dtype).repeat(1, 2)
        q, k = (x * angle.cos() + rotate_half(x) * angle.sin() for x in (q, k))
        out = functional.scaled_dot_product_attention(q, k, v, is_causal=True)
        return self.o_proj(out.transpose(1, 2).flatten(2))


class RMSNorm(nn.Module):
    """x over the root of its mean square, times a weight."""

    def __init__(self, dim, eps=1e-6):
        super().__init__()
        self.weight, self.eps = nn.Parameter(torch.ones(dim)), eps

    def forward(self, x):
        return self.weight * x * torch.rsqrt(x.square().mean(-1, keepdim=True) + self.eps)


class NormedAttention(nn.Module):
    """(B, L, C), Qwen3's style without rotary: RMSNorm on q and k of each head, causal."""

    def __init__(self, hidden_size, num_heads):
        super().__init__()
        self.num_heads, self.head_dim = num_heads, hidden_size // num_heads
        self.q_proj = nn.Linear(hidden_size, hidden_size, bias=False)
        self.k_proj = nn.Linear(hidden_size, hidden_size, bias=False)
        self.v_proj = nn.Linear(hidden_size, hidden_size, bias=False)
        self.o_proj = nn.Linear(hidden_size, hidden_size, bias=False)
        self.q_norm, self.k_norm = RMSNorm(self.head_dim), RMSNorm(self.head_dim)

    def forward(self, x):
        q, k, v = (
            layer(x).unflatten(-1, (self.num_heads, self.head_dim)).transpose(1, 2)
            for layer in (self.q_proj, self.k_proj, self.v_proj)
        )
        out = functional.scaled_dot_product_attention(
            self.q_norm(q), self.k_norm(k), v, is_causal=True
        )
        return self.o_proj(out.transpose(1, 2).flatten(2))


class InterleavedNormedAttention(nn.Module):
    """(B, L, C): the form of `NormedAttention`, qkv in one matrix head by head, softmax by hand."""

    def __init__(self, dim, heads):
        super().__init__()
        self.heads = heads
        self.to_qkv = nn.Linear(dim, 3 * dim, bias=False)
        self.q_scale = nn.Parameter(torch.ones(dim // heads))
        self.k_scale = nn.Parameter(torch.ones(dim // heads))
        self.to_out = nn.Linear(dim, dim, bias=False)

    def forward(self, x):
        q, k, v = self.to_qkv(x).unflatten(-1, (self.heads, 3, -1)).permute(3, 0, 2, 1, 4)
        root = q.shape[-1] ** 0.5
        q, k = (functional.rms_norm(part, part.shape[-1:], eps=1e-6) for part in (q, k))
        power = ((q * self.q_scale) @ (k * self.k_scale).mT / root).exp()
        power = power * causal(x.shape[1], x.device)
        out = power / power.sum(-1, keepdim=True) @ v
        return self.to_out(out.transpose(1, 2).flatten(2))


class SoftCapAttention(nn.Module):
    """(B, L, C), Gemma 2's style: scores bent by cap · tanh(scores / cap) before the softmax."""

    def __init__(self, dim, heads, cap=None):
        super().__init__()
        self.heads, self.cap = heads, cap
        self.qkv = nn.Linear(dim, 3 * dim, bias=False)
        self.out = nn.Linear(dim, dim, bias=False)

    def forward(self, x):
        q, k, v = self.qkv(x).unflatten(-1, (3, self.heads, -1)).permute(2, 0, 3, 1, 4)
        scores = q @ k.mT * q.shape[-1] ** -0.5
        scores = self.cap * torch.tanh(scores / self.cap)
        return self.out((scores.softmax(-1) @ v).transpose(1, 2).flatten(2))


class AlibiAttention(nn.Module):
    """(B, L, C), ALiBi's style: causal, each head takes slope · distance off its scores."""

    def __init__(self, dim, heads):
        super().__init__()
        self.heads = heads
        self.qkv = nn.Linear(dim, 3 * dim, bias=False)
        self.proj = nn.Linear(dim, dim, bias=False)
        self.register_buffer("slopes", 2.0 ** -(8 / heads * torch.arange(1, heads + 1)))

    def forward(self, x):
        q, k, v = self.qkv(x).unflatten(-1, (3, self.heads, -1)).permute(2, 0, 3, 1, 4)
        i = torch.arange(x.shape[1], device=x.device)
        far = self.slopes[:, None, None] * (i - i[:, None])  # below 0 for a key that lies back
        scores = q @ k.mT / q.shape[-1] ** 0.5 + far
        scores = scores.masked_fill(~causal(len(i), x.device), -torch.inf)
        return self.proj((scores.softmax(-1) @ v).transpose(1, 2).flatten(2))


class KeyAlibiAttention(nn.Module):
    """(B, L, C), BLOOM's style: slope · key's place is added, which differs by a row's constant."""

    def __init__(self, hidden_size, num_heads):
        super().__init__()
        self.num_heads = num_heads
        self.query_key_value = nn.Linear(hidden_size, 3 * hidden_size, bias=False)
        self.dense = nn.Linear(hidden_size, hidden_size, bias=False)

    def forward(self, hidden_states):
        fused = self.query_key_value(hidden_states).unflatten(-1, (self.num_heads, 3, -1))
        q, k, v = fused.unbind(-2)  # each (B, L, H, D)
        slopes = torch.tensor(
            [2 ** (-8 * (head + 1) / self.num_heads) for head in range(self.num_heads)],
            dtype=q.dtype,
            device=q.device,
        )
        alibi = slopes[:, None] * torch.arange(q.shape[1], device=q.device)  # (H, L)
        scores = torch.einsum("bihd,bjhd->bhij", q, k) * q.shape[-1] ** -0.5 + alibi[:, None]
        scores = scores + torch.full_like(scores[0, 0], -torch.inf).triu(1)
        return self.dense(torch.einsum("bhij,bjhd->bihd", scores.softmax(-1), v).flatten(2))


class RelativeAttention(nn.Module):
    """(B, L, C), T5's style, unscaled: a learned number for each head and clipped distance."""

    def __init__(self, d_model, num_heads, max_distance, scale=1.0):
        super().__init__()
        self.n_heads, self.max_distance, self.scale = num_heads, max_distance, scale
        self.q = nn.Linear(d_model, d_model, bias=False)
        self.k = nn.Linear(d_model, d_model, bias=False)
        self.v = nn.Linear(d_model, d_model, bias=False)
        self.o = nn.Linear(d_model, d_model, bias=False)
        self.relative_attention_bias = nn.Embedding(2 * max_distance + 1, num_heads)

    def forward(self, hidden_states):
        q, k, v = (
            layer(hidden_states).unflatten(-1, (self.n_heads, -1)).transpose(1, 2)
            for layer in (self.q, self.k, self.v)
        )
        i = torch.arange(q.shape[-2], device=q.device)
        way = (i - i[:, None]).clamp(-self.max_distance, self.max_distance) + self.max_distance
        scores = q @ k.mT * self.scale + self.relative_attention_bias(way).permute(2, 0, 1)
        return self.o((scores.softmax(-1) @ v).transpose(1, 2).flatten(2))
