"""The two branches of a scorer side by side; and a film with the importance of every frame."""

from collections.abc import Mapping, Sequence

import matplotlib.pyplot as plt
import numpy as np
import torch
from matplotlib.colors import PowerNorm
from matplotlib.figure import Figure
from torch import Tensor

from attnlib.course.figures.style import COLOURS, ENDS, MARK, NOTHING, QUIET, STYLE, closed, label
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


WIDE, LARGEST = 9.4, 1.9  # inches: the figure, and the widest thumbnail
MOST = 8  # thumbnails; of more key frames the first ones are shown


def plot_summary(
    frames: Tensor,
    importance: Tensor,
    cuts: Sequence[int],
    keys: Sequence[int],
    every: int = 1,
    published: Sequence[float] = (),
) -> Figure:
    """A strip of key frames as thumbnails; importance, cuts (black) and key frames (red).

    Args:
        frames: (K, height, width, 3) in [0, 1]; importance: (K,) in [0, 1].
        cuts, keys: counted in these frames, and so are published cuts, drawn as blue triangles.
        every: frame k is labelled k · every.
    """
    with plt.rc_context(STYLE):
        fig = plt.figure(figsize=(WIDE, 4.0), layout="constrained")
        above, below = fig.subfigures(2, 1, height_ratios=(1, 2))
        shown = keys[:MOST]
        columns = max(len(shown), round(WIDE / LARGEST))
        for axis, key in zip(above.subplots(1, columns, squeeze=False).flat, shown, strict=False):
            axis.imshow(frames[key].numpy(force=True))
            axis.set_title(f"frame {key * every}", color=MARK, pad=3)
        for axis in above.axes:
            axis.set_axis_off()
        _plot_curve(below.subplots(), importance, cuts, keys, every, published)
    return closed(fig)


def _plot_curve(axis, importance, cuts, keys, every, published):
    place = [every * k for k in range(len(importance))]
    axis.vlines([every * cut for cut in cuts], 0, 1, "black", linewidth=1.5, label="cut found")
    if published:
        where = [every * cut for cut in published]
        named = {"color": ENDS[0], "clip_on": False, "label": "cut published"}
        axis.plot(where, [1.06] * len(where), "v", markersize=9, **named)
    one = "o" if len(place) == 1 else ""
    axis.plot(place, importance.numpy(force=True), one + "-", color=QUIET, linewidth=2)
    heights = [importance[key].item() for key in keys]
    axis.plot([every * key for key in keys], heights, "o", color=MARK, label="key frame")
    axis.set(xlabel="frame", ylabel="importance", ylim=(0, 1.02))
    axis.margins(x=0.01)
    axis.legend(loc="upper left", bbox_to_anchor=(1, 1), frameon=False)


def plot_looks(
    importance: Tensor, weights: Tensor, letters: Sequence[str], cuts: Sequence[int], frame: int
) -> Figure:
    """Above, the importance of every frame; below, how much one frame, in red, looks at each.

    Args:
        importance, weights: (L,) each.
        letters: one for each place between the cuts; the same letter is the same shot.
        cuts: the first frames of all places but the first.
        frame: the one that looks.
    """
    length = len(importance)
    edges = (0, *cuts, length)
    with plt.rc_context(STYLE):
        fig, axes = plt.subplots(2, 1, figsize=(9.4, 4.2), sharex=True, layout="constrained")
        rows = (("importance", importance, ENDS[0]), ("weight", weights, ENDS[1]))
        for axis, (name, values, colour) in zip(axes, rows, strict=True):
            colours = [colour] * length
            axis.bar(range(length), values.numpy(force=True), color=colours, width=0.9)
            axis.set_ylabel(name)
            for cut in cuts:
                axis.axvline(cut - 0.5, color=QUIET, linewidth=0.8)
            axis.axvspan(frame - 0.5, frame + 0.5, color=MARK, alpha=0.35, linewidth=0)
            axis.spines[["top", "right"]].set_visible(False)
            axis.margins(x=0)
        axes[0].set_ylim(0, 1)
        for letter, start, stop in zip(letters, edges, edges[1:], strict=False):
            place = ((start + stop - 1) / 2, 1.02)
            axes[0].text(*place, letter, ha="center", va="bottom", weight="bold")
        axes[1].set_xlabel("frame")
    return closed(fig)


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
