"""The moving pictures of README.md and README.zh.md: `python -m docs.pair_picture`.

The pair of the site's first page, with the chosen patch walking over eight places. Viewers that
do not move it show its first place.
"""

from io import BytesIO
from pathlib import Path

import matplotlib.pyplot as plt
from matplotlib.figure import Figure
from PIL import Image
from torch import Tensor

from attnlib.course import data
from attnlib.course.figures.style import ENDS, MARK, STYLE, closed
from docs.pair import BLOCK, COVERS, NEST, PGLSUM, PHOTOGRAPH, SIDE, STYLES, levels

HERE = Path(__file__).parent
WIDTH, HEIGHT, DOTS = 8.0, 4.6, 100  # inches, and pixels in one
# Row and column, one after the other: within a block, over its edge, and on.
WALK = ((2, 3), (2, 4), (1, 5), (3, 6), (4, 6), (5, 5), (5, 3), (5, 1))
PAUSE, ROUNDS = 1500, 4  # milliseconds at a place; then it rests on the last
# Of each picture what stands above and below each style.
SAID = {
    "pair.webp": {
        NEST: (
            NEST,
            "sees {seen} of {all} patches: its own block.\n"
            "Grey: influence exactly 0, whatever is trained",
        ),
        PGLSUM: (
            PGLSUM,
            "sees {seen} of {all}, by its global branch; and once\n"
            "more its own segment, by its local branch",
        ),
    },
    "pair.zh.webp": {
        NEST: (
            "NesT 风格",
            "{all} 个图块里看得见 {seen} 个：自己的区块。\n灰色：影响恰好为 0，怎么训练都一样",
        ),
        PGLSUM: (
            "PGL-SUM 风格",
            "{all} 个里看得见 {seen} 个，靠全局分支；\n自己的片段再看一次，靠局部分支",
        ),
    },
}


def frames(name: str) -> list[Image.Image]:
    """One picture for each place of the walk."""
    found, photograph = levels(), data.photograph(PHOTOGRAPH, 384, 384)
    patches = [row * SIDE + column for row, column in WALK]
    return [_drawn(frame(photograph, found, patch, SAID[name])) for patch in patches]


def frame(
    photograph: Tensor, found: dict[str, Tensor], patch: int, said: dict[str, tuple[str, str]]
) -> Figure:
    """Both photographs, as that patch sees them, and what there is to see in words."""
    with plt.rc_context(STYLE):
        fig, axes = plt.subplots(1, 2, figsize=(WIDTH, HEIGHT))
        fig.subplots_adjust(left=0.01, right=0.99, bottom=0.13, top=0.93, wspace=0.02)
        for axis, style, colour in zip(axes, STYLES, ENDS, strict=True):
            axis.imshow(photograph.numpy(), extent=(0, SIDE, SIDE, 0), interpolation="antialiased")
            row = found[style][patch]
            _cover(axis, row)
            _frames(axis, patch, colour)
            title, below = said[style]
            axis.set_title(title, weight="bold")
            axis.set_axis_off()
            seen = {"seen": int((row > 0).sum()), "all": SIDE**2}
            axis.text(0.5, -0.02, below.format(**seen), **_below(axis))
    return closed(fig)


def _cover(axis, row):
    for patch, level in enumerate(row.tolist()):
        fill, hides = COVERS[level]
        top, left = divmod(patch, SIDE)
        options = {"facecolor": fill, "alpha": hides, "linewidth": 0, "antialiased": False}
        axis.add_patch(plt.Rectangle((left, top), 1, 1, **options))


def _frames(axis, patch, colour):
    row, column = divmod(patch, SIDE)
    edge = SIDE // 2
    axis.plot([0, SIDE, None, edge, edge], [edge, edge, None, 0, SIDE], color="white", linewidth=2)
    corner = (column - column % BLOCK, row - row % BLOCK)
    options = {"fill": False, "clip_on": False, "zorder": 3}
    axis.add_patch(plt.Rectangle(corner, BLOCK, BLOCK, ec=colour, linewidth=4, **options))
    for colour, width in (("white", 6), (MARK, 3)):
        axis.add_patch(plt.Rectangle((column, row), 1, 1, ec=colour, linewidth=width, **options))


def _below(axis):
    return {"transform": axis.transAxes, "ha": "center", "va": "top", "fontsize": 12}


def _drawn(fig):
    file = BytesIO()
    fig.savefig(file, format="png", dpi=DOTS, facecolor="white")
    return Image.open(file).convert("RGB")


def main() -> None:
    options = {"duration": PAUSE, "loop": ROUNDS, "quality": 80, "method": 6}
    for name in SAID:
        first, *others = frames(name)
        first.save(HERE / name, save_all=True, append_images=others, **options)


if __name__ == "__main__":
    main()
