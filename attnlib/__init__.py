"""Two ways to write attention, side by side: NesT's blocks and PGL-SUM's segments.

Axes, one letter each: B batch; G groups (blocks of a picture, segments of a video); N tokens of
one group; L all tokens of one input; C embedding width; H heads; D width of a head.
"""

try:
    import einops  # noqa: F401
    import torch  # noqa: F401
except ModuleNotFoundError as error:
    raise ModuleNotFoundError(
        f"attnlib needs {error.name}, which this Python does not have: `python -m pip install "
        f"{error.name}`; in attnlib's repository, `make lab` once, then use .venv/bin/python"
    ) from error

from attnlib.attention import attention
from attnlib.blocks import BlockAttention
from attnlib.groups import SameGroup
from attnlib.kernels import available_backends
from attnlib.layout import blockify, deblockify, merge_heads, segment_slices, split_heads
from attnlib.maps import AttentionMap
from attnlib.positions import AbsolutePositions, RelativePositions
from attnlib.segments import GlobalLocalAttention, GlobalLocalMap, SelfAttention, fuse

__version__ = "0.1.0"
__all__ = [
    "AbsolutePositions", "AttentionMap", "BlockAttention", "GlobalLocalAttention", "GlobalLocalMap",
    "RelativePositions", "SameGroup", "SelfAttention", "attention", "available_backends",
    "blockify", "deblockify", "fuse", "merge_heads", "segment_slices", "split_heads",
]  # fmt: skip
