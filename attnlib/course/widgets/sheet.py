"""Several states of an explorer on one page, for readers without a kernel."""

from collections.abc import Callable, Iterable, Mapping
from io import BytesIO
from textwrap import wrap
from typing import NamedTuple

import matplotlib.pyplot as plt
import numpy as np
from matplotlib.figure import Figure

from attnlib.course.figures.style import STYLE, closed
from attnlib.course.widgets.explorer import png

# All in inches.
PAGE = 15  # figures stand side by side as long as they fit
LETTER, LINE = 0.09, 0.22  # of a caption: a letter's width, a line's height
MARGIN = 0.2
SHARP = 200  # dots an inch, so that an enlarged page is still sharp


class Cell(NamedTuple):
    """One state: the lines of its caption, and the picture below, if it could be drawn."""

    lines: list[str]
    picture: np.ndarray | None
    width: float
    picture_height: float

    @property
    def height(self) -> float:
        return MARGIN + LINE * len(self.lines) + self.picture_height + MARGIN


def contact_sheet(draw: Callable[..., tuple[Figure, str]], states: Iterable[Mapping]) -> Figure:
    """What `draw` gives for each of the states, as large as by itself, its sentence above it.

    A state that cannot be drawn shows its line of why not, and no picture.
    """
    cells = [_cell(draw, state) for state in states]
    if not cells:
        raise ValueError("states must hold at least one state, got none")
    width = max(cell.width for cell in cells)
    columns = max(1, min(len(cells), int(PAGE // width)))
    rows = [cells[start : start + columns] for start in range(0, len(cells), columns)]
    heights = [max(cell.height for cell in row) for row in rows]
    with plt.rc_context(STYLE):
        fig = plt.figure(figsize=(columns * width, sum(heights)))
        for number, row in enumerate(rows):
            for column, cell in enumerate(row):
                _place(fig, cell, column * width, sum(heights[number:]))
    return closed(fig)


def _cell(draw, state):
    try:
        figure, sentence = draw(**state)
    except ValueError as error:
        return Cell(_wrapped(str(error), PAGE / 2), None, PAGE / 2, 0)
    width, height = figure.get_size_inches()
    picture = plt.imread(BytesIO(png(figure, SHARP)))
    return Cell(_wrapped(sentence, width), picture, width, height)


def _wrapped(text, width):
    return wrap(text, int((width - 2 * MARGIN) / LETTER))


def _place(fig, cell, left, top):
    """The cell with its upper left corner there, in inches from the page's lower left."""
    width, height = fig.get_size_inches()
    corner = ((left + MARGIN) / width, (top - MARGIN) / height)
    fig.text(*corner, "\n".join(cell.lines), va="top")
    if cell.picture is None:
        return
    bottom = top - cell.height + MARGIN
    box = (left / width, bottom / height, cell.width / width, cell.picture_height / height)
    axis = fig.add_axes(box)
    axis.imshow(cell.picture, aspect="auto", interpolation="antialiased")
    axis.set_axis_off()
