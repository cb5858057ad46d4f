"""The two maps of a scorer, global and local, with the cuts of the film."""

from collections.abc import Sequence

import matplotlib.pyplot as plt
import numpy as np
import torch
from matplotlib.colors import PowerNorm
from matplotlib.figure import Figure
from torch import Tensor

from attnlib.course.plots.style import COLOURS, NOTHING, STYLE, closed, label
from attnlib.segments import GlobalLocalMap


def plot_branches(maps: GlobalLocalMap, cuts: Sequence[int] = ()) -> Figure:
    """Global map, and beside it those of the segments, grey where nothing is looked at.

    Heads are averaged. Colours go with the root of the weight, so that small ones are seen. White
    lines at the cuts.
    """
    found = _branches(maps)
    most = max(np.nanmax(weights) for weights in found.values())
    with plt.rc_context(STYLE):
        size = (4.3 * len(found) + 0.8, 4.4)
        fig, axes = plt.subplots(1, len(found), figsize=size, squeeze=False, layout="constrained")
        colours = plt.get_cmap(COLOURS).with_extremes(bad=NOTHING)
        for axis, (name, weights) in zip(axes.flat, found.items(), strict=True):
            image = axis.imshow(weights, colours, norm=PowerNorm(0.5, 0, most))
            label(axis, f"{name} branch", cuts)
        fig.colorbar(image, ax=axes, label="weight, heads averaged", shrink=0.8)
    return closed(fig)


def read_branches(maps: GlobalLocalMap, cuts: Sequence[int]) -> str:
    """A sentence a branch: the share of its weight that a frame gives to its own shot.

    Beside it what equal weights would give.
    """
    length = maps.whole.shape[-1]
    shot = torch.tensor([sum(cut <= frame for cut in cuts) for frame in range(length)])
    own = (shot[:, None] == shot).numpy()
    sentences = []
    for name, weights in _branches(maps).items():
        seen = ~np.isnan(weights)
        share = np.nansum(weights * own, 1).mean()
        equal = ((own & seen).sum(1) / seen.sum(1)).mean()
        sentences.append(
            f"The {name} branch gives {share:.0%} of its weight to the frame's own shot; equal "
            f"weights would give {equal:.0%}."
        )
    return "\n".join(sentences)


def _branches(maps) -> dict[str, np.ndarray]:
    """Name -> (L, L), NaN where a branch does not look."""
    found = {"global": _mean(maps.whole)}
    if maps.segments:
        local = np.full_like(found["global"], np.nan)
        start = 0
        for segment in maps.segments:
            stop = start + segment.shape[-1]
            if stop > start:
                local[start:stop, start:stop] = _mean(segment)
            start = stop
        found["local"] = local
    return found


def _mean(map) -> np.ndarray:
    weights: Tensor = map.weights()
    return weights.float().mean(-3).numpy(force=True)
