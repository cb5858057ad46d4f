"""Who influences whom, as pictures, and what they say; grey is exactly zero."""

from collections.abc import Mapping, Sequence

import matplotlib.pyplot as plt
import numpy as np
import torch
from matplotlib.colors import LogNorm
from matplotlib.figure import Figure
from torch import Tensor

from attnlib.course.figures.narrow import bar, is_wide, panels, redrawn, styled, whole
from attnlib.course.figures.style import COLOURS, MARK, NOTHING, closed, label
from attnlib.course.language import N_, say
from attnlib.layout import segment_slices

PLACES = {"left": 0.01, "right": 0.89, "bottom": 0.02, "top": 0.9, "wspace": 0.05}
BAR = (0.9, 0.06, 0.012, 0.8)
INFLUENCE = N_("‖∂yᵢ/∂xⱼ‖   (grey: exactly 0)")


@redrawn
def plot_influence(matrices: Mapping[str, Tensor], *, edges: Sequence[int] = ()) -> Figure:
    """Influence matrices side by side, on one logarithmic scale; grey is exactly zero.

    Args:
        matrices: title -> (L, L), output token down, input token across.
        edges: tokens before which a line is drawn.
    """
    arrays = {title: matrix.numpy(force=True) for title, matrix in matrices.items()}
    largest = max(array.max() for array in arrays.values())
    smallest = min(array[array > 0].min() for array in arrays.values())
    norm = LogNorm(max(smallest, largest * 1e-4), largest)
    with styled():
        size = (3.9 * len(arrays) + 0.9, 4.3)
        fig, axes = panels(len(arrays), size, 3.5)
        for axis, (title, array) in zip(axes, arrays.items(), strict=True):
            axis.set_facecolor(NOTHING)
            image = axis.imshow(np.ma.masked_equal(array, 0), COLOURS, norm=norm)
            label(axis, title, edges)
            axis.set_ylabel(say("output token"))
            axis.set_xlabel(say("input token"))
            whole(axis)
        _explain(fig, image, ax=axes, **bar(shrink=0.9))
    return closed(fig)


def read_influence(matrix: Tensor, num_groups: int) -> str:
    """How many pairs from different groups have influence, and their share of all of it."""
    group = torch.zeros(len(matrix), dtype=torch.long)
    for index, tokens in enumerate(segment_slices(len(matrix), num_groups)):
        group[tokens] = index
    across = matrix[group[:, None] != group]
    share = across.square().sum() / matrix.square().sum()
    felt = (across > 0).sum().item()
    if felt == 0:
        return say(
            "exactly 0 for all {pairs} pairs from different blocks or segments",
            pairs=across.numel(),
        )
    return say(
        "above 0 for {felt} of {pairs} pairs from different blocks or segments, "
        "which carry {share:.0%} of all the squared influence",
        felt=felt,
        pairs=across.numel(),
        share=share,
    )


@redrawn
def plot_token_influence(
    picture: Tensor,
    patch_size: int,
    rows: Mapping[str, Tensor],
    token: tuple[int, int],
    largest: float,
) -> Figure:
    """The influence on one output token, as brightness over the patches; grey is exactly zero.

    Args:
        picture: (height, width, 3) in [0, 1].
        patch_size: in pixels.
        rows: title -> (height / patch_size, width / patch_size) influence of each input token.
        token: row and column of the output token, in patches: the red frame.
        largest: the end of the colour scale, the same for all tokens that are compared.
    """
    norm = LogNorm(largest * 1e-3, largest)
    with styled():
        size = (3.1 * (1 + len(rows)) + 1, 3.4)
        fig, axes = panels(1 + len(rows), size, 2.4, across=2, fixed=PLACES)
        axes[0].imshow(picture.numpy())
        axes[0].set_title(say("the output token"))
        _frame(axes[0], token, patch_size)
        for axis, (title, row) in zip(axes[1:], rows.items(), strict=True):
            axis.set_facecolor(NOTHING)
            shown = np.ma.masked_equal(row.numpy(force=True), 0)
            image = axis.imshow(shown, COLOURS, norm=norm)
            axis.set_title(title)
            _frame(axis, token, 1)
        for axis in axes:
            axis.set_xticks([])
            axis.set_yticks([])
        _explain(fig, image, **{"cax": fig.add_axes(BAR)} if is_wide() else {"ax": axes, **bar()})
    return closed(fig)


def _explain(fig, image, **place):
    """The scale of the colours; narrow: numbers at its ends and its middle alone."""
    scale = fig.colorbar(image, label=say(INFLUENCE), **place)
    if not is_wide():
        ticks = np.geomspace(*image.get_clim(), 3)
        scale.set_ticks(ticks, labels=[f"{tick:.2g}" for tick in ticks])
        scale.minorticks_off()


def _frame(axis, token, size):
    corner = (token[1] * size - 0.5, token[0] * size - 0.5)
    axis.add_patch(plt.Rectangle(corner, size, size, fill=False, edgecolor=MARK, linewidth=3))
