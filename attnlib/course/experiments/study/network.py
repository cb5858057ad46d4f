"""The network of the study: one attention at any setting of the dials, in a small network."""

from collections.abc import Mapping

import torch
from torch import Tensor, nn

from attnlib.course.compare import DialledAttention
from attnlib.course.experiments.study.tasks import GROUPS, LENGTH

WIDTH, HEADS = 48, 6
PARAMETERS = 60_000  # of every network, to within half a row of the feed-forward layer


class Network(nn.Module):
    """Embedding and learned positions, attention, feed-forward layer, readout.

    Where the attention has fewer parameters, the feed-forward layer is wider (`hidden`): the count
    is the same at all settings. Their kind is not.

    Args:
        dials: of the attention; None leaves it out.
        features: F.
        classes: the width of the logits.
        per_token: logits for every token, (B, L, classes), or for their mean, (B, classes).
    """

    def __init__(self, dials: Mapping | None, features: int, classes: int, per_token: bool):
        super().__init__()
        self.per_token = per_token
        # Parameters that no dial affects come first: then a seed draws the same at all settings.
        self.embed = nn.Linear(features, WIDTH)
        self.positions = nn.Parameter(torch.randn(LENGTH, WIDTH) / 10)
        self.readout = nn.Linear(WIDTH, classes)
        self.norms = nn.ModuleList(nn.LayerNorm(WIDTH) for _ in range(3))
        self.attention = None if dials is None else DialledAttention(dials, WIDTH, HEADS, GROUPS)
        left = PARAMETERS - count(self)
        self.hidden = round((left - WIDTH) / (2 * WIDTH + 1))
        self.feed_forward = nn.Sequential(
            nn.Linear(WIDTH, self.hidden), nn.GELU(), nn.Linear(self.hidden, WIDTH)
        )

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor | None]:
        """(B, L, F) -> logits (B, L, classes), or (B, classes), and the map of the attention."""
        x = self.embed(x) + self.positions  # (B, L, C)
        weights = None
        if self.attention is not None:
            y, weights = self.attention(self.norms[0](x))
            x = x + y
        x = x + self.feed_forward(self.norms[1](x))
        x = self.norms[2](x)
        return self.readout(x if self.per_token else x.mean(-2)), weights


def count(module: nn.Module) -> int:
    """How many parameters it has."""
    return sum(parameter.numel() for parameter in module.parameters())
