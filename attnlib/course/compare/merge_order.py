"""The matrix behind the heads, for heads that were merged in another order."""

from einops import rearrange
from torch import Tensor

from attnlib.checks import check_divides
from attnlib.layout import ORDERS


def permute_merge(out: Tensor, heads: int, old: str, new: str) -> Tensor:
    """The output matrix (…, C, H·D) for heads merged in another order: "h d" or "d h"."""
    for name, order in (("old", old), ("new", new)):
        if order not in ORDERS:
            raise ValueError(f"{name} must be one of {ORDERS}, got {order!r}")
    check_divides("heads", heads, "the columns of out", out.shape[-1])
    return rearrange(out, f"... c ({old}) -> ... c ({new})", h=heads)
