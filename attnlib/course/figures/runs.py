"""Several ways to do one thing, each trained with several seeds: a dot a seed."""

from collections.abc import Mapping, Sequence

import numpy as np
from matplotlib.figure import Figure

from attnlib.course.figures.narrow import beside, lines, panels, redrawn, styled
from attnlib.course.figures.style import ENDS, MARK, QUIET, closed
from attnlib.course.language import say


@redrawn
def plot_runs(found: Mapping[str, Sequence[float]], chance: float, marked: str = "") -> Figure:
    """A row a name: a dot for the share of every seed, in [0, 1], and a bar for their mean.

    Args:
        chance: the share of guessing, a dashed line.
        marked: the name that is drawn in red.
    """
    with styled():
        size = (8.4, 0.5 * len(found) + 1.3)
        fig, (axis,) = panels(1, size, 0.35 * len(found) + 1.3)
        for row, (name, shares) in enumerate(found.items()):
            percent, colour = 100 * np.array(shares), MARK if name == marked else ENDS[0]
            axis.plot(percent, np.full(len(percent), row), "o", color=colour, alpha=0.5, ms=8)
            axis.plot(percent.mean(), row, "|", color=colour, markersize=20, markeredgewidth=3)
        axis.axvline(100 * chance, color=QUIET, linestyle="--", label=say("guessing"))
        axis.set_yticks(range(len(found)), [lines(name, 16) for name in found])
        axis.set_ylim(len(found) - 0.5, -0.5)
        told = say("right on held-out data, in percent; a dot a seed, a bar their mean")
        axis.set_xlabel(lines(told, 38))
        axis.legend(frameon=False, **beside(1))
    return closed(fig)
