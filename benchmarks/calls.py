"""What a small call costs: all that `attention` looks at, beside the kernel that it calls."""

from collections.abc import Iterator

import torch
import torch.nn.functional as F

from attnlib import attention
from benchmarks.timing import in_turns

HEADS, TOKENS, HEAD_DIM = 8, 16, 8
KERNEL = "scaled_dot_product_attention"

HEAD = """\
| call | time | of the kernel's |
|---|---|---|"""


def line(row: dict) -> str:
    return f"| {row['call']} | {row['seconds'] * 1e6:.1f} µs | {row['ratio']:.2f} × |"


@torch.no_grad()
def measure(device: torch.device, repeats: int) -> Iterator[dict]:
    """A row a call, with its time over that of the kernel alone, in four axes."""
    q, k, v = torch.randn(3, 1, HEADS, TOKENS, HEAD_DIM, device=device)
    bias = torch.randn(TOKENS, TOKENS, device=device)
    took = in_turns(
        {
            KERNEL: lambda: F.scaled_dot_product_attention(q, k, v),
            "attention": lambda: attention(q, k, v),
            "attention, with a bias": lambda: attention(q, k, v, bias=bias),
            "attention, with a mask": lambda: attention(q, k, v, mask=bias > 0),
        },
        repeats,
    )
    for call, seconds in took.items():
        yield {"call": call, "seconds": seconds, "ratio": seconds / took[KERNEL]}
