"""Four tasks for one small network: 16 tokens in 4 groups of 4, and a question about them.

"global" and "local" ask of montages of real photographs: the answer for a token lies in other
groups than its own, or in its own. All tensors are the same in every call.
"""

from functools import lru_cache
from types import MappingProxyType
from typing import NamedTuple

import torch
import torch.nn.functional as F
from einops import rearrange
from torch import Tensor

from attnlib.course import data
from attnlib.layout import blockify

LENGTH, GROUPS = 16, 4  # L tokens, in G groups of N = 4
TRAIN, TEST = 4096, 512  # sequences, where they are drawn at random
CLASSES = 10  # of the reverse task

# The photographs in colour. The astronaut is left out: it shows too many things for crops of 4×4
# pixels.
PHOTOGRAPHS = ("chelsea", "coffee", "hubble_deep_field", "immunohistochemistry", "retina", "rocket")
SIDE, TILE, CROP, PIXELS = 96, 12, 8, 4  # edges of photograph, tile, crop, reduced crop


class Examples(NamedTuple):
    """x (n, L, F), and labels (n, L), one a token, or (n,), one a sequence."""

    x: Tensor
    labels: Tensor


class Task(NamedTuple):
    """What is asked, among how many classes, all about as frequent, and of what."""

    asks: str
    classes: int
    train: Examples
    test: Examples


def task(name: str) -> Task:
    """One of `TASKS`, made when first asked for.

    Raises ValueError for another name, ModuleNotFoundError (with what to install) where the
    pictures are missing.
    """
    if name not in TASKS:
        raise ValueError(f"task {name!r} is unknown: expected one of {tuple(TASKS)}")
    return _made(name)


@lru_cache
def _made(name):
    return TASKS[name]()


def digits() -> Task:
    """Handwritten digits, 8×8: patches of 2×2 pixels are the tokens, the quarters the groups.

    Of every digit one picture in three is held out.
    """
    pictures, labels = data.digits()
    x = rearrange(pictures, "n (row y) (col x) -> n row col (y x)", y=2, x=2)
    x = blockify(x, 2).flatten(1, 2)  # (n, L, 4)
    held_out = torch.zeros(len(labels), dtype=torch.bool)
    generator = torch.Generator().manual_seed(0)
    for digit in range(10):
        places = torch.nonzero(labels == digit).squeeze(-1)
        shuffled = places[torch.randperm(len(places), generator=generator)]
        held_out[shuffled[: len(places) // 3]] = True
    train = Examples(x[~held_out], labels[~held_out])
    return Task("Which digit is it?", 10, train, Examples(x[held_out], labels[held_out]))


def global_montage() -> Task:
    """A montage whose answers lie in other groups than the token's own."""
    asks = "Does the photograph of this token occur in another group too?"
    return Task(asks, 2, *_montages(draw_global))


def local_montage() -> Task:
    """A montage whose answers lie in the token's own group."""
    asks = "Does the photograph of this token occur once more in its own group?"
    return Task(asks, 2, *_montages(draw_local))


def reverse() -> Task:
    """Random classes, to be given back in reverse order: the first answer is the last class."""

    def examples(n, seed):
        generator = torch.Generator().manual_seed(seed)
        classes = torch.randint(CLASSES, (n, LENGTH), generator=generator)
        return Examples(F.one_hot(classes, CLASSES).float(), classes.flip(-1))

    asks = "Which class has the token that stands as far from the other end?"
    return Task(asks, CLASSES, examples(TRAIN, 0), examples(TEST, 1))


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


def _montages(draw):
    """Examples to train with and to test with, from different parts of the photographs."""
    examples = []
    for seed, (part, n) in enumerate((("train", TRAIN), ("test", TEST))):
        generator = torch.Generator().manual_seed(seed)
        photographs, labels = draw(n, generator)
        table = crops(part)
        crop = torch.randint(table.shape[1], photographs.shape, generator=generator)
        examples.append(Examples(table[photographs, crop], labels))
    return examples


def _mixed(photographs, generator):
    """(…, 4), the first two alike: in random order, and 1 where one of the two stands now."""
    order = torch.rand(photographs.shape, generator=generator).argsort(-1)
    return photographs.gather(-1, order), (order < 2).long()


TASKS = MappingProxyType(
    {"digits": digits, "global": global_montage, "local": local_montage, "reverse": reverse}
)
