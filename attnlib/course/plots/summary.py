"""A film in one figure: its key frames, and below them the importance of every frame."""

from collections.abc import Sequence

import matplotlib.pyplot as plt
from matplotlib.figure import Figure
from torch import Tensor

from attnlib.course.plots.style import ENDS, MARK, QUIET, STYLE, closed

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
