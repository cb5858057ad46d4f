"""Montages of real photographs, and a question about every token of theirs.

16 tokens in 4 groups of 4: each shows a crop of a photograph. Whether the same photograph occurs
again, in another group ("global") or in the own one ("local"), is the answer.
"""

from functools import lru_cache

import torch
import torch.nn.functional as F
from einops import rearrange
from torch import Tensor

from attnlib.course import data

LENGTH, GROUPS = 16, 4  # L tokens, in G groups of N = 4

# The photographs in colour. The astronaut is left out: it shows too many things for crops of 4×4
# pixels.
PHOTOGRAPHS = ("chelsea", "coffee", "hubble_deep_field", "immunohistochemistry", "retina", "rocket")
SIDE, TILE, CROP, PIXELS = 96, 12, 8, 4  # edges of photograph, tile, crop, reduced crop


def draw_global(n: int, generator: torch.Generator) -> tuple[Tensor, Tensor]:
    """Photographs (n, L), as indices, and whether each occurs in another group, (n, L) 0 or 1.

    Every group shows one photograph. Two groups show the same, two show others. Which they are,
    nothing inside a group can tell: all photographs are drawn alike.
    """
    drawn = torch.rand(n, len(PHOTOGRAPHS), generator=generator).argsort(-1)
    photographs, labels = _mixed(drawn[:, [0, 0, 1, 2]], generator)  # (n, G)
    tokens = LENGTH // GROUPS
    return photographs.repeat_interleave(tokens, -1), labels.repeat_interleave(tokens, -1)


def draw_local(n: int, generator: torch.Generator) -> tuple[Tensor, Tensor]:
    """Photographs (n, L), as indices, and whether each occurs again in its group, (n, L) 0 or 1.

    Every group shows three photographs, one of them twice. The groups are drawn independently:
    the others may show the same photographs, and tell nothing.
    """
    drawn = torch.rand(n, GROUPS, len(PHOTOGRAPHS), generator=generator).argsort(-1)
    photographs, labels = _mixed(drawn[..., [0, 0, 1, 2]], generator)  # (n, G, N)
    return photographs.flatten(1), labels.flatten(1)


@lru_cache
def crops(part: str) -> Tensor:
    """All crops of every photograph, reduced to 4×4 pixels: (photographs, crops, 4·4·3).

    The numbers run from −2 to 2, so that the learned positions are not drowned by them.

    Args:
        part: "train" or "test". A photograph is a chessboard of tiles: the white ones train, the
            black ones test, and no crop leaves its tile.
    """
    colour = ("train", "test").index(part)
    return torch.stack([_crops(data.photograph(name, SIDE, SIDE), colour) for name in PHOTOGRAPHS])


def _crops(photograph, colour):
    tiles = rearrange(photograph, "(row y) (col x) rgb -> row col y x rgb", y=TILE, x=TILE)
    row, col = torch.meshgrid(*map(torch.arange, tiles.shape[:2]), indexing="ij")
    white_or_black = tiles[(row + col) % 2 == colour]
    windows = white_or_black.unfold(1, CROP, 1).unfold(2, CROP, 1)  # (tile, y, x, rgb, CROP, CROP)
    pooled = F.avg_pool2d(windows.flatten(0, 2), CROP // PIXELS)  # (crops, rgb, 4, 4)
    return 4 * rearrange(pooled, "crop rgb y x -> crop (y x rgb)") - 2


def _mixed(photographs, generator):
    """(…, 4), the first two alike: in random order, and 1 where one of the two stands now."""
    order = torch.rand(photographs.shape, generator=generator).argsort(-1)
    return photographs.gather(-1, order), (order < 2).long()
