"""How far fused rows point from the rows of the two branches, frame by frame."""

from collections.abc import Mapping, Sequence

import matplotlib.pyplot as plt
from matplotlib.figure import Figure
from torch import Tensor

from attnlib.course.plots.style import ENDS, NOTHING, STYLE, closed

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
            # The first is the wider one, so that both are seen where they are equal.
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
