"""Attention as books and courses write it: one matrix each for q, k and v."""

import copy
import math

import torch
from torch import nn


class SelfAttentionV1(nn.Module):
    """(L, C): one head, matrices kept as (in, out), no matrix behind; LLMs-from-scratch's first."""

    def __init__(self, d_in, d_out):
        super().__init__()
        self.W_query = nn.Parameter(torch.rand(d_in, d_out))
        self.W_key = nn.Parameter(torch.rand(d_in, d_out))
        self.W_value = nn.Parameter(torch.rand(d_in, d_out))

    def forward(self, x):
        keys, queries, values = x @ self.W_key, x @ self.W_query, x @ self.W_value
        scores = queries @ keys.T
        return torch.softmax(scores / keys.shape[-1] ** 0.5, dim=-1) @ values


class SelfAttentionV2(nn.Module):
    """(L, C): one head of three Linear layers; LLMs-from-scratch's second."""

    def __init__(self, d_in, d_out, qkv_bias=False):
        super().__init__()
        self.W_query = nn.Linear(d_in, d_out, bias=qkv_bias)
        self.W_key = nn.Linear(d_in, d_out, bias=qkv_bias)
        self.W_value = nn.Linear(d_in, d_out, bias=qkv_bias)

    def forward(self, x):
        queries, keys = self.W_query(x), self.W_key(x)
        weights = torch.softmax(queries @ keys.T / math.sqrt(keys.shape[-1]), dim=-1)
        return weights @ self.W_value(x)


class CausalAttention(nn.Module):
    """(B, L, C): one causal head, the mask a buffer; LLMs-from-scratch's third."""

    def __init__(self, d_in, d_out, context_length, dropout=0.1, qkv_bias=False):
        super().__init__()
        self.W_query = nn.Linear(d_in, d_out, bias=qkv_bias)
        self.W_key = nn.Linear(d_in, d_out, bias=qkv_bias)
        self.W_value = nn.Linear(d_in, d_out, bias=qkv_bias)
        self.dropout = nn.Dropout(dropout)
        hidden = torch.triu(torch.ones(context_length, context_length), diagonal=1)
        self.register_buffer("mask", hidden)

    def forward(self, x):
        length = x.shape[1]
        keys, queries, values = self.W_key(x), self.W_query(x), self.W_value(x)
        scores = queries @ keys.transpose(1, 2)
        scores.masked_fill_(self.mask.bool()[:length, :length], -torch.inf)
        weights = torch.softmax(scores / keys.shape[-1] ** 0.5, dim=-1)
        return self.dropout(weights) @ values


class MultiHeadAttentionWrapper(nn.Module):
    """(B, L, C): causal heads in a list, put side by side; LLMs-from-scratch's fourth."""

    def __init__(self, d_in, d_out, context_length, num_heads, qkv_bias=False):
        super().__init__()
        self.heads = nn.ModuleList(
            CausalAttention(d_in, d_out, context_length, qkv_bias=qkv_bias)
            for _ in range(num_heads)
        )

    def forward(self, x):
        return torch.cat([head(x) for head in self.heads], dim=-1)


class MultiHeadAttention(nn.Module):
    """(B, L, C): causal, heads split from three layers, out_proj; LLMs-from-scratch's fifth."""

    def __init__(self, d_in, d_out, context_length, num_heads, dropout=0.1, qkv_bias=False):
        super().__init__()
        self.num_heads, self.head_dim = num_heads, d_out // num_heads
        self.W_query = nn.Linear(d_in, d_out, bias=qkv_bias)
        self.W_key = nn.Linear(d_in, d_out, bias=qkv_bias)
        self.W_value = nn.Linear(d_in, d_out, bias=qkv_bias)
        self.out_proj = nn.Linear(d_out, d_out)
        self.dropout = nn.Dropout(dropout)
        hidden = torch.ones(context_length, context_length).triu(1)
        self.register_buffer("mask", hidden, persistent=False)

    def forward(self, x):
        batch, length, _ = x.shape
        shape = batch, length, self.num_heads, self.head_dim
        keys = self.W_key(x).view(shape).transpose(1, 2)
        queries = self.W_query(x).view(shape).transpose(1, 2)
        values = self.W_value(x).view(shape).transpose(1, 2)
        scores = queries @ keys.transpose(2, 3)
        scores = scores.masked_fill(self.mask[:length, :length] == 1, float("-inf"))
        weights = self.dropout(torch.softmax(scores / self.head_dim**0.5, dim=-1))
        return self.out_proj((weights @ values).transpose(1, 2).reshape(batch, length, -1))


class D2lMultiHeadAttention(nn.Module):
    """queries, keys, values as (B, L, C), valid_lens or None; d2l's style: heads in the batch."""

    def __init__(self, num_hiddens, num_heads, dropout=0.1, bias=False):
        super().__init__()
        self.num_heads = num_heads
        self.dropout = nn.Dropout(dropout)
        self.W_q = nn.Linear(num_hiddens, num_hiddens, bias=bias)
        self.W_k = nn.Linear(num_hiddens, num_hiddens, bias=bias)
        self.W_v = nn.Linear(num_hiddens, num_hiddens, bias=bias)
        self.W_o = nn.Linear(num_hiddens, num_hiddens, bias=bias)

    def split(self, x):
        """(B, L, C) -> (B·H, L, D)"""
        x = x.reshape(*x.shape[:2], self.num_heads, -1).permute(0, 2, 1, 3)
        return x.reshape(-1, *x.shape[2:])

    def forward(self, queries, keys, values, valid_lens=None):
        q, k, v = self.split(self.W_q(queries)), self.split(self.W_k(keys)), self.W_v(values)
        scores = torch.bmm(q, k.transpose(1, 2)) / math.sqrt(q.shape[-1])
        if valid_lens is not None:
            valid_lens = valid_lens.repeat_interleave(self.num_heads)
            hidden = torch.arange(k.shape[1], device=k.device) >= valid_lens[:, None, None]
            scores = scores.masked_fill(hidden, -1e6)
        out = torch.bmm(self.dropout(scores.softmax(-1)), self.split(v))
        out = out.reshape(-1, self.num_heads, *out.shape[1:]).permute(0, 2, 1, 3)
        return self.W_o(out.reshape(*out.shape[:2], -1))


def scaled_dot_product(query, key, value, mask=None):
    """softmax(q kᵀ / √D) v, and the weights; mask is 0 where a query may not look."""
    scores = query @ key.transpose(-2, -1) / math.sqrt(query.size(-1))
    if mask is not None:
        scores = scores.masked_fill(mask == 0, -1e9)
    weights = scores.softmax(dim=-1)
    return weights @ value, weights


class MultiHeadedAttention(nn.Module):
    """query, key, value as (B, L, C); the annotated transformer's style: four layers in a list."""

    def __init__(self, h, d_model):
        super().__init__()
        self.h, self.d_k = h, d_model // h
        layer = nn.Linear(d_model, d_model)
        self.linears = nn.ModuleList(copy.deepcopy(layer) for _ in range(4))

    def forward(self, query, key, value, mask=None):
        if mask is not None:
            mask = mask.unsqueeze(1)
        query, key, value = (
            linear(x).view(len(x), -1, self.h, self.d_k).transpose(1, 2)
            for linear, x in zip(self.linears, (query, key, value), strict=False)
        )
        x, _ = scaled_dot_product(query, key, value, mask)
        return self.linears[-1](x.transpose(1, 2).contiguous().view(len(x), -1, self.h * self.d_k))


class UvaMultiheadAttention(nn.Module):
    """(B, L, C), uvadlc's style: qkv_proj holds q, k, v head by head, (heads, three, D)."""

    def __init__(self, input_dim, embed_dim, num_heads):
        super().__init__()
        self.num_heads = num_heads
        self.qkv_proj = nn.Linear(input_dim, 3 * embed_dim)
        self.o_proj = nn.Linear(embed_dim, embed_dim)

    def forward(self, x, mask=None, return_attention=False):
        batch, length, _ = x.shape
        qkv = self.qkv_proj(x).reshape(batch, length, self.num_heads, -1).permute(0, 2, 1, 3)
        q, k, v = qkv.chunk(3, dim=-1)
        values, attention = scaled_dot_product(q, k, v, mask)
        o = self.o_proj(values.permute(0, 2, 1, 3).reshape(batch, length, -1))
        return (o, attention) if return_attention else o


class BertSelfAttention(nn.Module):
    """(B, L, C) -> (context,), BERT's style: q, k, v with a bias, no matrix behind the heads."""

    def __init__(self, hidden_size, num_attention_heads):
        super().__init__()
        self.num_attention_heads = num_attention_heads
        self.query = nn.Linear(hidden_size, hidden_size)
        self.key = nn.Linear(hidden_size, hidden_size)
        self.value = nn.Linear(hidden_size, hidden_size)
        self.dropout = nn.Dropout(0.1)

    def transpose_for_scores(self, x):
        return x.view(*x.shape[:-1], self.num_attention_heads, -1).permute(0, 2, 1, 3)

    def forward(self, hidden_states, attention_mask=None):
        q = self.transpose_for_scores(self.query(hidden_states))
        k = self.transpose_for_scores(self.key(hidden_states))
        v = self.transpose_for_scores(self.value(hidden_states))
        scores = q @ k.transpose(-1, -2) / math.sqrt(q.shape[-1])
        if attention_mask is not None:
            scores = scores + attention_mask
        context = self.dropout(nn.functional.softmax(scores, dim=-1)) @ v
        return (context.permute(0, 2, 1, 3).flatten(2),)
