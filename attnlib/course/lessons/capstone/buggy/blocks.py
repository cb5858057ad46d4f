"""Attention inside blocks of a picture, rewritten."""

from einops import rearrange
from torch import Tensor, nn

from attnlib.attention import attention
from attnlib.maps import AttentionMap


class SuspectBlocks(nn.Module):
    """Attention inside blocks, in the style of NesT: the parameters of `BlockAttention` load.

    Args:
        dim: C.
        num_heads: H, must divide dim; D = C / H.
    """

    def __init__(self, dim: int = 48, num_heads: int = 6):
        super().__init__()
        self.num_heads = num_heads
        self.qkv = nn.Linear(dim, 3 * dim, bias=False)
        self.proj = nn.Linear(dim, dim)

    def forward(self, x: Tensor) -> tuple[Tensor, AttentionMap]:
        """(B, G, N, C) -> y (B, G, N, C), map (B, G, H, N, N)."""
        qkv = self.qkv(x)  # (B, G, N, 3·C)
        pattern = "b g n (three h d) -> three b g h n d"
        q, k, v = rearrange(qkv, pattern, three=3, h=self.num_heads)  # each (B, G, H, N, D)
        out, weights = attention(q, k, v)  # (B, G, H, N, D)
        return self.proj(self.merge(out)), weights

    @staticmethod
    def merge(out):
        """(…, H, N, D) -> (…, N, C): the heads of every token in one row."""
        return out.transpose(-3, -2).flatten(-2)
