"""Positions as PGL-SUM has them: a bias that is added to the scores, as a function of indices.

Usually sinusoids are added to the input. Here they are added to the scores, so a table has one
entry for each pair (query i, key j): L×L. As functions of i and j they can also be evaluated just
where somebody looks, and then no table need exist.

Source: PGL-SUM (Apostolidis et al. 2021, ISM), section III, and its published code. Angles are
computed in float64, because at i = 100 000 a float32 angle is already off by 0.004.
"""

import math

import torch
from torch import Tensor


class AbsolutePositions:
    """bias[i, j] = sin or cos (j even or odd) of i / freq^(2⌊j/2⌋ / C).

    The usual sinusoid table, with the *key index* j where the channel index belongs. For odd
    `length` the last column is zero.
    """

    def __init__(self, length: int, width: int, freq: float = 10000):
        self.length, self.width, self.freq = length, width, freq

    def __call__(self, i: Tensor, j: Tensor) -> Tensor:
        """(…) query and key indices that broadcast -> (…) float64 bias."""
        i, j = _precise(i), _precise(j)
        return _alternate(i * self._rate(-2 * (j // 2) / self.width), j, self.length)

    def _rate(self, exponent: Tensor) -> Tensor:
        """freq^exponent; as an exponential half as slow, where it is computed for every pair."""
        return torch.exp(exponent * math.log(self.freq))


class RelativePositions(AbsolutePositions):
    """bias[i, j] = sin or cos (j even or odd) of (j − i + L − 1) / freq^((i + j) / 2L).

    Called relative, but it depends on more than j − i: the exponent holds i + j. For odd `length`
    the last column is zero. `width` plays no part.
    """

    def __call__(self, i: Tensor, j: Tensor) -> Tensor:
        i, j = _precise(i), _precise(j)
        distance = j - i + (self.length - 1)
        return _alternate(distance * self._rate(-(i + j) / (2 * self.length)), j, self.length)


KINDS = {"absolute": AbsolutePositions, "relative": RelativePositions}


class KeptTable:
    """A function of indices whose table, once made, serves every call of a module."""

    def __init__(self, function: AbsolutePositions):
        self.function = function
        self._tables: dict[tuple[torch.dtype, torch.device], Tensor] = {}

    def __call__(self, i: Tensor, j: Tensor) -> Tensor:
        return self.function(i, j)

    def table(self, dtype: torch.dtype, device: torch.device) -> Tensor:
        """(L, L) the whole table, made once for each dtype and device."""
        key = (dtype, device)
        if key in self._tables:
            return self._tables[key]
        # A table born under inference_mode could not be saved for a later backward.
        with torch.inference_mode(False), torch.no_grad():
            index = torch.arange(self.function.length, device=device)
            table = self(index[:, None], index[None, :]).to(dtype)
        if _has_numbers(table):
            self._tables[key] = table
        return table

    def detach(self) -> AbsolutePositions:
        """The function without its tables: what a stored map keeps."""
        return self.function

    def __getstate__(self) -> dict:
        return {"function": self.function, "_tables": {}}  # a copy, or a file, makes its own


class PositionsByLength:
    """Makes the positions for a length, and keeps the last: not rebuilt at every call.

    Args:
        pos_enc: None, "absolute" or "relative".
        width: C, the width of the input.
    """

    def __init__(self, pos_enc: str | None, width: int, freq: float):
        # Upper case is taken, as the published code takes it.
        self.pos_enc = pos_enc.lower() if isinstance(pos_enc, str) else pos_enc
        if self.pos_enc not in (None, *KINDS):
            raise ValueError(f"pos_enc must be one of {(None, *KINDS)}, got {pos_enc!r}")
        if not freq > 0:
            raise ValueError(f"freq must be above 0, got {freq=}")
        self.width, self.freq = width, freq
        self._last: KeptTable | None = None

    def __call__(self, length: int) -> AbsolutePositions | KeptTable | None:
        if self.pos_enc is None:
            return None
        if torch.compiler.is_compiling():  # the length may be a symbol: for no other call
            return KINDS[self.pos_enc](length, self.width, self.freq)
        if self._last is None or self._last.function.length != length:
            self._last = KeptTable(KINDS[self.pos_enc](length, self.width, self.freq))
        return self._last


def _has_numbers(x: Tensor) -> bool:
    """Whether x may be kept: a fake tensor, or one of a transform's, is nothing outside of it."""
    try:
        return type(x) is Tensor and x.data_ptr() != 0
    except RuntimeError:
        return False


def _precise(index: Tensor) -> Tensor:
    """In float64, but for Apple's GPUs, which have none."""
    return index.to(torch.float32 if index.device.type == "mps" else torch.float64)


def _alternate(angle: Tensor, j: Tensor, length: int) -> Tensor:
    """sin in even columns, cos in odd ones, zero in a last column that has no partner."""
    wave = torch.where(j % 2 == 0, angle.sin(), angle.cos())
    return torch.where(j < length - length % 2, wave, 0.0)
