"""Modules of other writers, in our own words, for `same` to look into."""

import torch
from einops import rearrange
from torch import Tensor, nn
from torch.nn.functional import scaled_dot_product_attention


class Interleaved(nn.Module):
    """(B, L, C) -> the same; the rows of one matrix are q, k, v of head 0, of head 1, …"""

    def __init__(self, width: int, heads: int):
        super().__init__()
        self.heads = heads
        self.query_key_value, self.dense = nn.Linear(width, 3 * width), nn.Linear(width, width)

    def forward(self, x: Tensor) -> Tensor:
        rows = self.query_key_value(x)
        q, k, v = rearrange(rows, "b l (h three d) -> three b h l d", three=3, h=self.heads)
        heads = scaled_dot_product_attention(q, k, v)
        return self.dense(rearrange(heads, "b h l d -> b l (h d)"))


class Rotary(nn.Module):
    """(B, L, C) -> the same; channels of q and k turn in twos: d with d + D/2, or 2d with 2d + 1.

    Source: Su et al. 2021 (RoFormer), section 3.4.2: the second way; base 10000.
    """

    def __init__(self, width: int, heads: int, halves: bool):
        super().__init__()
        self.heads, self.axes = heads, "(two d)" if halves else "(d two)"
        self.q, self.k, self.v, self.o = (nn.Linear(width, width, bias=False) for _ in range(4))

    def turn(self, rows: Tensor) -> Tensor:
        """(B, H, L, D) -> the same."""
        length, size = rows.shape[-2:]
        rates = 10000.0 ** (-torch.arange(0, size, 2, dtype=rows.dtype) / size)
        angles = torch.arange(length, dtype=rows.dtype)[:, None] * rates  # (L, D/2)
        cos, sin = angles.cos(), angles.sin()
        one, other = rearrange(rows, f"b h l {self.axes} -> two b h l d", two=2)
        turned = torch.stack([one * cos - other * sin, other * cos + one * sin])
        return rearrange(turned, f"two b h l d -> b h l {self.axes}")

    def forward(self, x: Tensor) -> Tensor:
        parts = (part(x) for part in (self.q, self.k, self.v))
        q, k, v = (rearrange(part, "b l (h d) -> b h l d", h=self.heads) for part in parts)
        heads = scaled_dot_product_attention(self.turn(q), self.turn(k), v)
        return self.o(rearrange(heads, "b h l d -> b l (h d)"))
