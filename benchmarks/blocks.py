"""BlockAttention against other ways to write the same, at the shapes of the published NesTs."""

from collections.abc import Callable, Iterator
from functools import partial

import torch
import torch.nn.functional as F
from einops import rearrange
from torch import nn

from attnlib import BlockAttention
from benchmarks.machine import TOLERANCE, dtype_on
from benchmarks.timing import in_turns, spelled

# timm's nest_tiny, nest_small, nest_base: pictures of 224 × 224, patches of 4, 14 × 14 tokens in a
# block. Tiny and small differ in depth only. A level is (G, C, H).
LEVELS = {
    "tiny, small": ((16, 96, 3), (4, 192, 6), (1, 384, 12)),
    "base": ((16, 128, 4), (4, 256, 8), (1, 512, 16)),
}
TOKENS = 196
VERSIONS = ("ours", "inline", "multihead", "unfused")

HEAD = """\
| NesT | level | what | attnlib | against inline | against nn.MultiheadAttention | against unfused |
|---|---|---|---|---|---|---|"""


def line(row: dict) -> str:
    ratios = " | ".join(f"{row[name] / row['ours']:.2f} ×" for name in VERSIONS[1:])
    time = spelled(row["ours"])
    return f"| {row['nest']} | {row['level']} | {row['what']} | {time} | {ratios} |"


def inline(block: BlockAttention, attend: Callable, x: torch.Tensor) -> torch.Tensor:
    """Projection, attention over four axes, merge and projection: nothing round them."""
    pattern = "b g n (three h d) -> three (b g) h n d"
    q, k, v = rearrange(block.qkv(x), pattern, three=3, h=block.num_heads)  # (B·G, H, N, D)
    y = rearrange(attend(q, k, v), "(b g) h n d -> b g n (d h)", b=len(x))  # (B, G, N, C)
    return block.proj(y)


def five_axes(block: BlockAttention, x: torch.Tensor) -> torch.Tensor:
    """As timm's NesT has it: blocks keep an axis of their own in the fused kernel too."""
    pattern = "b g n (three h d) -> three b h g n d"
    q, k, v = rearrange(block.qkv(x), pattern, three=3, h=block.num_heads)  # (B, H, G, N, D)
    y = F.scaled_dot_product_attention(q, k, v)
    return block.proj(rearrange(y, "b h g n d -> b g n (d h)"))


def unfused(q, k, v):
    """The textbook: the weights are formed."""
    return (q @ k.mT * q.shape[-1] ** -0.5).softmax(-1) @ v


def multihead_of(block: BlockAttention) -> nn.MultiheadAttention:
    """nn.MultiheadAttention with the same parameters; it merges its heads the other way round."""
    theirs = nn.MultiheadAttention(block.dim, block.num_heads, batch_first=True)
    merged = rearrange(block.proj.weight, "o (d h) -> o (h d)", h=block.num_heads)
    theirs.load_state_dict(
        {
            "in_proj_weight": block.qkv.weight,
            "in_proj_bias": block.qkv.bias,
            "out_proj.weight": merged,
            "out_proj.bias": block.proj.bias,
        }
    )
    return theirs


def versions(width: int, heads: int, device: torch.device) -> dict[str, Callable]:
    """Five functions of x (B, G, N, C) that give the same y."""
    torch.manual_seed(0)
    ours = BlockAttention(width, heads, qkv_bias=True)
    theirs = multihead_of(ours)
    for module in (ours, theirs):
        module.to(device, dtype_on(device)).eval()

    def multihead(x):
        blocks = x.flatten(0, 1)  # (B·G, N, C)
        return theirs(blocks, blocks, blocks, need_weights=False)[0].view_as(x)

    return {
        "ours": lambda x: ours(x)[0],
        "inline": partial(inline, ours, F.scaled_dot_product_attention),
        "five axes": partial(five_axes, ours),
        "multihead": multihead,
        "unfused": partial(inline, ours, unfused),
    }


def forward(version, x):
    with torch.inference_mode():
        return version(x)


def forward_backward(version, x):
    x.grad = None
    version(x).sum().backward()


RUNS = {"forward": forward, "forward + backward": forward_backward}


def measure(device: torch.device, pictures: int, levels: dict, repeats: int) -> Iterator[dict]:
    """A row a model, level and kind of run: seconds of each version, in turns."""
    dtype = dtype_on(device)
    for nest, sizes in levels.items():
        for level, (groups, width, heads) in enumerate(sizes, 1):
            compared = versions(width, heads, device)
            size = (pictures, groups, TOKENS, width)
            x = torch.randn(size, dtype=dtype, device=device, requires_grad=True)
            check_same(compared, x.detach())
            for what, run in RUNS.items():
                found = in_turns({n: partial(run, f, x) for n, f in compared.items()}, repeats)
                about = {"nest": nest, "level": level, "shape": list(size), "heads": heads}
                yield about | {"what": what} | found


def check_same(compared: dict[str, Callable], x: torch.Tensor) -> None:
    """Only equal outputs are worth timing against each other."""
    close = TOLERANCE[x.dtype]
    ours = forward(compared["ours"], x)
    for name, version in compared.items():
        torch.testing.assert_close(forward(version, x), ours, **close, msg=name)
