"""Rows of a map whose keys are pixels: each row is a picture again."""

from collections.abc import Sequence

import matplotlib.pyplot as plt
from matplotlib.figure import Figure
from torch import Tensor

from attnlib.course.plots.style import MARK, STYLE, closed, draw_weights


def plot_pixel_rows(picture: Tensor, places: Sequence[tuple[int, int]], rows: Tensor) -> Figure:
    """The picture with some of its pixels marked, and for each the weights that it gives.

    Weights that are exactly zero are grey.

    Args:
        picture: (height, width, 3) in [0, 1].
        places: row and column of each marked pixel, the queries.
        rows: (len(places), height, width) their weights, on one colour scale.
    """
    if rows.shape != (len(places), *picture.shape[:2]):
        wanted = (len(places), *picture.shape[:2])
        raise ValueError(f"rows must be {wanted} to fit the picture, got {tuple(rows.shape)}")
    with plt.rc_context(STYLE):
        panels = 1 + len(places)
        fig, axes = plt.subplots(
            1, panels, figsize=(2.65 * panels + 0.9, 3.1), layout="constrained"
        )
        axes[0].imshow(picture.numpy(force=True))
        axes[0].set_title("the queries")
        for number, (axis, place, row) in enumerate(
            zip(axes[1:], places, rows.numpy(force=True), strict=True)
        ):
            image = draw_weights(axis, row, vmin=0, vmax=rows.max().item())
            axis.set_title(f"weights of query {number}")
            for where in (axes[0], axis):
                _mark(where, place, number)
        for axis in axes:
            axis.set_axis_off()
        fig.colorbar(image, ax=axes, label="weight", shrink=0.8)
    return closed(fig)


def _mark(axis, place, number):
    row, column = place
    axis.plot(column, row, "o", markersize=9, markerfacecolor="none", color=MARK, markeredgewidth=2)
    axis.annotate(
        number, (column, row), (7, 5), textcoords="offset points", color="white", weight="bold",
        bbox={"facecolor": MARK, "edgecolor": "none", "pad": 1.5},
    )  # fmt: skip
