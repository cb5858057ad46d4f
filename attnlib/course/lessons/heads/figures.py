"""Channels that are split into heads and merged: every channel in the colour of its head."""

from collections.abc import Sequence

import matplotlib.pyplot as plt
import numpy as np
from matplotlib.figure import Figure
from torch import Tensor

from attnlib.course.figures.narrow import either, panels, redrawn, styled
from attnlib.course.figures.style import COLOURS, closed

BAND = 0.16  # height of the coloured band, in heights of the picture
GAP = 0.4  # between two groups, in widths of a strip


@redrawn
def plot_heads(
    titles: Sequence[str],
    parts: Sequence[Sequence[tuple[Tensor, Tensor]]],
    head_dim: int,
    places: str,
) -> Figure:
    """Panels of strips side by side; above every strip the number of its channel.

    Args:
        titles, parts: of each panel its groups, drawn with gaps between them; a group is its
            picture (height, strips · width, 3) in [0, 1] and the number (strips,) of each strip's
            channel.
        head_dim: D: channels 0 to D − 1 have the colour of head 0, and so on.
        places: what to call the places of the strips in the last panel, written below them.
    """
    numbers = [int(number) for groups in parts for _, channels in groups for number in channels]
    colours = plt.get_cmap(COLOURS)(np.linspace(0, 1, max(numbers) // head_dim + 1))[:, :3]
    with styled():
        drawn = [_compose(groups, head_dim, colours) for groups in parts]
        ratios = [picture.shape[1] for picture, _ in drawn]
        fixed = {"left": 0.01, "right": 0.99, "bottom": 0.13, "top": 0.86, "wspace": 0.06}
        wide = either({"width_ratios": ratios}, {})
        fig, axes = panels(len(drawn), (11.2, 4.1), 2.6, fixed=fixed, **wide)
        for axis, title, (picture, labels) in zip(axes, titles, drawn, strict=True):
            axis.imshow(picture, aspect="auto")
            axis.set_title(title)
            axis.set_axis_off()
            for number, place in labels:
                dark = colours[number // head_dim].mean() < 0.5
                row = BAND * picture.shape[0] / (1 + BAND) / 2
                style = {"color": "white" if dark else "black", "weight": "bold"}
                axis.text(place, row, number, ha="center", va="center", **style)
        _write_places(axes[-1], [place for _, place in drawn[-1][1]], places)
    return closed(fig)


def _compose(groups, head_dim, colours):
    """One picture of all groups with their bands, and (number, place across) of every strip."""
    height = groups[0][0].shape[0]
    band, pieces, labels, left = round(BAND * height), [], [], 0
    for picture, numbers in groups:
        width = picture.shape[1] // len(numbers)  # of a strip
        if pieces:
            pieces.append(np.ones((height + band, round(GAP * width), 3)))
            left += pieces[-1].shape[1]
        above = colours[numbers.numpy() // head_dim].repeat(width, 0)[None].repeat(band, 0)
        pieces.append(np.concatenate([above, picture.numpy()]))
        labels += [
            (int(number), left + (strip + 0.5) * width - 0.5)
            for strip, number in enumerate(numbers)
        ]
        left += pieces[-1].shape[1]
    return np.concatenate(pieces, 1), labels


def _write_places(axis, places, text):
    bottom = axis.get_ylim()[0]
    for number, place in enumerate(places):
        axis.text(place, bottom, number, ha="center", va="top")
    axis.text(0.5, -0.08, text, ha="center", va="top", transform=axis.transAxes)
