"""Pictures of many figures that are nearly alike, in little room."""

from collections.abc import Iterable, Sequence
from io import BytesIO

import numpy as np
from matplotlib.figure import Figure
from PIL import Image

from attnlib.course.widgets.explorer import png

EXACT = 128  # of 256 colours stand in the pictures just so, as the white and the red
LOOKED_AT = 12  # pictures, for the palette
MOST = 0.5  # of a picture that may differ from the first; else it is smaller alone


class Pictures:
    """WebP pictures in a row, no two the same; with one palette what is alike is the same.

    The first of its size is kept whole, of the others what differs from that.

    Args:
        figures: or None where nothing is drawn.
        dots: an inch.
    """

    def __init__(self, figures: Iterable[Figure | None], dots: int):
        self.bytes, self._ranges, self._first = bytearray(), {}, {}
        pixels = [None if figure is None else _pixels(figure, dots) for figure in figures]
        self._palette = Palette([each for each in pixels if each is not None])
        # Of each figure where its layers lie, the lower first: from which byte to which.
        self.layers = [[] if each is None else self._add(each) for each in pixels]

    def _add(self, pixels):
        pixels = self._palette.nearest(pixels)
        first = self._first.setdefault(pixels.shape, pixels)
        differs = pixels != first
        if differs.mean() > MOST:
            return [self._kept(pixels)]
        layers = [self._kept(first)]
        if differs.any():
            layers.append(self._kept(pixels, differs))
        return layers

    def _kept(self, pixels, seen=True):
        clear = np.zeros(4, np.uint8)
        shown = np.where(np.asarray(seen)[..., None], self._palette.colours[pixels], clear)
        buffer = BytesIO()
        # Without loss, some three quarters of a PNG with a palette.
        Image.fromarray(shown).save(buffer, "WEBP", lossless=True)
        data = buffer.getvalue()
        if data not in self._ranges:
            start = len(self.bytes)
            self.bytes += data
            self._ranges[data] = (start, len(self.bytes))
        return self._ranges[data]


class Palette:
    """256 colours that serve all pictures: the most frequent as they are, of the rest the means.

    Args:
        pictures: (height, width) of whole numbers, a colour each.
    """

    def __init__(self, pictures: Sequence[np.ndarray]):
        few = pictures[:: -(-len(pictures) // LOOKED_AT)] or [np.zeros((1, 1), int)]
        every = np.concatenate([each.ravel() for each in few])
        values, counts = np.unique(every, return_counts=True)
        exact = values[counts.argsort()[::-1][:EXACT]]
        rest = every[~np.isin(every, exact)]
        colours = [_channels(exact)]
        if len(rest):
            image = Image.fromarray(_channels(rest)[:, None]).quantize(256 - EXACT)
            colours.append(np.reshape(image.getpalette(), (-1, 3)).astype(np.uint8))
        rgb = np.concatenate(colours)[:256]
        self.colours = np.insert(rgb, 3, 255, axis=1)  # opaque
        self._place = np.full(1 << 24, -1, np.int16)  # of every colour that was asked for

    def nearest(self, picture: np.ndarray) -> np.ndarray:
        """Of each pixel the place of its colour in the palette."""
        values = np.unique(picture)
        new = values[self._place[values] < 0]
        for some in np.array_split(new, -(-len(new) // 4096) or 1):
            distance = _channels(some)[:, None].astype(int) - self.colours[:, :3]
            self._place[some] = (distance**2).sum(-1).argmin(-1)
        return self._place[picture]


def _pixels(figure, dots):
    """(height, width) the colours of a figure, each as one number."""
    rgb = np.asarray(Image.open(BytesIO(png(figure, dots))).convert("RGB")).astype(int)
    return rgb @ (1 << 16, 1 << 8, 1)


def _channels(colours):
    """(…,) numbers -> (…, 3) red, green, blue."""
    return (colours[..., None] >> (16, 8, 0) & 255).astype(np.uint8)
