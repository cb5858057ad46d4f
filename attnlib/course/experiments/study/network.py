"""The network of the study: one attention in a small network, and how a seed draws it."""

import zlib
from collections.abc import Mapping

import torch
from torch import Tensor, nn

from attnlib.course.compare import DialledAttention
from attnlib.course.compare.merge_order import permute_merge
from attnlib.course.experiments.study.montages import GROUPS, LENGTH

WIDTH = 48  # C
PARAMETERS = 60_000  # of every network, to within half a row of the feed-forward layer
HEAD_DIM = 8  # D, where a setting says nothing else
WIDEST = 700  # hidden width at which a seed draws the feed-forward layer; the rest is cut off


class Network(nn.Module):
    """Embedding and learned positions, attention, feed-forward layer, readout.

    Where the attention has fewer parameters, the feed-forward layer is wider (`hidden`): the count
    is the same at all settings. Their kind is not.

    Args:
        dials: of the attention; None leaves it out.
        features: F.
        classes: the width of the logits.
        per_token: logits for every token, (B, L, classes), or for their mean, (B, classes).
        head_dim: D; as many heads as fit into the width, one at least.
        hidden: of the feed-forward layer, for a network of another size.
    """

    def __init__(
        self,
        dials: Mapping | None,
        features: int,
        classes: int,
        per_token: bool,
        *,
        head_dim: int = HEAD_DIM,
        hidden: int | None = None,
    ):
        super().__init__()
        self.per_token = per_token
        self.embed = nn.Linear(features, WIDTH)
        self.positions = nn.Parameter(torch.empty(LENGTH, WIDTH))
        self.readout = nn.Linear(WIDTH, classes)
        self.norms = nn.ModuleList(nn.LayerNorm(WIDTH) for _ in range(3))
        self.attention = None
        if dials is not None:
            heads = max(1, WIDTH // head_dim)
            self.attention = DialledAttention(dials, WIDTH, heads, GROUPS, head_dim=head_dim)
        left = PARAMETERS - count(self)
        self.hidden = round((left - WIDTH) / (2 * WIDTH + 1)) if hidden is None else hidden
        self.feed_forward = nn.Sequential(
            nn.Linear(WIDTH, self.hidden), nn.GELU(), nn.Linear(self.hidden, WIDTH)
        )

    def forward(self, x: Tensor) -> tuple[Tensor, None]:
        """(B, L, F) -> logits (B, L, classes), or (B, classes); None, as `training.fit` wants."""
        x = self.embed(x) + self.positions  # (B, L, C)
        if self.attention is not None:
            x = x + self.attention(self.norms[0](x))[0]
        x = x + self.feed_forward(self.norms[1](x))
        x = self.norms[2](x)
        return self.readout(x if self.per_token else x.mean(-2)), None


def count(module: nn.Module) -> int:
    """How many parameters it has."""
    return sum(parameter.numel() for parameter in module.parameters())


@torch.no_grad()
def draw(network: Network, seed: int) -> Network:
    """Give the network the parameters of a seed: common random numbers for all settings.

    Each tensor has a generator of its own, so that what two settings share starts equal, to the
    bit. The two starts of the attention are the same uniform numbers, shaped in two ways. A
    feed-forward layer is the first rows of the widest. Heads that are merged in the order "h d"
    have the columns of the output matrix permuted: the network computes the same.
    """
    for name, parameter in network.named_parameters():
        generator = torch.Generator().manual_seed(zlib.crc32(f"{seed}/{name}".encode()))
        value = _start(network, name, parameter.shape, generator)
        if value is not None:
            parameter.copy_(value)
    return network


def _start(network, name, shape, generator):
    """The first value of a parameter; None for one that a seed does not decide: it stays."""
    module, _, kind = name.rpartition(".")
    if name == "positions":
        return torch.randn(shape, generator=generator) / 10
    if name.startswith("attention"):
        if kind not in ("qkv", "out"):
            return None
        branch = network.get_submodule(module)
        return _matrices(network.attention.dials, kind, shape, branch["qkv"].shape[2], generator)
    if name.startswith("norms"):
        return None
    wide = [WIDEST if size == network.hidden else size for size in shape]
    cut = tuple(slice(size) for size in shape)
    bound = network.get_submodule(module).in_features ** -0.5
    return _uniform(wide, generator)[cut] * bound


def _matrices(dials, kind, shape, heads, generator):
    """Those of all groups and heads, spread as `DialledAttention` spreads them."""
    uniform = _uniform(shape, generator)
    if dials["initial"] == "normal .02":
        value = 0.02 * 2**0.5 * torch.erfinv(uniform)  # timm cuts at ±2, which is 100 of its σ
    else:
        value = uniform * 2**0.5 * (6 / sum(shape[-2:])) ** 0.5
    if kind == "out" and dials["merge"] == "h d":
        return permute_merge(value, heads, "d h", "h d")
    return value


def _uniform(shape, generator):
    """Between −1 and 1, and neither of the two."""
    return 2 * torch.rand(shape, generator=generator).clamp(1e-6, 1 - 1e-6) - 1
