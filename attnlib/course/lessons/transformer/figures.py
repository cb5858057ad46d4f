"""Maps between words, and a number for every head of every layer."""

from collections.abc import Mapping, Sequence

import numpy as np
from matplotlib.figure import Figure
from torch import Tensor

from attnlib.course.figures.narrow import bar, either, panels, redrawn, styled
from attnlib.course.figures.style import COLOURS, closed, draw_weights
from attnlib.course.language import say

ROOM = 0.24  # inches for the name of a token


@redrawn
def plot_words(maps: Mapping[str, tuple[Tensor, Sequence[str]]]) -> Figure:
    """Weights between named tokens, a panel each, on one colour scale from 0 to 1; 0 is grey.

    Args:
        maps: title -> weights (N, N), queries down, keys across, and the names of the N tokens.
    Raises:
        ValueError: weights that are not (N, N) for their names.
    """
    for title, (weights, names) in maps.items():
        if tuple(weights.shape) != (len(names), len(names)):
            raise ValueError(
                f"weights of {title!r} must be {(len(names), len(names))}, one row and column "
                f"for each of the names, got shape {tuple(weights.shape)}"
            )
    with styled():
        longest = max(len(names) for _, names in maps.values())
        side = max(5.4, ROOM * longest + 1.2)
        size = (0.8 + side * len(maps), side)
        fig, axes = panels(len(maps), size, 3.9)
        for axis, (title, (weights, names)) in zip(axes, maps.items(), strict=True):
            image = draw_weights(axis, weights.numpy(force=True), vmin=0, vmax=1)
            axis.set_title(title)
            axis.set_xticks(range(len(names)), names, rotation=90)
            axis.set_yticks(range(len(names)), names)
            axis.set_xlabel(say("key"))
        axes[0].set_ylabel(say("query"))
        fig.colorbar(image, ax=axes, label=say("weight"), **bar(shrink=0.8))
    return closed(fig)


@redrawn
def plot_head_scores(tables: Mapping[str, Tensor]) -> Figure:
    """A number from 0 to 1 for each head, written into its cell: layers down, heads across.

    Args:
        tables: title -> (layers, H), one below the other.
    """
    with styled():
        layers, heads = next(iter(tables.values())).shape
        size = (0.8 * heads + 1.6, (0.42 * layers + 1.0) * len(tables))
        fig, axes = panels(len(tables), size, 0.3 * layers + 0.7, columns=1)
        for axis, (title, scores) in zip(axes, tables.items(), strict=True):
            axis.set_title(title)
            axis.imshow(scores.numpy(force=True), COLOURS, vmin=0, vmax=1, aspect="auto")
            axis.set_xticks(range(heads))
            axis.set_yticks(range(layers))
            axis.set_ylabel(say("layer"))
            for (layer, head), score in np.ndenumerate(scores.numpy(force=True)):
                colour = "black" if score > 0.6 else "white"  # readable on its cell
                axis.text(head, layer, _written(score), ha="center", va="center", color=colour)
        axis.set_xlabel(say("head"))
    return closed(fig)


def _written(score):
    """ "0.42"; narrow, where a cell is small: ".42"."""
    text = f"{score:.2f}"
    return either(text, "1" if text == "1.00" else text.removeprefix("0"))
