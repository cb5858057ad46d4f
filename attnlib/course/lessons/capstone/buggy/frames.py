"""Attention over all frames of a video, rewritten without a library."""

from einops import rearrange
from torch import Tensor, nn

from attnlib.layout import merge_heads


class SuspectFrames(nn.Module):
    """PGL-SUM's global branch, without positions: the parameters of `SelfAttention` load.

    Args:
        width: C.
        heads: H, must divide width; D = C / H.
    """

    def __init__(self, width: int = 48, heads: int = 6):
        super().__init__()
        self.heads = heads
        self.qkv = nn.Linear(width, 3 * width, bias=False)
        self.out = nn.Linear(width, width, bias=False)

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """(L, C) -> y (L, C), weights (H, L, L)."""
        qkv = self.qkv(x)  # (L, 3·H·D)
        q, k, v = rearrange(qkv, "l (three h d) -> three h l d", three=3, h=self.heads)
        weights = self.weights(q, k)  # (H, L, L)
        return self.out(merge_heads(weights @ v)), weights

    @staticmethod
    def weights(q, k):
        """(H, L, D), twice -> (H, L, L): queries down, keys across."""
        scores = q @ k.mT  # PGL-SUM does not scale them
        return scores.softmax(dim=1)
