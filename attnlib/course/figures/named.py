"""Maps of the same tokens from different sources, side by side."""

from collections.abc import Mapping

import matplotlib.pyplot as plt
from matplotlib.figure import Figure
from torch import Tensor

from attnlib.course.figures.style import STYLE, closed, draw_weights, label
from attnlib.course.language import say


def plot_named_maps(maps: Mapping[str, Tensor]) -> Figure:
    """Each map under its name, on one colour scale: queries down, keys across; 0 is grey.

    Args:
        maps: name -> (N, M) weights.
    """
    if not maps:
        raise ValueError("maps must be at least one, got none")
    largest = max(weights.max().item() for weights in maps.values())
    with plt.rc_context(STYLE):
        size = (3.1 * len(maps) + 0.9, 3.5)
        fig, axes = plt.subplots(1, len(maps), figsize=size, squeeze=False, layout="constrained")
        for axis, (name, weights) in zip(axes.flat, maps.items(), strict=True):
            image = draw_weights(axis, weights.numpy(force=True), vmin=0, vmax=largest)
            label(axis, name)
        fig.colorbar(image, ax=axes, label=say("weight"), shrink=0.8)
    return closed(fig)
