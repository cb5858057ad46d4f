"""The same form written in other ways, and forms with fewer free parameters."""

import torch
from torch import nn
from torch.nn import functional

from tests.zoo.language import causal


class EinsumAttention(nn.Module):
    """(B, N, C): to_qkv and to_out, everything between by einsum."""

    def __init__(self, dim, heads):
        super().__init__()
        self.heads = heads
        self.to_qkv = nn.Linear(dim, 3 * dim, bias=False)
        self.to_out = nn.Linear(dim, dim)

    def forward(self, x):
        q, k, v = self.to_qkv(x).unflatten(-1, (3, self.heads, -1)).unbind(2)
        scores = torch.einsum("bihd,bjhd->bhij", q, k) * q.shape[-1] ** -0.5
        out = torch.einsum("bhij,bjhd->bihd", scores.softmax(-1), v)
        return self.to_out(out.flatten(2))


class BmmAttention(nn.Module):
    """(B, N, C): heads folded into the batch, baddbmm for the scores."""

    def __init__(self, embed_dim, num_heads):
        super().__init__()
        self.num_heads, self.head_dim = num_heads, embed_dim // num_heads
        self.kqv = nn.Linear(embed_dim, 3 * embed_dim, bias=False)  # k comes first
        self.out = nn.Linear(embed_dim, embed_dim)

    def forward(self, x):
        batch, length, _ = x.shape
        k, q, v = (
            part.reshape(batch, length, self.num_heads, self.head_dim)
            .transpose(1, 2)
            .reshape(-1, length, self.head_dim)
            for part in self.kqv(x).chunk(3, dim=-1)
        )
        nothing = x.new_zeros(1, length, length)
        scores = torch.baddbmm(nothing, q, k.mT, beta=0, alpha=self.head_dim**-0.5)
        out = torch.bmm(scores.softmax(-1), v).unflatten(0, (batch, self.num_heads))
        return self.out(out.transpose(1, 2).reshape(batch, length, -1))


class ExpSumAttention(nn.Module):
    """(B, N, C): the softmax by hand, exp over its sum; the scale is 1/√C, not 1/√D."""

    def __init__(self, dim, heads):
        super().__init__()
        self.heads = heads
        self.qkv = nn.Linear(dim, 3 * dim, bias=False)
        self.proj = nn.Linear(dim, dim)

    def forward(self, x):
        q, k, v = self.qkv(x).unflatten(-1, (3, self.heads, -1)).permute(2, 0, 3, 1, 4)
        scores = q @ k.mT / x.shape[-1] ** 0.5
        power = torch.exp(scores - scores.amax(-1, keepdim=True))
        out = power @ v / power.sum(-1, keepdim=True)  # divided behind the sum over keys
        return self.proj(out.transpose(1, 2).flatten(2))


class SdpaAttention(nn.Module):
    """(B, N, C): three matrices and scaled_dot_product_attention."""

    def __init__(self, width, num_heads):
        super().__init__()
        self.num_heads = num_heads
        self.query = nn.Linear(width, width, bias=False)
        self.key = nn.Linear(width, width, bias=False)
        self.value = nn.Linear(width, width, bias=False)
        self.project = nn.Linear(width, width)

    def forward(self, x):
        q, k, v = (
            layer(x).unflatten(-1, (self.num_heads, -1)).transpose(1, 2)
            for layer in (self.query, self.key, self.value)
        )
        out = functional.scaled_dot_product_attention(q, k, v)
        return self.project(out.transpose(1, 2).flatten(2))


class SequenceFirstAttention(nn.Module):
    """(L, B, C): the sequence is the first axis, in_proj holds q, k and v."""

    def __init__(self, embed_dim, num_heads):
        super().__init__()
        self.num_heads = num_heads
        self.in_proj = nn.Linear(embed_dim, 3 * embed_dim)
        self.out_proj = nn.Linear(embed_dim, embed_dim)

    def forward(self, x):
        length, batch, width = x.shape
        q, k, v = self.in_proj(x).chunk(3, dim=-1)
        shape = length, batch * self.num_heads, width // self.num_heads
        q, k, v = (part.contiguous().view(shape).transpose(0, 1) for part in (q, k, v))
        weights = torch.bmm(q / shape[-1] ** 0.5, k.transpose(1, 2)).softmax(-1)
        return self.out_proj(torch.bmm(weights, v).transpose(0, 1).reshape(length, batch, width))


class FunctionalAttention(nn.Module):
    """(L, B, C): torch's multi_head_attention_forward on parameters of its own."""

    def __init__(self, dim, heads):
        super().__init__()
        self.heads = heads
        self.in_weight = nn.Parameter(torch.randn(3 * dim, dim) * dim**-0.5)
        self.in_bias = nn.Parameter(torch.zeros(3 * dim))
        self.out = nn.Linear(dim, dim)

    def forward(self, src):
        out, _ = functional.multi_head_attention_forward(
            src,
            src,
            src,
            embed_dim_to_check=src.shape[-1],
            num_heads=self.heads,
            in_proj_weight=self.in_weight,
            in_proj_bias=self.in_bias,
            bias_k=None,
            bias_v=None,
            add_zero_attn=False,
            dropout_p=0.0,
            out_proj_weight=self.out.weight,
            out_proj_bias=self.out.bias,
            training=self.training,
            need_weights=False,
        )
        return out


class FrameAttention(nn.Module):
    """(L, C) -> (out, weights), the style of PGL-SUM's attention: no scale, no bias anywhere."""

    def __init__(self, input_size, output_size, heads, pos_enc=False):
        super().__init__()
        self.heads, self.output_size, self.pos_enc = heads, output_size, pos_enc
        self.Wq = nn.Linear(input_size, output_size, bias=False)
        self.Wk = nn.Linear(input_size, output_size, bias=False)
        self.Wv = nn.Linear(input_size, output_size, bias=False)
        self.out = nn.Linear(output_size, input_size, bias=False)

    def forward(self, x):
        queries, keys, values = (
            layer(x).view(len(x), self.heads, -1).transpose(0, 1)
            for layer in (self.Wq, self.Wk, self.Wv)
        )
        energies = queries @ keys.mT
        if self.pos_enc:
            i = torch.arange(len(x), dtype=x.dtype, device=x.device)
            energies = energies + torch.cos(i[:, None] - i)
        weights = energies.softmax(-1)
        return self.out((weights @ values).transpose(0, 1).flatten(1)), weights


class HeadListAttention(nn.Module):
    """(B, N, C): lists of matrices, one a head, and the heads' outputs are added."""

    def __init__(self, dim, heads):
        super().__init__()
        narrow = [nn.Linear(dim, dim // heads, bias=False) for _ in range(3 * heads)]
        self.queries = nn.ModuleList(narrow[:heads])
        self.keys = nn.ModuleList(narrow[heads : 2 * heads])
        self.values = nn.ModuleList(narrow[2 * heads :])
        self.outs = nn.ModuleList(nn.Linear(dim // heads, dim, bias=False) for _ in range(heads))

    def forward(self, x):
        total = 0
        for query, key, value, out in zip(
            self.queries, self.keys, self.values, self.outs, strict=True
        ):
            scores = query(x) @ key(x).mT / key.out_features**0.5
            total = total + out(scores.softmax(-1) @ value(x))
        return total


class HeadTensorAttention(nn.Module):
    """(B, N, C): parameters as (H, C, D) and (H, D, C), as JAX code keeps them."""

    def __init__(self, dim, heads):
        super().__init__()
        shape = heads, dim, dim // heads
        self.wq = nn.Parameter(torch.randn(shape) * dim**-0.5)
        self.wk = nn.Parameter(torch.randn(shape) * dim**-0.5)
        self.wv = nn.Parameter(torch.randn(shape) * dim**-0.5)
        self.wo = nn.Parameter(torch.randn(heads, dim // heads, dim) * dim**-0.5)

    def forward(self, x):
        q, k, v = (torch.einsum("bnc,hcd->bhnd", x, w) for w in (self.wq, self.wk, self.wv))
        out = functional.scaled_dot_product_attention(q, k, v)
        return torch.einsum("bhnd,hdc->bnc", out, self.wo)


class ProductAttention(nn.Module):
    """(B, N, C): the matrix of q, k and v is a product of two, of the given rank."""

    def __init__(self, dim, heads, rank):
        super().__init__()
        self.heads = heads
        self.down = nn.Linear(dim, rank, bias=False)
        self.up = nn.Linear(rank, 3 * dim, bias=False)
        self.proj = nn.Linear(dim, dim, bias=False)

    def forward(self, x):
        qkv = self.up(self.down(x)).unflatten(-1, (3, self.heads, -1)).permute(2, 0, 3, 1, 4)
        out = functional.scaled_dot_product_attention(*qkv)
        return self.proj(out.transpose(1, 2).flatten(2))


class LatentAttention(nn.Module):
    """(B, N, C): k and v are made of one narrow latent, DeepSeek's idea, no norm, no rotary."""

    def __init__(self, dim, heads, latent):
        super().__init__()
        self.heads = heads
        self.q_proj = nn.Linear(dim, dim, bias=False)
        self.kv_down = nn.Linear(dim, latent, bias=False)
        self.kv_up = nn.Linear(latent, 2 * dim, bias=False)
        self.o_proj = nn.Linear(dim, dim, bias=False)

    def forward(self, x):
        q = self.q_proj(x).unflatten(-1, (self.heads, -1)).transpose(1, 2)
        kv = self.kv_up(self.kv_down(x)).unflatten(-1, (self.heads, 2, -1))
        k, v = kv.permute(3, 0, 2, 1, 4)
        weights = (q @ k.mT * q.shape[-1] ** -0.5).softmax(-1)
        return self.o_proj((weights @ v).transpose(1, 2).flatten(2))


class BilinearAttention(nn.Module):
    """(B, N, C): a C × C matrix a head for the scores and one for the values, nothing narrow."""

    def __init__(self, dim, heads=1):
        super().__init__()
        self.scores = nn.Parameter(torch.randn(heads, dim, dim) / dim)
        self.values = nn.Parameter(torch.randn(heads, dim, dim) * dim**-0.5)

    def forward(self, x):
        x = x.unsqueeze(1)  # (B, 1, N, C)
        weights = (x @ self.scores @ x.mT).softmax(-1)
        return (weights @ x @ self.values.mT).sum(1)


class TiedAttention(nn.Module):
    """(B, N, C), Reformer's idea: one head whose queries are its keys."""

    def __init__(self, dim):
        super().__init__()
        self.to_qk = nn.Linear(dim, dim, bias=False)
        self.to_v = nn.Linear(dim, dim, bias=False)

    def forward(self, x):
        qk = self.to_qk(x)
        return (qk @ qk.mT * qk.shape[-1] ** -0.5).softmax(-1) @ self.to_v(x)


class GroupedAttention(nn.Module):
    """(B, N, C): fewer heads of k and v, repeated; kv_heads = 1 is multi-query attention."""

    def __init__(self, dim, heads, kv_heads):
        super().__init__()
        self.heads, self.kv_heads = heads, kv_heads
        narrow = dim // heads * kv_heads
        self.sizes = [dim, narrow, narrow]
        self.qkv = nn.Linear(dim, sum(self.sizes), bias=False)
        self.proj = nn.Linear(dim, dim, bias=False)

    def forward(self, x):
        q, k, v = (
            part.unflatten(-1, (count, -1)).transpose(1, 2)
            for part, count in zip(
                self.qkv(x).split(self.sizes, dim=-1),
                (self.heads, self.kv_heads, self.kv_heads),
                strict=True,
            )
        )
        k, v = (part.repeat_interleave(self.heads // self.kv_heads, dim=1) for part in (k, v))
        out = functional.scaled_dot_product_attention(q, k, v)
        return self.proj(out.transpose(1, 2).flatten(2))


class GroupedEinsumAttention(nn.Module):
    """(B, N, C): shared heads without repeating: queries carry an axis for the group's members."""

    def __init__(self, dim, heads, kv_heads):
        super().__init__()
        self.kv_heads, self.head_dim = kv_heads, dim // heads
        self.q = nn.Linear(dim, dim, bias=False)
        self.kv = nn.Linear(dim, 2 * kv_heads * self.head_dim, bias=False)
        self.o = nn.Linear(dim, dim, bias=False)

    def forward(self, x):
        q = self.q(x).unflatten(-1, (self.kv_heads, -1, self.head_dim))  # (B, N, groups, m, D)
        k, v = self.kv(x).unflatten(-1, (self.kv_heads, 2, self.head_dim)).unbind(-2)
        scores = torch.einsum("bigmd,bjgd->bgmij", q, k) / self.head_dim**0.5
        out = torch.einsum("bgmij,bjgd->bigmd", scores.softmax(-1), v)
        return self.o(out.flatten(2))


class BandAttention(nn.Module):
    """(B, L, C): causal, with a window (None: all), by a mask on the full scores."""

    def __init__(self, dim, heads, window=None):
        super().__init__()
        self.heads, self.window = heads, window
        self.qkv = nn.Linear(dim, 3 * dim)
        self.proj = nn.Linear(dim, dim)

    def forward(self, x):
        q, k, v = self.qkv(x).unflatten(-1, (3, self.heads, -1)).permute(2, 0, 3, 1, 4)
        scores = q @ k.mT * q.shape[-1] ** -0.5
        hidden = ~causal(x.shape[1], x.device, self.window)
        weights = scores.masked_fill(hidden, -torch.inf).softmax(-1)
        return self.proj((weights @ v).transpose(1, 2).flatten(2))


class RowAttention(nn.Module):
    """(B, L, C): a causal window, query by query, each on the slice of keys that it sees."""

    def __init__(self, dim, heads, window):
        super().__init__()
        self.heads, self.window = heads, window
        self.wq, self.wk, self.wv, self.wo = (nn.Linear(dim, dim) for _ in range(4))

    def forward(self, x):
        q, k, v = (
            layer(x).unflatten(-1, (self.heads, -1)).transpose(1, 2)
            for layer in (self.wq, self.wk, self.wv)
        )
        rows = []
        for i in range(x.shape[1]):
            near = slice(max(0, i - self.window + 1), i + 1)
            scores = q[:, :, i : i + 1] @ k[:, :, near].mT / q.shape[-1] ** 0.5
            rows.append(scores.softmax(-1) @ v[:, :, near])
        return self.wo(torch.cat(rows, dim=2).transpose(1, 2).flatten(2))


class ChunkedAttention(nn.Module):
    """(B, L, C): groups of `size` neighbours attend within themselves; L is a multiple of size."""

    def __init__(self, dim, heads, size):
        super().__init__()
        self.heads, self.size = heads, size
        self.qkv = nn.Linear(dim, 3 * dim, bias=False)
        self.proj = nn.Linear(dim, dim)

    def forward(self, x):
        groups = x.unflatten(1, (-1, self.size))  # (B, G, N, C)
        q, k, v = self.qkv(groups).unflatten(-1, (3, self.heads, -1)).permute(3, 0, 1, 4, 2, 5)
        out = functional.scaled_dot_product_attention(q, k, v)  # (B, G, H, N, D)
        return self.proj(out.transpose(2, 3).flatten(3).flatten(1, 2))


class GroupMaskAttention(nn.Module):
    """(B, L, C): groups of `size` neighbours, by a mask on the full scores; any L."""

    def __init__(self, dim, heads, size):
        super().__init__()
        self.heads, self.size = heads, size
        self.wq = nn.Linear(dim, dim, bias=False)
        self.wk = nn.Linear(dim, dim, bias=False)
        self.wv = nn.Linear(dim, dim, bias=False)
        self.wo = nn.Linear(dim, dim)

    def forward(self, x):
        q, k, v = (
            layer(x).unflatten(-1, (self.heads, -1)).transpose(1, 2)
            for layer in (self.wq, self.wk, self.wv)
        )
        group = torch.arange(x.shape[1], device=x.device) // self.size
        apart = group[:, None] != group
        scores = (q @ k.mT / q.shape[-1] ** 0.5).masked_fill(apart, -torch.inf)
        return self.wo((scores.softmax(-1) @ v).transpose(1, 2).flatten(2))
