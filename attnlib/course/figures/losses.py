"""The loss of every step of a training, one curve a network."""

from collections.abc import Mapping, Sequence

import numpy as np
from matplotlib.figure import Figure

from attnlib.course.figures.narrow import panels, redrawn, styled
from attnlib.course.figures.style import ENDS, MARK, QUIET, closed
from attnlib.course.language import say

COLOURS = (*ENDS, MARK, QUIET)
SMOOTH = 20  # steps of which a line shows the mean


@redrawn
def plot_losses(losses: Mapping[str, Sequence[float]], steps: int) -> Figure:
    """Steps across, losses up: faint the loss of every step, bold the mean of the last 20.

    Args:
        losses: name -> the loss of each step so far, at most four names; they may be empty.
        steps: where the axis of steps ends.
    """
    if len(losses) > len(COLOURS):
        raise ValueError(f"losses must be at most {len(COLOURS)} curves, got {len(losses)}")
    with styled():
        fig, (axis,) = panels(1, (7.2, 2.9), 2.4)
        for (name, curve), colour in zip(losses.items(), COLOURS, strict=False):
            axis.plot(curve, color=colour, alpha=0.25, linewidth=1)
            axis.plot(_smooth(curve), color=colour, linewidth=2.5, label=name)
        axis.set(xlim=(0, steps), ylim=(0, None), xlabel=say("step"), ylabel=say("loss"))
        axis.spines[["top", "right"]].set_visible(False)
        if len(losses) > 1:
            axis.legend(frameon=False)
    return closed(fig)


def _smooth(curve):
    """The mean of the last `SMOOTH` steps, at the beginning of fewer."""
    total = np.cumsum([0.0, *curve])
    stop = np.arange(1, len(curve) + 1)
    start = np.maximum(stop - SMOOTH, 0)
    return (total[stop] - total[start]) / (stop - start)
