"""What all figures share: colours, sizes, labels, and closing the figure."""

import matplotlib.pyplot as plt
import numpy as np

from attnlib.course.figures.fonts import FAMILIES
from attnlib.course.language import say

COLOURS = "viridis"  # perceptually uniform, readable by colour-blind eyes
NOTHING = "#d9d9d9"  # exactly zero
MARK = "#d62728"
QUIET = "#595959"  # words and lines in the background
ENDS = ("#0072b2", "#e69f00")  # two things told apart by colour-blind eyes: NesT, PGL-SUM; …
STYLE = {
    "font.family": FAMILIES,
    "font.size": 12,
    "axes.titlesize": 13,
    "image.interpolation": "nearest",
}


def draw_weights(axis, weights, **options):
    """(N, M) weights as a picture; what is exactly zero is grey. `options` are those of imshow."""
    colours = plt.get_cmap(COLOURS).with_extremes(bad=NOTHING)
    return axis.imshow(np.ma.masked_equal(weights, 0), colours, **options)


def label(axis, title, edges=()):
    """Axes of a map: queries down, keys across, lines at the edges of groups."""
    axis.set_title(title)
    axis.set_xlabel(say("key"))
    axis.set_ylabel(say("query"))
    for edge in edges:
        axis.axhline(edge - 0.5, color="white", linewidth=1)
        axis.axvline(edge - 0.5, color="white", linewidth=1)


def closed(fig):
    """Remove the figure from pyplot: a notebook then draws it once, and its memory is freed."""
    plt.close(fig)
    return fig
