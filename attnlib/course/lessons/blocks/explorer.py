"""A photograph cut into blocks: who may talk to whom, and what it costs."""

from collections.abc import Callable, Mapping
from math import gcd
from pathlib import Path

import torch
from matplotlib.figure import Figure
from torch import Tensor

from attnlib.checks import check_divides
from attnlib.course.language import paragraph, say
from attnlib.course.lessons.blocks.figures import plot_blocks
from attnlib.course.widgets.controls import choice, slider, stepper
from attnlib.course.widgets.drawn import Drawn, as_address, script
from attnlib.course.widgets.formatting import divisors, either
from attnlib.layout import blockify, deblockify


def blocks_drawer(
    pictures: Mapping[str, Tensor], patch_size: int
) -> Callable[[str, int, int, int], tuple[Figure, str]]:
    """draw(photograph, block_size, row, column) -> whom that patch may attend to.

    Args:
        pictures: name -> (height, width, 3) in [0, 1], all of one size.
        patch_size: in pixels; must divide height and width.
    """
    rows, cols = _patches(pictures, patch_size)

    def draw(photograph: str, block_size: int, row: int, column: int) -> tuple[Figure, str]:
        _check(photograph, pictures, row, rows, column, cols)
        place = torch.arange(rows * cols).view(rows, cols, 1)
        try:
            blocks = blockify(place, block_size).squeeze(-1)  # (G, N)
        except ValueError as error:
            raise ValueError(f"{error}: take {either(divisors(gcd(rows, cols)))}") from None
        groups, size = blocks.shape
        group = torch.arange(groups).repeat_interleave(size)  # of every token
        mask = group[:, None] == group  # what attention inside blocks lets through
        token = (blocks.flatten() == row * cols + column).nonzero().item()
        may = deblockify(mask[token].view(groups, size, 1), block_size, rows, cols).squeeze(-1)
        figure = plot_blocks(pictures[photograph], may, mask, (row, column, token), block_size)
        return figure, _read(block_size, groups, size, row, column, token)

    return draw


class BlocksExplorer(Drawn):
    """See `blocks_drawer`."""

    source = Path(__file__).with_name("explorer.js")
    _esm = script(source)


def explore_blocks(pictures: Mapping[str, Tensor], patch_size: int) -> Drawn:
    """Choose a photograph, the size of a block, and a query patch. See `blocks_drawer`."""
    rows, cols = _patches(pictures, patch_size)
    sizes = divisors(gcd(rows, cols))
    controls = {
        "photograph": choice(say("photograph"), next(iter(pictures)), list(pictures)),
        "block_size": stepper("block_size", max(size for size in sizes if size <= 4), sizes),
        "row": slider(say("query: row"), min(2, rows - 1), 0, rows - 1),
        "column": slider(say("query: column"), min(3, cols - 1), 0, cols - 1),
    }
    numbers = {"rows": rows, "cols": cols}
    numbers["pictures"] = {name: as_address(picture) for name, picture in pictures.items()}
    draw = blocks_drawer(pictures, patch_size)
    return BlocksExplorer("explore_blocks", draw, controls, numbers=numbers)


def _patches(pictures, patch_size):
    """Rows and columns of patches, the same for all pictures."""
    sizes = {tuple(picture.shape[:2]) for picture in pictures.values()}
    if len(sizes) != 1:
        raise ValueError(f"pictures must all have one size, got {sorted(sizes)}")
    (size,) = sizes
    for name, side in zip(("height", "width"), size, strict=True):
        check_divides("patch_size", patch_size, name, side)
    return tuple(side // patch_size for side in size)


def _check(photograph, pictures, row, rows, column, cols):
    if photograph not in pictures:
        raise ValueError(f"photograph must be one of {tuple(pictures)}, got {photograph!r}")
    for name, value, count in (("row", row, rows), ("column", column, cols)):
        if not 0 <= value < count:
            raise ValueError(f"{name}={value} must lie in 0 … {count - 1}")


def _read(block_size, groups, size, row, column, token):
    patch = say(
        "block_size {block_size}: G = {groups} blocks of N = {size} patches. The patch at row "
        "{row}, column {column} is token {token}, in block {block}; it may attend to {size} of "
        "{length} tokens.",
        block_size=block_size,
        groups=groups,
        size=size,
        row=row,
        column=column,
        token=token,
        block=token // size,
        length=groups * size,
    )
    pairs = {"inside": groups * size**2, "all": (groups * size) ** 2}
    weights = (
        say("Weights in a head: G·N² = {inside}, 1/{groups} of L² = {all}.", groups=groups, **pairs)
        if groups > 1
        else say("Weights in a head: G·N² = {inside}, all of L² = {all}.", **pairs)
    )
    return paragraph(patch, weights)
