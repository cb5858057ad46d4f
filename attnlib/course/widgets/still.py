"""The picture that a map leaves where nothing draws it alive: on GitHub, in a PDF, in an export."""

from collections.abc import Sequence
from io import BytesIO

import matplotlib.pyplot as plt
import numpy as np
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle
from PIL import Image  # comes with matplotlib

from attnlib.course.figures.style import MARK, STYLE, closed, draw_weights, label
from attnlib.course.language import say

SIZE = (4.5, 3.7)  # inches
DPI = 90
LARGEST = 60_000  # bytes
COLOURS = 64  # of a PNG that would be larger
FEW = 20  # tokens, up to which their names have room


def still(
    cells: np.ndarray,
    length: tuple[int, int],
    token: tuple[int, int],
    *,
    title: str = "",
    edges: Sequence[int] = (),
    names: tuple[Sequence[str], Sequence[str]] = ((), ()),
) -> bytes:
    """A PNG of one head.

    Args:
        cells: (rows, cols), single weights or the means of cells.
        length: the N and M that they stand for.
        token: the chosen query and key.
        title: above it.
        edges: tokens before which a line is drawn.
        names: of the queries and of the keys, or none.
    """
    unit = say("weight") if cells.shape == length else say("mean weight of a cell")
    with plt.rc_context(STYLE):
        fig, axis = plt.subplots(figsize=SIZE, layout="constrained")
        extent = (-0.5, length[1] - 0.5, length[0] - 0.5, -0.5)
        image = draw_weights(axis, cells, extent=extent, vmin=0, aspect="auto")
        label(axis, title, edges)
        axis.locator_params(integer=True)
        _name(axis, *names)
        _mark(axis, *token, length[1])
        fig.colorbar(image, label=unit)
    return _packed(closed(fig))


def _name(axis, queries, keys):
    if 0 < len(queries) <= FEW:
        axis.set_yticks(range(len(queries)), queries, fontsize=9)
    if 0 < len(keys) <= FEW:
        axis.set_xticks(range(len(keys)), keys, fontsize=9, rotation=90)


def _mark(axis, query, key, keys):
    """The chosen query's row and the chosen token, as the viewer marks them."""
    for left, wide in ((0, keys), (key, 1)):
        place = {"xy": (left - 0.5, query - 0.5), "width": wide, "height": 1}
        axis.add_patch(Rectangle(**place, fill=False, edgecolor=MARK, linewidth=1.5))


def _packed(figure: Figure) -> bytes:
    drawn = BytesIO()
    figure.savefig(drawn, format="png", dpi=DPI)
    picture = Image.open(drawn).convert("RGB")
    whole = _png(picture)
    return whole if len(whole) <= LARGEST else _png(picture.quantize(COLOURS))


def _png(picture: Image.Image) -> bytes:
    packed = BytesIO()
    picture.save(packed, format="png", optimize=True)
    return packed.getvalue()
