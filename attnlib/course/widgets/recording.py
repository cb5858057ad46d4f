"""What an explorer shows, for pages without a kernel: pictures of its states, kept in the widget.

The site and the slides start their kernels with `install()`; in JupyterLab nothing of this runs.
"""

from collections.abc import Iterable
from io import BytesIO

import numpy as np
from IPython import get_ipython
from matplotlib.figure import Figure
from PIL import Image

from attnlib.course.widgets.explorer import DOTS, Explorer, png

SHARP = 100  # dots an inch: enough for the full width of a page
CLEAR = 127  # the place in the palette of what is seen through; those before it are colours
LOOKED_AT = 12  # pictures, for the palette
MOST = 0.5  # of a picture that may differ from the first; else it is smaller alone


def install() -> None:
    """From now on every Explorer in this kernel is recorded when it is shown."""
    formatter = get_ipython().display_formatter.mimebundle_formatter
    formatter.for_type(Explorer, _bundle)


def record(explorer: Explorer) -> Explorer:
    """Put its states into the explorer: the browser then needs no kernel. Returns it.

    A state is its sentence and its picture: the first of its size is kept whole, of the others
    what differs from that.
    """
    states = explorer.states()
    figures, sentences = zip(*map(explorer.drawn, states), strict=True)
    pictures = Pictures(figures)
    placed = [explorer.placed(state) for state in states]
    held = {name: {each["at"][name] for each in placed} for name in explorer.state}
    opens, told = [], {}
    for each, sentence, layers in zip(placed, sentences, pictures.layers, strict=True):
        offered = {name: sorted(held[name] & set(each["open"][name])) for name in held}
        if offered not in opens:
            opens.append(offered)
        told[_key(each)] = (sentence, opens.index(offered), layers)
    explorer.pictures = bytes(pictures.bytes)
    explorer.record = {
        "start": _key(explorer.shown),
        "states": told,
        "opens": opens,
        "fitted": dict(_fitted(explorer, states)),
        "scale": DOTS / SHARP,
    }
    return explorer


def _fitted(explorer, states):
    """Where a control was moved and others had to follow: the state as moved, and as it became."""
    for state in states:
        for name, control in explorer._controls.items():
            for value in control.labels:
                placed = explorer.placed(state | {name: value})
                moved = explorer.placed(state)["at"] | explorer._at({name: value})
                if moved != placed["at"]:
                    yield _key({"at": moved}), _key(placed)


def _key(placed):
    return ",".join(map(str, placed["at"].values()))


class Pictures:
    """WebP pictures in a row, no two the same; with one palette what is alike is the same.

    Args:
        figures: of all states, or None where nothing is drawn.
    """

    def __init__(self, figures: Iterable[Figure | None]):
        self.bytes, self._ranges, self._first = bytearray(), {}, {}
        pixels = [None if figure is None else _pixels(figure) for figure in figures]
        self._palette = _palette([each for each in pixels if each is not None])
        # Of each figure where its layers lie, the lower first: from which byte to which.
        self.layers = [[] if each is None else self._add(each) for each in pixels]

    def _add(self, pixels):
        image = Image.fromarray(pixels).quantize(palette=self._palette, dither=Image.Dither.NONE)
        places = np.asarray(image)
        first = self._first.setdefault(places.shape, places)
        differs = places != first
        if differs.mean() > MOST:
            return [self._kept(places)]
        layers = [self._kept(first)]
        if differs.any():
            layers.append(self._kept(np.where(differs, places, CLEAR)))
        return layers

    def _kept(self, places):
        colours = np.zeros((CLEAR + 1, 4), np.uint8)
        colours[:CLEAR, :3] = np.reshape(self._palette.getpalette()[: 3 * CLEAR], (-1, 3))
        colours[:CLEAR, 3] = 255
        buffer = BytesIO()
        # Without loss, some three quarters of a PNG with a palette.
        Image.fromarray(colours[places]).save(buffer, "WEBP", lossless=True)
        data = buffer.getvalue()
        if data not in self._ranges:
            start = len(self.bytes)
            self.bytes += data
            self._ranges[data] = (start, len(self.bytes))
        return self._ranges[data]


def _pixels(figure):
    return np.asarray(Image.open(BytesIO(png(figure, SHARP))).convert("RGB"))


def _palette(pixels):
    """Colours that serve all pictures; the last place is kept clear."""
    few = pixels[:: -(-len(pixels) // LOOKED_AT)] or [np.zeros((1, 1, 3), np.uint8)]
    row = np.concatenate([each.reshape(-1, 1, 3) for each in few])
    return Image.fromarray(row).quantize(CLEAR, dither=Image.Dither.NONE)


def _bundle(explorer):
    if not explorer.lives:
        record(explorer)
    return explorer._repr_mimebundle_()
