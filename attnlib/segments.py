"""Attention over all frames and, beside it, inside segments of their own: the PGL-SUM style."""

from typing import Any, NamedTuple

import torch
import torch.nn.functional as F
from einops import rearrange
from torch import Tensor, nn

from attnlib import published
from attnlib.attention import attention, check_backend
from attnlib.checks import check_count, check_divides, check_tokens
from attnlib.layout import merge_heads, segment_slices
from attnlib.maps import AttentionMap
from attnlib.positions import PositionsByLength

FUSIONS: dict[str, Any] = {
    "add": torch.add,
    "mult": torch.mul,
    "avg": lambda whole, local: (whole + local) / 2,
    "max": torch.maximum,
}
DROPOUT = 0.5  # of the weights, in training: the published code fixes it
LOCAL_HEADS = 4  # in every segment: likewise


class SelfAttention(nn.Module):
    """Multi-head self-attention of all frames, unscaled, with positions added to the scores.

    All heads are computed together. `load_state_dict` takes its own keys (`qkv.weight`: the rows
    of all queries, keys and values stacked; `out.weight`) and the published ones (`Wq.0.weight`,
    …, `out.weight`); `published_state_dict` gives those back. Initial parameters follow the
    distributions of the published layers, uniform in ±C^-½ and ±output_size^-½. (Its trainer
    re-initialises per head: Xavier, gain √2.)

    Args:
        input_size: C, the width of a frame's features.
        output_size: H·D, the width of all heads together; the output is C wide again.
        freq: of the sinusoids.
        heads: H, must divide output_size.
        pos_enc: None, "absolute" or "relative": see `attnlib.positions`.
        backend: as in `attnlib.attention`.
    Source: PGL-SUM (Apostolidis et al. 2021, ISM), section III. The published forward takes one
        video and returns the last head's map only: `map.weights()[..., -1, :, :]`. It fails with
        positions on a single frame, which works here.
    """

    def __init__(
        self,
        input_size: int = 1024,
        output_size: int = 1024,
        freq: float = 10000,
        heads: int = 1,
        pos_enc: str | None = None,
        backend: str = "auto",
    ):
        super().__init__()
        check_count("input_size", input_size)
        check_divides("heads", heads, "output_size", output_size)
        check_backend(backend)
        self.input_size, self.output_size, self.heads = input_size, output_size, heads
        self.backend = backend
        self.positions = PositionsByLength(pos_enc, input_size, freq)
        self.qkv = nn.Linear(input_size, 3 * output_size, bias=False)
        self.out = nn.Linear(output_size, input_size, bias=False)
        self.register_load_state_dict_pre_hook(published.load_self)

    def forward(self, x: Tensor) -> tuple[Tensor, AttentionMap]:
        """(L, C) or (B, L, C) -> y of the same shape, map (H, L, L) or (B, H, L, L)."""
        check_tokens(x, f"(L, C={self.input_size}) or (B, L, C)", self.input_size, ranks=(2, 3))
        # B batch, L frames, C channels, H heads, D = output_size / H
        qkv = self.qkv(x)  # (B, L, 3·H·D)
        q, k, v = rearrange(qkv, "... l (three h d) -> three ... h l d", three=3, h=self.heads)
        bias = self.positions(x.shape[-2])
        dropout = DROPOUT if self.training else 0.0
        how: dict[str, Any] = {"scale": 1.0, "dropout": dropout, "backend": self.backend}
        out, weights = attention(q, k, v, bias=bias, **how)  # (B, H, L, D)
        return self.out(merge_heads(out)), weights  # (B, L, C), (B, H, L, L)

    def published_state_dict(self) -> dict[str, Tensor]:
        """The parameters under the published names: one Linear a head."""
        return published.split(self.qkv.weight, self.out.weight, self.heads)


class SegmentAttention(nn.Module):
    """Self-attention inside each segment, with parameters of its own: the local branch.

    All equal segments are computed together; a shorter last one follows by itself. Parameters are
    stacked over the G segments: `qkv` (G, 3·H·D, C) and `out` (G, C, H·D), where H = 4 and H·D =
    output_size // G. They start as the published layers do, uniform in ±C^-½ and ±(H·D)^-½.
    """

    def __init__(
        self,
        input_size: int,
        output_size: int,
        num_segments: int,
        freq: float = 10000,
        pos_enc: str | None = None,
        backend: str = "auto",
    ):
        super().__init__()
        width = output_size // num_segments
        if width < LOCAL_HEADS or width % LOCAL_HEADS:
            raise ValueError(
                f"output_size // num_segments must be a multiple of {LOCAL_HEADS}, the heads of a "
                f"segment, got {output_size} // {num_segments} = {width}"
            )
        self.num_segments, self.heads, self.backend = num_segments, LOCAL_HEADS, backend
        self.qkv = nn.Parameter(torch.empty(num_segments, 3 * width, input_size))
        self.out = nn.Parameter(torch.empty(num_segments, input_size, width))
        # Not nn.init's Kaiming: on stacked parameters it takes G into the fan.
        nn.init.uniform_(self.qkv, -(input_size**-0.5), input_size**-0.5)
        nn.init.uniform_(self.out, -(width**-0.5), width**-0.5)
        self.positions = PositionsByLength(pos_enc, input_size, freq)
        self.last_positions = PositionsByLength(pos_enc, input_size, freq)
        self.register_load_state_dict_pre_hook(published.load_segments)

    def forward(self, x: Tensor) -> tuple[Tensor, tuple[AttentionMap, ...]]:
        """(…, L, C) -> y (…, L, C) and a map (…, H, N, N) for each segment, N = 0 where empty."""
        if torch.compiler._is_exporting_flag:  # is_exporting() is True in all that 2.11 compiles
            return self._as_one(x), ()
        size = segment_slices(x.shape[-2], self.num_segments)[0].stop
        y, maps = self.part(x, size, 0)
        empty = x.new_empty(*x.shape[:-2], self.heads, 0, self.out.shape[-1] // self.heads)
        nothing = AttentionMap(empty, empty, scale=1.0)
        return y, maps + (nothing,) * (self.num_segments - len(maps))

    def part(self, x: Tensor, size: int, first: int) -> tuple[Tensor, tuple[AttentionMap, ...]]:
        """(…, L, C), segments of `size` from number `first` on -> y (…, L, C), a map for each."""
        count = x.shape[-2] // size  # segments of full size
        equal, rest = x[..., : count * size, :], x[..., count * size :, :]
        y, maps, end = x[..., :0, :], (), first + count
        if count:
            equal = equal.unflatten(-2, (count, size))
            y, maps = self._attend(equal, slice(first, end), self.positions(size))
            y = y.flatten(-3, -2)  # (…, G·N, C)
        if rest.shape[-2]:
            bias = self.last_positions(rest.shape[-2])
            last, last_map = self._attend(rest.unsqueeze(-3), slice(end, end + 1), bias)
            y, maps = torch.cat([y, last.squeeze(-3)], -2), maps + last_map
        return y, maps

    def _as_one(self, x):
        """y (…, L, C) in the same steps for every length, as a program that is exported needs.

        All tokens meet, and a mask parts the segments: slower.
        """
        length, count = x.shape[-2], self.num_segments
        size = (length + count - 1) // count
        index = torch.arange(length, device=x.device)
        segment, here = index // size, index % size
        one_hot = (segment[:, None] == torch.arange(count, device=x.device)).to(x.dtype)  # (L, G)
        qkv = torch.einsum("...lc,gec,lg->...le", x, self.qkv, one_hot)  # (…, L, 3·H·D)
        positions = self.positions((length - segment * size).clamp(max=size)[:, None])
        bias = None if positions is None else positions(here[:, None], here)  # (L, L)
        heads, _ = self._of_heads(qkv, bias, segment[:, None] == segment)
        return torch.einsum("...le,gce,lg->...lc", merge_heads(heads), self.out, one_hot)

    def _attend(self, x, segments, bias):
        """(…, G, N, C) with the parameters of those segments -> y (…, G, N, C), G maps."""
        whole = segments.stop - segments.start == self.num_segments  # a slice's gradient is a copy
        qkv, out = (x if whole else x[segments] for x in (self.qkv, self.out))
        heads, weights = self._of_heads(torch.einsum("...gnc,gec->...gne", x, qkv), bias)
        y = torch.einsum("...gne,gce->...gnc", merge_heads(heads), out)
        return y, weights.unbind()

    def _of_heads(self, qkv, bias, mask=None):
        """(…, N, 3·H·D) -> heads (…, H, N, D) and their map (…, H, N, N)."""
        q, k, v = rearrange(qkv, "... n (three h d) -> three ... h n d", three=3, h=self.heads)
        how = {"bias": bias, "mask": mask, "backend": self.backend}
        return attention(q, k, v, scale=1.0, dropout=DROPOUT * self.training, **how)

    def published_state_dict(self) -> dict[str, Tensor]:
        """The parameters under the published names: `0.Wk.0.weight`, …, for each segment."""
        return {
            f"{segment}.{key}": value
            for segment, (qkv, out) in enumerate(zip(self.qkv, self.out, strict=True))
            for key, value in published.split(qkv, out, self.heads).items()
        }


class GlobalLocalMap(NamedTuple):
    """`whole`: (…, H, L, L), the global branch. `segments`: a map (…, 4, N, N) for each segment."""

    whole: AttentionMap
    segments: tuple[AttentionMap, ...]

    def detach(self) -> "GlobalLocalMap":
        """The same maps without their graphs."""
        return GlobalLocalMap(self.whole.detach(), tuple(m.detach() for m in self.segments))


class GlobalLocalAttention(nn.Module):
    """Global attention over all frames and local attention in segments, fused row by row.

    Arguments are those of PGL-SUM's `MultiAttention`, whose state dict loads as it is.

    Args:
        input_size: C, the width of a frame's features and of the output.
        output_size: H·D of the global branch; the local one is output_size // num_segments wide,
            which its 4 heads must divide.
        freq, pos_enc: positions of both branches, see `SelfAttention`.
        num_segments: None, for no local branch, or at least 2; needs a fusion.
        heads: H of the global branch, must divide output_size.
        fusion: None, "add", "mult", "avg" or "max": see `fuse`. (The published code takes
            segments without a fusion, and then never runs its local branch: refused here.)
        backend: of both branches, as in `attnlib.attention`.
    Source: PGL-SUM (Apostolidis et al. 2021, ISM), section III. The published code fails where a
        segment is empty, or has one frame and positions; both work here.
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
        self.fusion = None if fusion is None else _check_fusion(fusion)
        self.attention = SelfAttention(input_size, output_size, freq, heads, pos_enc, backend)
        self.local_attention = None
        if (num_segments is None) != (fusion is None):
            raise ValueError(
                "num_segments and fusion must be given together or not at all, "
                f"got {num_segments=}, {fusion=}"
            )
        if num_segments is not None:
            check_count("num_segments", num_segments, least=2)
            self.local_attention = SegmentAttention(
                input_size, output_size, num_segments, freq, pos_enc, backend
            )

    def forward(self, x: Tensor) -> tuple[Tensor, GlobalLocalMap]:
        """(L, C) or (B, L, C) -> y of the same shape, and the maps of both branches."""
        y, whole = self.attention(x)
        if self.local_attention is None or self.fusion is None:  # neither without the other
            return y, GlobalLocalMap(whole, ())
        local, segments = self.local_attention(x)
        return fuse(y, local, self.fusion), GlobalLocalMap(whole, segments)

    def published_state_dict(self) -> dict[str, Tensor]:
        """The parameters under the published names (`attention.Wk.0.weight`, …)."""
        parts = {"attention": self.attention, "local_attention": self.local_attention}
        return {
            f"{name}.{key}": value
            for name, part in parts.items()
            if part is not None
            for key, value in part.published_state_dict().items()
        }


def fuse(whole: Tensor, local: Tensor, fusion: str) -> Tensor:
    """Normalise the rows of both, then combine them element by element.

    Args:
        whole, local: (…, L, C).
        fusion: "add", "mult", "avg" or "max".
    Returns:
        (…, L, C). For independent rows its norm is about 1.41 for add, 1.00 for max, 0.71 for
        avg and C^-½ for mult.
    Source: PGL-SUM (Apostolidis et al. 2021, ISM), section III.
    """
    combine = FUSIONS[_check_fusion(fusion)]
    return combine(F.normalize(whole, dim=-1), F.normalize(local, dim=-1))


def _check_fusion(fusion: str) -> str:
    """The lower-case name; upper case is taken, as the published code takes it."""
    name = fusion.lower() if isinstance(fusion, str) else fusion
    if name not in tuple(FUSIONS):
        raise ValueError(f"fusion must be one of {tuple(FUSIONS)}, got {fusion!r}")
    return name
