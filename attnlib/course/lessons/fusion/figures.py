"""Two rows, normalised and fused: as arrows in the plane, as norms, and by their angles."""

from collections.abc import Mapping, Sequence

import matplotlib.pyplot as plt
import numpy as np
import torch
from matplotlib.figure import Figure
from torch import Tensor

from attnlib.course.figures.style import ENDS, MARK, NOTHING, QUIET, STYLE, closed

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


EQUAL = 0.01  # degrees: as near to one as to the other


def plot_angles(
    angles: Mapping[str, tuple[Tensor, Tensor]], *, edges: Sequence[int] = ()
) -> Figure:
    """A panel for each way to fuse: the angle to the global row and to the local row.

    Args:
        angles: title -> (L,) to the global row and (L,) to the local row, in degrees.
        edges: frames before which a line is drawn.
    """
    with plt.rc_context(STYLE):
        size = (5.1 * len(angles), 3.4)
        fig, axes = plt.subplots(
            1, len(angles), figsize=size, sharey=True, squeeze=False, layout="constrained"
        )
        for axis, (title, (to_global, to_local)) in zip(axes.flat, angles.items(), strict=True):
            for edge in edges:
                axis.axvline(edge - 0.5, color=NOTHING, linewidth=1)
            # The first line is wider, so that both are visible where they are equal.
            axis.plot(to_global.numpy(), color=ENDS[0], linewidth=5, label="to the global row")
            axis.plot(to_local.numpy(), color=ENDS[1], linewidth=2, label="to the local row")
            axis.set_title(title)
            axis.set_xlabel("frame")
            axis.set_xlim(-0.5, len(to_global) - 0.5)
        largest = max(part.max().item() for pair in angles.values() for part in pair)
        axes[0, 0].set_ylim(0, 1.08 * largest)
        axes[0, 0].set_ylabel("angle, degrees")
        axes[0, 0].legend(frameon=False)
    return closed(fig)


def read_angles(to_global: Tensor, to_local: Tensor) -> str:
    """To which row the fused one is nearer, in how many frames. (L,) each, in degrees."""
    further = to_local - to_global
    nearer = {
        "nearer to the global row": (further > EQUAL).sum().item(),
        "to the local row": (further < -EQUAL).sum().item(),
        "as near to both": (further.abs() <= EQUAL).sum().item(),
    }
    counts = ", ".join(f"{words} in {count}" for words, count in nearer.items())
    return f"{counts} of {len(further)} frames"
