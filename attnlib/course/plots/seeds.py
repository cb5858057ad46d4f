"""Settings trained with several seeds: a dot a seed, what trained beside what did not."""

from collections.abc import Mapping, Sequence

import matplotlib.pyplot as plt
import numpy as np
from matplotlib.figure import Figure

from attnlib.course.plots.style import ENDS, QUIET, STYLE, closed


def plot_seeds(
    found: Mapping[str, Sequence[tuple[float, float]]], kinds: tuple[str, str], chance: float
) -> Figure:
    """A row a setting; above in orange the first kind, below in blue the second, a bar the mean.

    Args:
        found: setting -> pairs of shares in [0, 1], one a seed.
        kinds: what the two of a pair are.
        chance: the share of guessing, a dashed line.
    """
    with plt.rc_context(STYLE):
        size = (8.4, 0.62 * len(found) + 1.3)
        fig, axis = plt.subplots(figsize=size, layout="constrained")
        for row, pairs in enumerate(found.values()):
            shares = 100 * np.array(pairs)  # (seeds, 2)
            for column, shift, colour in ((0, -0.16, ENDS[1]), (1, 0.16, ENDS[0])):
                there = np.full(len(shares), row + shift)
                name = kinds[column] if row == 0 else None
                axis.plot(shares[:, column], there, "o", color=colour, alpha=0.6, label=name)
                mean = {"markersize": 15, "markeredgewidth": 3}
                axis.plot(shares[:, column].mean(), row + shift, "|", color=colour, **mean)
        axis.axvline(100 * chance, color=QUIET, linestyle="--", label="guessing")
        axis.set_yticks(range(len(found)), found)
        axis.invert_yaxis()
        axis.set_xlabel("frames right, in percent")
        axis.set_xlim(40, 101)
        axis.legend(loc="upper left", bbox_to_anchor=(1, 1), frameon=False)
    return closed(fig)
