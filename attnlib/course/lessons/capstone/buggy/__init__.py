"""Three modules that run, keep all shapes and load the right parameters: one mistake in each.

They are the suspects of the capstone and good for nothing else.
"""

from collections.abc import Callable, Mapping
from types import MappingProxyType

import torch
from torch import nn

from attnlib.blocks import BlockAttention
from attnlib.course.lessons.capstone.buggy.blocks import SuspectBlocks
from attnlib.course.lessons.capstone.buggy.frames import SuspectFrames
from attnlib.course.lessons.capstone.buggy.segments import SuspectSegments
from attnlib.segments import SegmentAttention, SelfAttention

__all__ = ["PAIRS", "SuspectBlocks", "SuspectFrames", "SuspectSegments", "pair"]

# Name -> how to make the module that is right, and the one that is not.
PAIRS: Mapping[str, tuple[Callable, Callable]] = MappingProxyType(
    {
        "blocks": (lambda: BlockAttention(48, num_heads=6), SuspectBlocks),
        "segments": (lambda: SegmentAttention(48, 48, num_segments=4), SuspectSegments),
        "frames": (lambda: SelfAttention(48, 48, heads=6), SuspectFrames),
    }
)


def pair(name: str) -> tuple[nn.Module, nn.Module]:
    """The module that is right and the suspect, in float64 and eval mode, with equal parameters.

    C = 48; 6 heads, or 4 segments. Raises ValueError for a name that is not in `PAIRS`.
    """
    if name not in PAIRS:
        raise ValueError(f"name must be one of {tuple(PAIRS)}, got {name!r}")
    torch.manual_seed(0)
    healthy, suspect = (make().double().eval() for make in PAIRS[name])
    suspect.load_state_dict(healthy.state_dict())
    return healthy, suspect
