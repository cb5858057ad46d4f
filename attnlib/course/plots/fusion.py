"""Two rows, normalised and fused: as arrows in the plane, and as norms."""

from collections.abc import Mapping

import matplotlib.pyplot as plt
import numpy as np
import torch
from matplotlib.figure import Figure
from torch import Tensor

from attnlib.course.plots.style import ENDS, MARK, NOTHING, QUIET, STYLE, closed

REACH = 2.4
DASHES = ("-", "--", "-.", ":")  # a fusion each


def plot_fusion(
    rows: Mapping[str, tuple[Tensor, Tensor]],
    fused: Tensor,
    norms: Mapping[str, Tensor],
    fusion: str,
    angle: float,
) -> Figure:
    """Two rows as they came (circles) and normalised (arrows), and what they fuse to.

    Args:
        rows: name -> (2,) as it came, and normalised; two of them.
        fused: (2,).
        norms: fusion -> (angles,) norm of the fused row if the second row had another angle, evenly
            from 0 to 360 degrees.
        fusion: which of them is chosen.
        angle: of the second row, in degrees.
    """
    with plt.rc_context(STYLE):
        fig, axes = plt.subplots(1, 2, figsize=(10.2, 4.4), width_ratios=(1, 1.35))
        fig.subplots_adjust(left=0.04, right=0.975, bottom=0.14, top=0.91, wspace=0.16)
        _plot_arrows(axes[0], rows, fused)
        _plot_norms(axes[1], norms, fusion, (angle, fused.norm().item()), list(rows)[1])
    return closed(fig)


def _plot_arrows(axis, rows, fused):
    axis.add_patch(plt.Circle((0, 0), 1, fill=False, edgecolor=NOTHING, linewidth=2))
    units = [unit for _, unit in rows.values()]
    start = np.zeros(1 + len(units))
    size = {"angles": "xy", "scale_units": "xy", "scale": 1, "width": 0.018}
    tips = torch.stack([*units, fused]).numpy().T
    axis.quiver(start, start, *tips, color=(*ENDS, MARK), zorder=2, **size)
    for (came, _), colour in zip(rows.values(), ENDS, strict=True):
        axis.plot(*zip((0, 0), came.tolist(), strict=True), color=colour, linewidth=1)
        axis.plot(*came.tolist(), "o", color=colour, markerfacecolor="white", ms=9, mew=2, zorder=3)
    handles = [plt.Line2D([], [], color=colour, linewidth=4) for colour in (*ENDS, MARK)]
    place = {"loc": "lower center", "ncols": 3, "handlelength": 1, "columnspacing": 1}
    axis.legend(handles, [*rows, "fused"], frameon=False, **place)
    axis.set_xlim(-REACH, REACH)
    axis.set_ylim(-REACH, REACH)
    axis.set_aspect("equal")
    axis.set_xticks((-1, 0, 1))
    axis.set_yticks((-1, 0, 1))
    axis.set_title("circles: as they came; arrows: normalised")


def _plot_norms(axis, norms, fusion, here, name):
    for (mode, values), dashes in zip(norms.items(), DASHES, strict=True):
        line = {"color": MARK, "linewidth": 3.5} if mode == fusion else {"color": QUIET}
        axis.plot(np.linspace(0, 360, len(values)), values.numpy(), dashes, label=mode, **line)
    axis.plot(*here, "o", color=MARK, ms=12, zorder=4)
    axis.axvline(here[0], color=NOTHING, zorder=0)
    axis.legend(loc="upper center", ncols=len(norms), frameon=False)
    axis.set_xlim(0, 360)
    axis.set_ylim(-0.06, 2.5)
    axis.set_xticks((0, 90, 180, 270, 360))
    axis.set_yticks((0, 0.71, 1, 1.41, 2), ("0", "0.71", "1", "1.41", "2"))
    axis.set_xlabel(f"angle of the {name} row, degrees")
    axis.set_title("norm of the fused row")
