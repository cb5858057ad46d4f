"""Figures for a telephone: panels below each other, in a column that is four inches wide.

A figure of ten inches is shrunk on a telephone until nobody can read it. What is drawn within
`narrow()` has WIDTH, and letters that are read there; `again(fig)` draws a figure once more so.
"""

from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager
from contextvars import ContextVar
from functools import partial, wraps
from types import MappingProxyType
from weakref import WeakKeyDictionary

import matplotlib.pyplot as plt
import numpy as np
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from attnlib.course.figures.style import STYLE
from attnlib.course.wide import fill

WIDTH = 4.0  # inches: a telephone's 358 px
SMALL = {"font.size": 9, "axes.titlesize": 9.5, "figure.titlesize": 9.5}  # points: 9 are 11 px
INSIDE = (0.01, 0.01, 0.98, 0.98)  # nothing touches the edge
LINE = 46  # letters, over the whole width

_is_narrow = ContextVar("_is_narrow", default=False)
_drawers: WeakKeyDictionary[Figure, Callable[[], Figure]] = WeakKeyDictionary()


@contextmanager
def narrow() -> Iterator[None]:
    """All figures drawn inside are narrow."""
    token = _is_narrow.set(True)
    try:
        yield
    finally:
        _is_narrow.reset(token)


def redrawn(plot: Callable[..., Figure]) -> Callable[..., Figure]:
    """Decorates a function that draws: `again` can then draw its figures narrow."""

    @wraps(plot)
    def drawn(*args, **named):
        fig = plot(*args, **named)
        _drawers[fig] = partial(plot, *args, **named)
        return fig

    return drawn


def again(fig: Figure) -> Figure | None:
    """The same once more, narrow; None if its function is not one that `redrawn` decorates."""
    if fig not in _drawers:
        return None
    with narrow():
        return _drawers[fig]()


def is_wide() -> bool:
    """Whether what is drawn now has its full width."""
    return not _is_narrow.get()


def either(wide, narrow):
    """One of the two, as the figure is drawn."""
    return wide if is_wide() else narrow


def points(size: float) -> float:
    """The size of letters; narrow: that of all letters there."""
    return either(size, SMALL["font.size"])


def styled(more: Mapping = MappingProxyType({})) -> AbstractContextManager:
    """The style of all figures, `more` over it; narrow, letters are small whatever it says."""
    return plt.rc_context(STYLE | dict(more) | either({}, SMALL))


def panels(
    count: int,
    size: tuple[float, float],
    tall: float,
    *,
    columns: int | None = None,
    across: int = 1,
    fixed: dict | None = None,
    **options,
) -> tuple[Figure, np.ndarray]:
    """A figure of `count` axes: in a row, or in `columns`; narrow: `across` in a row.

    Args:
        size: of the figure, in inches.
        tall: inches that a row takes where it is narrow.
        fixed: for speed, where the axes are, as `subplots_adjust` takes it; narrow: laid out.
        options: those of `plt.subplots`.
    """
    columns = either(columns or count, across)
    rows = -(-count // columns)
    size = either(size, (WIDTH, tall * rows))
    layout = None if fixed and is_wide() else "constrained"
    fig, axes = plt.subplots(rows, columns, figsize=size, squeeze=False, layout=layout, **options)
    if layout is None:
        fig.subplots_adjust(**fixed)
    if not is_wide():
        fig.get_layout_engine().set(rect=INSIDE)
    for axis in axes.flat[count:]:
        axis.set_axis_off()
    return fig, axes.flatten()[:count]


def lines(text: str, columns: int = LINE) -> str:
    """The text; narrow: in lines of so many letters."""
    return either(text, fill(text, columns, break_on_hyphens=False))


def whole(axis) -> None:
    """Narrow: few ticks, at whole numbers."""
    if not is_wide():
        axis.locator_params(nbins=4, integer=True)


def bar(**wide) -> dict:
    """Where a colour bar stands, as `colorbar` takes it: beside the axes; narrow: below them."""
    below = {"location": "bottom", "aspect": 40, "pad": 0.02, "ticks": MaxNLocator(4)}
    return either(wide, below)


def beside(columns: int) -> dict:
    """Where a legend stands, as `legend` takes it: right of the axes; narrow: above, in columns."""
    place = {"loc": "lower left", "bbox_to_anchor": (0, 1), "ncols": columns, "borderpad": 0.2}
    return either({"loc": "upper left", "bbox_to_anchor": (1, 1)}, place)
