"""Whom each patch of a photograph sees, NesT style and PGL-SUM style: numbers for the first page.

As in lesson 00: the photograph is cut into 8 × 8 patches, and its four blocks are the four segments
of the sequence. The parameters are random. What is exactly zero stays so, whatever is trained.
"""

from collections.abc import Callable

import torch
from torch import Tensor

from attnlib import BlockAttention, GlobalLocalAttention, blockify
from attnlib.course import data
from attnlib.course.compare import influence
from attnlib.course.figures.style import NOTHING

PHOTOGRAPH = "astronaut"
SIDE, BLOCK = 8, 4  # patches along a side of the photograph, and of a block
PATCH = 4  # pixels
HEADS, GROUPS = 6, (SIDE // BLOCK) ** 2
NEST, PGLSUM = STYLES = ("NesT style", "PGL-SUM style")
STEPS = 9  # of brightness; level 0 is kept for what is exactly zero
DARKEST = 0.8
# What lies over a patch, by its level: a colour, and how much of the patch it hides.
COVERS = ((NOTHING, 1.0), *(("#000000", DARKEST * (1 - n / STEPS)) for n in range(1, STEPS + 1)))


def levels() -> dict[str, Tensor]:
    """Style -> (L, L) whole numbers in 0 … 9: how much patch j (across) moves patch i (down).

    Patches are counted row by row.
    """
    x, order = _tokens(), _order().argsort()
    found = {style: influence(module, x)[order][:, order] for style, module in _modules().items()}
    felt = torch.cat([matrix[matrix > 0] for matrix in found.values()]).log()
    low, high = felt.quantile(torch.tensor([0.05, 0.95]))
    return {style: _level(matrix, low, high) for style, matrix in found.items()}


def _level(matrix, low, high):
    """On a logarithmic scale, and at least 1 where there is any influence at all."""
    share = ((matrix.log() - low) / (high - low)).clamp(0, 1)  # log 0 is -inf
    return torch.where(matrix > 0, 1 + (share * (STEPS - 1)).round(), 0).int()


def _order():
    """Place in the sequence -> the patch that stands there: block after block."""
    return blockify(torch.arange(SIDE**2).view(SIDE, SIDE, 1), BLOCK).flatten()


def _tokens():
    pixels = SIDE * PATCH
    patches = data.patches(data.photograph(PHOTOGRAPH, pixels, pixels), PATCH)
    x = patches.view(SIDE**2, -1)[_order()]
    return (x - x.mean()) / x.std()


def _modules() -> dict[str, Callable[[Tensor], Tensor]]:
    """Both take (L, C) and give (L, C)."""
    width = 3 * PATCH**2
    torch.manual_seed(0)
    nest = BlockAttention(width, HEADS).eval()
    torch.manual_seed(0)
    pglsum = GlobalLocalAttention(width, width, num_segments=GROUPS, heads=HEADS, fusion="add")
    pglsum = pglsum.eval()
    return {
        NEST: lambda x: nest(x.view(1, GROUPS, -1, width))[0].view(-1, width),
        PGLSUM: lambda x: pglsum(x)[0],
    }
