"""What a `FrameScorer` of ours is given for each frame: what it shows, and when it comes."""

import math

import torch
import torch.nn.functional as F
from torch import Tensor

FEATURES = 1280  # of a frame, by `data.features`
CONTENT = 48  # numbers that say what a frame shows
WHEN = 16  # numbers that say when it comes
WIDTH = CONTENT + WHEN


def squeeze(features: Tensor) -> Tensor:
    """(…, 1280) -> (…, 48): features cast on 48 fixed random directions, the same in every call.

    Frames that point in similar directions still do so, to within about 1/√48 of a cosine. The
    directions are drawn from seed 0 and never trained. Every row has the length √48, so that its
    numbers are about 1 large.
    """
    directions = torch.randn(FEATURES, CONTENT, generator=torch.Generator().manual_seed(0))
    squeezed = F.normalize(features, dim=-1) @ directions.to(features)  # (…, 48)
    return math.sqrt(CONTENT) * F.normalize(squeezed, dim=-1)


def stamped(content: Tensor, time: bool = True) -> Tensor:
    """(…, L, 48) -> (…, L, 64): each frame's place in the film, as 16 waves, is put beside it.

    The place runs from 0 to 1, so a film of twice as many frames gets the same waves. They must
    be part of the *input*: attention returns a mean of values, which does not show how many
    frames it comes from, or where they are. `time=False` leaves the 16 numbers 0.
    """
    length = content.shape[-2]
    place = torch.arange(length, device=content.device) / length  # (L,)
    angles = math.pi * place[:, None] * torch.arange(1, WHEN // 2 + 1, device=content.device)
    waves = math.sqrt(2) * torch.cat([angles.sin(), angles.cos()], -1)  # (L, 16)
    waves = (time * waves).to(content).expand(*content.shape[:-1], WHEN)
    return torch.cat([content, waves], -1)
