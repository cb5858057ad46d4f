"""Pictures side by side: what became of one."""

from collections.abc import Mapping

import matplotlib.pyplot as plt
import numpy as np
from matplotlib.figure import Figure
from torch import Tensor

from attnlib.checks import check_divides
from attnlib.course.figures.style import STYLE, closed

SIDE = 9.4  # inches that all of them take together
TITLE = 0.45


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
    with plt.rc_context(STYLE):
        fig, axes = plt.subplots(
            1, len(sizes), figsize=(SIDE, height + TITLE), width_ratios=widths, squeeze=False,
            layout="constrained",
        )  # fmt: skip
        for axis, (name, picture) in zip(axes.flat, pictures.items(), strict=True):
            axis.imshow(picture.numpy(force=True))
            axis.set_title(name)
            axis.set_anchor("N")
            axis.set_axis_off()
            if step is not None:
                _lines(axis, *picture.shape[:2], step)
    return closed(fig)


def _lines(axis, height, width, step):
    axis.hlines(np.arange(step, height, step) - 0.5, -0.5, width - 0.5, "white", linewidth=2.5)
    axis.vlines(np.arange(step, width, step) - 0.5, -0.5, height - 0.5, "white", linewidth=2.5)
