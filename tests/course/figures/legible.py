"""What of a figure a telephone's reader could not read: small letters, cut ones, one on another."""

from itertools import combinations

from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.text import Text
from matplotlib.transforms import Bbox

COLUMN = 358  # px: a page's column on a telephone
READ = 11  # px
DOTS = 200  # an inch, as the page's pictures have


def faults(fig: Figure, monkeypatch) -> list[str]:
    """A line for each text that is not read; none if all are."""
    fig.set_dpi(DOTS)
    texts = _drawn(fig, monkeypatch)
    edge = Bbox.from_bounds(-1, -1, fig.bbox.width + 2, fig.bbox.height + 2)
    px = COLUMN / fig.get_figwidth() / 72  # of a point
    small = [f"small: {text!r}" for text, size, _ in texts if size * px < READ]
    cut = [f"cut: {text!r}" for text, _, box in texts if not _inside(box, edge)]
    pairs = combinations(texts, 2)
    return small + cut + [f"{one[0]!r} on {two[0]!r}" for one, two in pairs if _over(one, two)]


def _drawn(fig, monkeypatch):
    """Words, points and box of each text that is truly drawn: of ticks not all are."""
    texts, draw = {}, Text.draw

    def drawn(text, renderer):
        if text.get_visible() and text.get_text().strip():
            box = text.get_window_extent(renderer)
            texts[text] = (text.get_text(), text.get_fontsize(), box)
        draw(text, renderer)

    with monkeypatch.context() as patched:
        patched.setattr(Text, "draw", drawn)
        fig.draw_without_rendering()  # from now on the layout stands
        texts.clear()
        FigureCanvasAgg(fig).draw()
    return list(texts.values())


def _inside(box, edge):
    return edge.x0 <= box.x0 and edge.y0 <= box.y0 and box.x1 <= edge.x1 and box.y1 <= edge.y1


def _over(one, two):
    """Whether one of two texts hides more than a little of the other."""
    shared = Bbox.intersection(one[2], two[2])
    if shared is None:
        return False
    smaller = min(box.width * box.height for box in (one[2], two[2]))
    return shared.width * shared.height > 0.08 * smaller
