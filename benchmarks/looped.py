"""The same network as `GlobalLocalAttention`, written the published way, in our own words.

A loop over heads and segments, one small Linear each; every head builds its positions anew from
full index grids. `keep_positions=True` is the same loop with the table of a length kept.
"""

import torch
import torch.nn.functional as F
from torch import nn


class LoopedSelfAttention(nn.Module):
    """One branch, one head after the other: (L, C) -> (L, C) and the last head's weights."""

    def __init__(self, input_size, output_size, freq, pos_enc, heads, keep_positions):
        super().__init__()
        self.input_size, self.freq, self.pos_enc = input_size, freq, pos_enc
        head_dim = output_size // heads
        for name in ("Wk", "Wq", "Wv"):
            linears = (nn.Linear(input_size, head_dim, bias=False) for _ in range(heads))
            setattr(self, name, nn.ModuleList(linears))
        self.out = nn.Linear(output_size, input_size, bias=False)
        self.drop = nn.Dropout(0.5)
        self.kept = {} if keep_positions else None

    def forward(self, x):
        outputs = []
        for query, key, value in zip(self.Wq, self.Wk, self.Wv, strict=True):
            scores = query(x) @ key(x).T
            if self.pos_enc is not None:
                scores = scores + self.positions(len(x), x.device)
            weights = scores.softmax(-1)
            outputs.append(self.drop(weights) @ value(x))
        return self.out(torch.cat(outputs, 1)), weights

    def positions(self, length, device):
        if self.kept is None:
            return self.build_positions(length, device)
        if length not in self.kept:
            self.kept[length] = self.build_positions(length, device)
        return self.kept[length]

    def build_positions(self, length, device):
        """(L, L) from the full grids of rows and of pairs of columns, wave by wave."""
        row = torch.arange(length, device=device)[:, None].repeat_interleave(length // 2, dim=1)
        pair = torch.arange(length // 2, device=device).repeat(length, 1)
        table = torch.zeros(length, length, device=device)
        for odd, wave in enumerate((torch.sin, torch.cos)):
            col = 2 * pair + odd
            if self.pos_enc == "absolute":
                angle = row / self.freq ** (2 * pair / self.input_size)
            else:
                angle = (col - row + length - 1) / self.freq ** ((row + col) / (2 * length))
            table[row, col] = wave(angle)
        return table


class LoopedGlobalLocal(nn.Module):
    """Both branches and their fusion by "add", a segment at a time."""

    def __init__(
        self, input_size, output_size, freq, pos_enc, num_segments, heads, keep_positions=False
    ):
        super().__init__()
        self.num_segments = num_segments
        shared = (freq, pos_enc)
        self.attention = LoopedSelfAttention(
            input_size, output_size, *shared, heads, keep_positions
        )
        width = output_size // num_segments
        self.local_attention = nn.ModuleList(
            LoopedSelfAttention(input_size, width, *shared, 4, keep_positions)
            for _ in range(num_segments)
        )

    def forward(self, x):
        y, weights = self.attention(x)
        size = -(-len(x) // self.num_segments)
        for segment, local_attention in enumerate(self.local_attention):
            rows = slice(segment * size, (segment + 1) * size)
            local, _ = local_attention(x[rows])
            y[rows] = F.normalize(y[rows].clone(), dim=1) + F.normalize(local, dim=1)
        return y, weights
