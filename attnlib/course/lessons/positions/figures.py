"""How positions change the scores, and the weights that result."""

from matplotlib.figure import Figure
from torch import Tensor

from attnlib.course.figures.narrow import is_wide, panels, redrawn, styled
from attnlib.course.figures.style import COLOURS, closed, label
from attnlib.course.language import say


@redrawn
def plot_positions(change: Tensor, weights: Tensor) -> Figure:
    """Two maps, queries down, keys across: the change of the scores, and the weights.

    Args:
        change, weights: (L, L).
    """
    low, high = change.min().item(), change.max().item()
    if low <= 0:  # signs matter: zero stands in the middle
        high = max(1.0, -low, high)
        low = -high
    with styled():
        places = {"left": 0.07, "right": 0.92, "bottom": 0.14, "top": 0.91, "wspace": 0.42}
        fig, axes = panels(2, (10, 4.3), 3.3, fixed=places)
        for axis, title, matrix, limits in (
            (axes[0], say("change of the scores"), change, (low, high)),
            (axes[1], say("weights"), weights, (0, weights.max().item())),
        ):
            image = axis.imshow(matrix.numpy(), COLOURS, vmin=limits[0], vmax=limits[1])
            label(axis, title)
            last = len(matrix) - 1
            axis.set_xticks((0, last))
            axis.set_yticks((0, last))
            middle = sum(limits) / 2
            place = {"cax": _beside(fig, axis)} if is_wide() else {"ax": axis}
            fig.colorbar(image, **place, ticks=(limits[0], middle, limits[1]), format="%.2f")
    return closed(fig)


def _beside(fig, axis):
    box = axis.get_position()
    return fig.add_axes((box.x1 + 0.012, box.y0, 0.015, box.height))
