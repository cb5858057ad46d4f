"""Two rows, normalised and fused: as arrows in the plane, as norms, and by their angles."""

from collections.abc import Mapping, Sequence

import matplotlib.pyplot as plt
import numpy as np
import torch
from matplotlib.figure import Figure
from torch import Tensor

from attnlib.course.figures.narrow import either, panels, redrawn, styled
from attnlib.course.figures.style import ENDS, MARK, NOTHING, QUIET, closed
from attnlib.course.language import N_, say

REACH = 2.4
DASHES = ("-", "--", "-.", ":")  # a fusion each


@redrawn
def plot_fusion(
    rows: Sequence[tuple[Tensor, Tensor]],
    fused: Tensor,
    norms: Mapping[str, Tensor],
    fusion: str,
    angle: float,
) -> Figure:
    """Two rows as they came (circles) and normalised (arrows), and what they fuse to.

    Args:
        rows: the global one and the local one, each (2,) as it came, and normalised.
        fused: (2,).
        norms: fusion -> (angles,) norm of the fused row if the local row had another angle, evenly
            from 0 to 360 degrees.
        fusion: which of them is chosen.
        angle: of the local row, in degrees.
    """
    with styled():
        places = {"left": 0.04, "right": 0.975, "bottom": 0.14, "top": 0.91, "wspace": 0.16}
        wide = either({"width_ratios": (1, 1.35)}, {})
        fig, axes = panels(2, (10.2, 4.4), 3.7, fixed=places, **wide)
        _plot_arrows(axes[0], rows, fused)
        _plot_norms(axes[1], norms, fusion, (angle, fused.norm().item()))
    return closed(fig)


def _plot_arrows(axis, rows, fused):
    axis.add_patch(plt.Circle((0, 0), 1, fill=False, edgecolor=NOTHING, linewidth=2))
    units = [unit for _, unit in rows]
    start = np.zeros(1 + len(units))
    size = {"angles": "xy", "scale_units": "xy", "scale": 1, "width": 0.018}
    tips = torch.stack([*units, fused]).numpy().T
    axis.quiver(start, start, *tips, color=(*ENDS, MARK), zorder=2, **size)
    for (came, _), colour in zip(rows, ENDS, strict=True):
        axis.plot(*zip((0, 0), came.tolist(), strict=True), color=colour, linewidth=1)
        axis.plot(*came.tolist(), "o", color=colour, markerfacecolor="white", ms=9, mew=2, zorder=3)
    handles = [plt.Line2D([], [], color=colour, linewidth=4) for colour in (*ENDS, MARK)]
    names = (say("global"), say("local"), say("fused"))
    row = {"ncols": 3, "handlelength": 1, "columnspacing": 1}
    axis.legend(handles, names, frameon=False, loc="lower center", **row)
    axis.set_xlim(-REACH, REACH)
    axis.set_ylim(-REACH, REACH)
    axis.set_aspect("equal")
    axis.set_xticks((-1, 0, 1))
    axis.set_yticks((-1, 0, 1))
    axis.set_title(say("circles: as they came; arrows: normalised"))


def _plot_norms(axis, norms, fusion, here):
    for (mode, values), dashes in zip(norms.items(), DASHES, strict=True):
        line = {"color": MARK, "linewidth": 3.5} if mode == fusion else {"color": QUIET}
        axis.plot(np.linspace(0, 360, len(values)), values.numpy(), dashes, label=mode, **line)
    axis.plot(*here, "o", color=MARK, ms=12, zorder=4)
    axis.axvline(here[0], color=NOTHING, zorder=0)
    axis.legend(loc="upper center", ncols=either(len(norms), 2), frameon=False)
    axis.set_xlim(0, 360)
    axis.set_ylim(-0.06, 2.5)
    axis.set_xticks((0, 90, 180, 270, 360))
    axis.set_yticks((0, 0.71, 1, 1.41, 2), ("0", "0.71", "1", "1.41", "2"))
    axis.set_xlabel(say("angle of the local row, degrees"))
    axis.set_title(say("norm of the fused row"))


EQUAL = 0.01  # degrees: as near to one as to the other
WAYS = {
    "as_they_are": N_("added as they are"),
    "normalised": N_("normalised, then added"),
}


@redrawn
def plot_angles(
    angles: Mapping[str, tuple[Tensor, Tensor]], *, edges: Sequence[int] = ()
) -> Figure:
    """A panel for each way to fuse: the angle to the global row and to the local row.

    Args:
        angles: one of `WAYS`, or a name of your own -> (L,) to the global row and (L,) to the
            local row, in degrees.
        edges: frames before which a line is drawn.
    """
    with styled():
        size = (5.1 * len(angles), 3.4)
        fig, axes = panels(len(angles), size, 2.5, sharey=True)
        for axis, (way, (to_global, to_local)) in zip(axes, angles.items(), strict=True):
            for edge in edges:
                axis.axvline(edge - 0.5, color=NOTHING, linewidth=1)
            # The first line is wider, so that both are visible where they are equal.
            axis.plot(to_global.numpy(), color=ENDS[0], linewidth=5, label=say("to the global row"))
            axis.plot(to_local.numpy(), color=ENDS[1], linewidth=2, label=say("to the local row"))
            axis.set_title(_way(way))
            axis.set_xlabel(say("frame"))
            axis.set_xlim(-0.5, len(to_global) - 0.5)
        largest = max(part.max().item() for pair in angles.values() for part in pair)
        axes[0].set_ylim(0, 1.08 * largest)
        axes[0].set_ylabel(say("angle, degrees"))
        axes[0].legend(frameon=False)
    return closed(fig)


def read_angles(angles: Mapping[str, tuple[Tensor, Tensor]]) -> str:
    """To which row the fused one is nearer, in how many frames; a line for each way to fuse."""
    return "\n".join(_read_angles(way, *pair) for way, pair in angles.items())


def _read_angles(way, to_global, to_local):
    further = to_local - to_global
    return say(
        "{way}: nearer to the global row in {whole}, to the local row in {local}, as near to both "
        "in {both} of {frames} frames.",
        way=_way(way),
        whole=(further > EQUAL).sum().item(),
        local=(further < -EQUAL).sum().item(),
        both=(further.abs() <= EQUAL).sum().item(),
        frames=len(further),
    )


def _way(name):
    return say(WAYS[name]) if name in WAYS else name
