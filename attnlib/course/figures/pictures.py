"""The inputs themselves: a picture and how it is cut, the shots of a video."""

from collections.abc import Sequence

from matplotlib.figure import Figure
from torch import Tensor

from attnlib.course.figures.narrow import lines, panels, redrawn, styled
from attnlib.course.figures.style import MARK, closed
from attnlib.course.language import say


@redrawn
def plot_tokens(photograph: Tensor, picture: Tensor, patch_size: int, block_size: int) -> Figure:
    """The photograph, and the small picture that is cut: thin lines patches, thick ones blocks.

    Args:
        photograph: (height, width, 3) in [0, 1], as large as one likes.
        picture: (height, width, 3), the same small; patch_size in pixels, block_size in patches.
    """
    with styled():
        fig, axes = panels(2, (8.4, 4.3), 4.1)
        axes[0].imshow(photograph.numpy())
        axes[0].set_title(say("the photograph"))
        axes[1].imshow(picture.numpy())
        height, width = picture.shape[0] // patch_size, picture.shape[1] // patch_size
        cut = {"height": height, "width": width}
        named = say("what the modules get: {height} × {width} patches = tokens", **cut)
        axes[1].set_title(lines(named))
        _grid(axes[1], picture.shape, patch_size, color="white", linewidth=0.5)
        _grid(axes[1], picture.shape, patch_size * block_size, color=MARK, linewidth=2.5)
        for axis in axes:
            axis.set_axis_off()
    return closed(fig)


@redrawn
def plot_shots(frames: Tensor, cuts: Sequence[int]) -> Figure:
    """The first frame of every shot of a video, as thumbnails.

    Args:
        frames: (L, height, width, 3) in [0, 1].
        cuts: the first frames of shots 2, 3, ….
    """
    starts = (0, *cuts)
    stops = (*cuts, len(frames))
    with styled():
        size = (1.75 * len(starts), 1.2)
        fig, axes = panels(len(starts), size, 0.85, across=3)
        for axis, start, stop in zip(axes, starts, stops, strict=True):
            axis.imshow(frames[start].numpy())
            axis.set_title(f"{start} … {stop - 1}" if stop - start > 1 else f"{start}", pad=3)
            axis.set_axis_off()
    return closed(fig)


def _grid(axis, shape, step, **line):
    for row in range(0, shape[0] + 1, step):
        axis.axhline(row - 0.5, **line)
    for col in range(0, shape[1] + 1, step):
        axis.axvline(col - 0.5, **line)
