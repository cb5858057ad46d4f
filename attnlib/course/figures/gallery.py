"""Pictures side by side: what became of one."""

from collections.abc import Mapping

import numpy as np
from matplotlib.figure import Figure
from torch import Tensor

from attnlib.checks import check_divides
from attnlib.course.figures.narrow import WIDTH, either, lines, panels, redrawn, styled
from attnlib.course.figures.style import closed

SIDE = 9.4  # inches that all of them take together
TITLE = 0.45


@redrawn
def plot_pictures(pictures: Mapping[str, Tensor], step: int | None = None) -> Figure:
    """All pictures in a row, on one scale, each under its name.

    Args:
        pictures: name -> (height, width, 3) in [0, 1]; sizes may differ.
        step: pixels between two white lines, the edges of blocks; None draws none.
    Raises:
        ValueError: no pictures, or a step that does not divide their sides.
    """
    if not pictures:
        raise ValueError("pictures must be at least one, got none")
    sizes = [tuple(picture.shape[:2]) for picture in pictures.values()]
    if step is not None:
        for size in sizes:
            for name, side in zip(("height", "width"), size, strict=True):
                check_divides("step", step, name, side)
    widths = [width for _, width in sizes]
    height = SIDE / sum(widths) * max(height for height, _ in sizes)
    with styled():
        across = _across(sizes)
        size, tall = (SIDE, height + TITLE), _tall(sizes, across)
        ratios = either({"width_ratios": widths}, {"height_ratios": _heights(sizes, across)})
        fig, axes = panels(len(sizes), size, tall, across=across, **ratios)
        for axis, (name, picture) in zip(axes, pictures.items(), strict=True):
            axis.imshow(picture.numpy(force=True))
            axis.set_title(lines(name, 22))
            axis.set_anchor("N")
            axis.set_axis_off()
            if step is not None:
                _lines(axis, *picture.shape[:2], step)
    return closed(fig)


def _across(sizes):
    """Narrow: two in a row, if they are all alike and not wide."""
    height, width = sizes[0]
    return 2 if len(sizes) > 1 and len(set(sizes)) == 1 and width <= 1.5 * height else 1


def _heights(sizes, across):
    """Narrow: of each row, in pixels."""
    rows = (sizes[start : start + across] for start in range(0, len(sizes), across))
    return [max(height for height, _ in row) for row in rows]


def _tall(sizes, across):
    """Narrow: inches that a row takes, its title included."""
    heights, widest = _heights(sizes, across), max(width for _, width in sizes)
    return WIDTH / across * sum(heights) / len(heights) / widest + 0.25


def _lines(axis, height, width, step):
    axis.hlines(np.arange(step, height, step) - 0.5, -0.5, width - 0.5, "white", linewidth=2.5)
    axis.vlines(np.arange(step, width, step) - 0.5, -0.5, height - 0.5, "white", linewidth=2.5)
