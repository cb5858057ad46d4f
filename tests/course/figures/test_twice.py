"""A kernel of the site shows each figure with its narrow picture; any other kernel does not."""

from base64 import b64decode
from io import BytesIO

import pytest
from IPython.core.interactiveshell import InteractiveShell
from matplotlib.figure import Figure
from PIL import Image

from attnlib.course.figures import twice
from attnlib.course.figures.narrow import either, redrawn


@pytest.fixture
def shell():
    yield InteractiveShell.instance()
    InteractiveShell.clear_instance()


@redrawn
def plot():
    fig = Figure(figsize=either((10, 2), (4, 3)))
    fig.add_axes((0, 0, 1, 1)).imshow([[0, 1], [2, 3]], "viridis")
    return fig


def test_it_comes_only_after_install(shell):
    fig = plot()
    assert twice.NARROW not in shell.display_formatter.format(fig)[0]
    twice.install()
    picture = Image.open(BytesIO(b64decode(shell.display_formatter.format(fig)[0][twice.NARROW])))
    assert picture.size == (800, 600)
    assert twice.NARROW not in shell.display_formatter.format(Figure())[0]


def test_few_colours_look_as_all_of_them():
    fig = plot()
    full = BytesIO()
    fig.savefig(full, format="png", dpi=twice.DOTS)
    few = Image.open(BytesIO(twice.png(fig)))
    assert few.mode == "P"
    for corner in ((1, 1), (-1, -1)):
        place = tuple(at % side for at, side in zip(corner, few.size, strict=True))
        assert few.convert("RGB").getpixel(place) == Image.open(full).convert("RGB").getpixel(place)
