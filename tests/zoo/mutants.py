"""Slips that happen: plain attention, or that of a causal model, with one line changed."""

import torch
from torch import nn


class Mutant(nn.Module):
    """(B, N, C): qkv stacked, merged as (heads, D), proj; a slip overrides one step."""

    def __init__(self, dim, num_heads, bias=False):
        super().__init__()
        self.num_heads = num_heads
        self.scale = (dim // num_heads) ** -0.5
        self.qkv = nn.Linear(dim, 3 * dim, bias=bias)
        self.proj = nn.Linear(dim, dim)

    def weigh(self, scores):
        return scores.softmax(dim=-1)

    def merge(self, heads):
        """(B, H, N, D) -> (B, N, C)"""
        return heads.transpose(1, 2).flatten(2)

    def forward(self, x):
        q, k, v = self.qkv(x).unflatten(-1, (3, self.num_heads, -1)).permute(2, 0, 3, 1, 4)
        return self.proj(self.merge(self.weigh(q @ k.mT * self.scale) @ v))


class MissingTranspose(Mutant):
    """(B, N, C): the heads are merged without bringing tokens to the front again."""

    def merge(self, heads):
        return heads.reshape(len(heads), heads.shape[2], -1)


class OtherMerge(Mutant):
    """(B, N, C): merged as (D, heads)."""

    def merge(self, heads):
        return heads.permute(0, 2, 3, 1).flatten(2)


class ScaledTwice(Mutant):
    """(B, N, C): the scores are scaled a second time."""

    def weigh(self, scores):
        return super().weigh(scores * self.scale)


class SoftmaxOverQueries(Mutant):
    """(B, N, C): columns sum to 1 in place of rows."""

    def weigh(self, scores):
        return scores.softmax(dim=-2)


class SoftmaxOverHeads(Mutant):
    """(B, N, C): what sums to 1 is the heads, for each query and key."""

    def weigh(self, scores):
        return scores.softmax(dim=1)


class OnePlusSoftmax(Mutant):
    """(B, N, C): exp over 1 plus the sum, so that a query may look at nothing."""

    def weigh(self, scores):
        power = scores.exp()
        return power / (1 + power.sum(-1, keepdim=True))


class SigmoidWeights(Mutant):
    """(B, N, C): every weight by itself, nothing sums to 1."""

    def weigh(self, scores):
        return scores.sigmoid()


class Residual(Mutant):
    """(B, N, C): the input is added to what comes out."""

    def forward(self, x):
        return x + super().forward(x)


class InvertedMask(Mutant):
    """(B, L, C): hides what a causal mask shows: the past and the token itself."""

    def weigh(self, scores):
        seen = torch.ones_like(scores[0, 0]).tril() == 1
        return super().weigh(scores.masked_fill(seen, -1e9))


class StrictMask(Mutant):
    """(B, L, C): causal, off by one: a token does not see itself; the first sees all alike."""

    def weigh(self, scores):
        hidden = torch.ones_like(scores[0, 0]).triu() == 1
        return super().weigh(scores.masked_fill(hidden, -1e9))


class BackwardMask(Mutant):
    """(B, L, C): the triangle on the wrong side: a token sees itself and what comes after."""

    def weigh(self, scores):
        return super().weigh(scores.masked_fill(torch.ones_like(scores[0, 0]).tril(-1) == 1, -1e9))


class KeysForValues(nn.Module):
    """query, key, value as (B, L, C): the layer of keys is given the values, and the other way."""

    def __init__(self, d_model, h):
        super().__init__()
        self.h = h
        self.w_q, self.w_k, self.w_v, self.w_o = (nn.Linear(d_model, d_model) for _ in range(4))

    def forward(self, query, key, value):
        q, k, v = (
            layer(x).unflatten(-1, (self.h, -1)).transpose(1, 2)
            for layer, x in ((self.w_q, query), (self.w_k, value), (self.w_v, key))
        )
        weights = (q @ k.mT / q.shape[-1] ** 0.5).softmax(-1)
        return self.w_o((weights @ v).transpose(1, 2).flatten(2))
