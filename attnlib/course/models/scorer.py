"""Features of frames in, an importance for each frame out: attention over the whole video."""

import torch.nn.functional as F
from torch import Tensor, nn

from attnlib import GlobalLocalAttention
from attnlib.segments import DROPOUT, GlobalLocalMap

EPS = 1e-6  # of both LayerNorms


class FrameScorer(nn.Module):
    """PGL-SUM: how important is each frame for a summary of the video?

    Arguments and their order are those of PGL-SUM's `PGL_SUM`, whose state dict loads as it is;
    `published_state_dict` gives it back. They are explained at `GlobalLocalAttention`. In training
    half of all channels are dropped, twice, as the published code fixes it. Initial parameters are
    PyTorch's own; its trainer draws them anew (Xavier, gain √2).

    Source: PGL-SUM (Apostolidis et al. 2021, ISM), section III.
    """

    def __init__(
        self,
        input_size: int = 1024,
        output_size: int = 1024,
        freq: float = 10000,
        pos_enc: str | None = None,
        num_segments: int | None = None,
        heads: int = 1,
        fusion: str | None = None,
        backend: str = "auto",
    ):
        super().__init__()
        self.attention = GlobalLocalAttention(
            input_size, output_size, freq, pos_enc, num_segments, heads, fusion, backend
        )
        self.linear_1 = nn.Linear(input_size, input_size)
        self.linear_2 = nn.Linear(input_size, 1)
        self.norm_y = nn.LayerNorm(input_size, eps=EPS)
        self.norm_linear = nn.LayerNorm(input_size, eps=EPS)
        self.drop = nn.Dropout(DROPOUT)

    def forward(self, x: Tensor) -> tuple[Tensor, GlobalLocalMap]:
        """(L, C) or (B, L, C) -> importance (L,) or (B, L) in [0, 1], and the maps."""
        # B batch, L frames, C = input_size
        y, maps = self.attention(x)
        y = self.norm_y(self.drop(x + y))  # (B, L, C)
        y = self.norm_linear(self.drop(F.relu(self.linear_1(y))))
        return self.linear_2(y).squeeze(-1).sigmoid(), maps  # (B, L)

    def published_state_dict(self) -> dict[str, Tensor]:
        """The parameters under the published names: `attention.attention.Wk.0.weight`, …"""
        attention = self.attention.published_state_dict()
        rest = {
            name: value.clone()
            for name, value in self.state_dict().items()
            if not name.startswith("attention.")
        }
        return {f"attention.{name}": value for name, value in attention.items()} | rest
