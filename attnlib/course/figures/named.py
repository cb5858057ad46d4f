"""Maps of the same tokens from different sources, side by side."""

from collections.abc import Mapping

from matplotlib.figure import Figure
from torch import Tensor

from attnlib.course.figures.narrow import bar, lines, panels, redrawn, styled, whole
from attnlib.course.figures.style import closed, draw_weights, label
from attnlib.course.language import say


@redrawn
def plot_named_maps(maps: Mapping[str, Tensor]) -> Figure:
    """Each map under its name, on one colour scale: queries down, keys across; 0 is grey.

    Args:
        maps: name -> (N, M) weights.
    """
    if not maps:
        raise ValueError("maps must be at least one, got none")
    largest = max(weights.max().item() for weights in maps.values())
    with styled():
        size = (3.1 * len(maps) + 0.9, 3.5)
        fig, axes = panels(len(maps), size, 2.3, across=2)
        for axis, (name, weights) in zip(axes, maps.items(), strict=True):
            image = draw_weights(axis, weights.numpy(force=True), vmin=0, vmax=largest)
            label(axis, lines(name, 22))
            whole(axis)
        fig.colorbar(image, ax=axes, label=say("weight"), **bar(shrink=0.8))
    return closed(fig)
