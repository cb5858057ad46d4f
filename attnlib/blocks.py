"""Attention inside blocks of a picture, parameters shared by all blocks: the NesT style."""

from einops import rearrange
from torch import Tensor, nn

from attnlib.attention import attention, check_backend
from attnlib.checks import check_divides, check_probability, check_tokens
from attnlib.layout import merge_heads
from attnlib.maps import AttentionMap


class BlockAttention(nn.Module):
    """Multi-head self-attention in which a token sees the tokens of its own block, no others.

    Arguments and parameter names are those of timm's `nest.Attention`, whose state dict loads as
    it is. Heads are merged channel-major, "d h", as there.

    Args:
        dim: C.
        num_heads: H, must divide dim; D = C / H.
        qkv_bias: whether queries, keys and values get a bias.
        attn_drop, proj_drop: probabilities of dropping a weight, or a channel of the output.
        backend: as in `attnlib.attention`.
    Source: NesT (Zhang et al. 2021, arXiv:2105.12723), section 3.1.
    """

    def __init__(
        self,
        dim: int,
        num_heads: int = 8,
        qkv_bias: bool = False,
        attn_drop: float = 0.0,
        proj_drop: float = 0.0,
        backend: str = "auto",
    ):
        super().__init__()
        check_divides("num_heads", num_heads, "dim", dim)
        check_probability("attn_drop", attn_drop)
        check_probability("proj_drop", proj_drop)
        check_backend(backend)
        self.dim, self.num_heads, self.attn_drop, self.backend = dim, num_heads, attn_drop, backend
        self.qkv = nn.Linear(dim, 3 * dim, bias=qkv_bias)
        self.proj = nn.Linear(dim, dim)
        self.proj_drop = nn.Dropout(proj_drop)

    def forward(self, x: Tensor) -> tuple[Tensor, AttentionMap]:
        """(B, G, N, C) -> y (B, G, N, C), map (B, G, H, N, N)."""
        check_tokens(x, f"(B, G, N, C={self.dim})", self.dim, ranks=(4,))
        # B batch, G blocks, N tokens of a block, C channels, H heads, D = C / H
        qkv = self.qkv(x)  # (B, G, N, 3·C)
        pattern = "b g n (three h d) -> three b g h n d"
        q, k, v = rearrange(qkv, pattern, three=3, h=self.num_heads)  # each (B, G, H, N, D)
        dropout = self.attn_drop if self.training else 0.0
        out, weights = attention(q, k, v, dropout=dropout, backend=self.backend)  # (B, G, H, N, D)
        y = self.proj(merge_heads(out, "d h"))  # (B, G, N, C)
        return self.proj_drop(y), weights
