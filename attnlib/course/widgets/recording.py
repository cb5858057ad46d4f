"""What an explorer shows, for pages without a kernel: pictures of its states, kept in the widget.

The site and the slides start their kernels with `install()`; in JupyterLab nothing of this runs.
"""

from contextlib import nullcontext

from IPython import get_ipython

from attnlib.course.figures.narrow import narrow
from attnlib.course.widgets.explorer import DOTS, Explorer
from attnlib.course.widgets.pictures import Pictures

# Dots an inch, of a page's full width and of a telephone's, which has more dots.
SHARP, SHARP_NARROW = 88, 125
DOTS_NARROW = 90  # CSS pixels of a narrow inch: four of them are a telephone's column


def install() -> None:
    """From now on every Explorer in this kernel is recorded when it is shown."""
    formatter = get_ipython().display_formatter.mimebundle_formatter
    formatter.for_type(Explorer, _bundle)


def record(explorer: Explorer) -> Explorer:
    """Put its states into the explorer: the browser then needs no kernel. Returns it.

    A state is its sentence, what its controls offer, and its picture, wide and narrow.
    """
    states = explorer.states()
    wide = _pictures(explorer, states, nullcontext(), SHARP)
    small = _pictures(explorer, states, narrow(), SHARP_NARROW)
    behind = [_moved(layers, len(wide.bytes)) for layers in small.layers]
    opens, told = [], {}
    for state, open_, *layers in zip(
        states, _offered(explorer, states), wide.layers, behind, strict=True
    ):
        if open_ not in opens:
            opens.append(open_)
        sentence = explorer.drawn(state)[1]
        told[_key(explorer.placed(state))] = (sentence, opens.index(open_), layers)
    explorer.pictures = bytes(wide.bytes + small.bytes)
    explorer.record = {
        "start": _key(explorer.shown),
        "states": told,
        "opens": opens,
        "fitted": dict(_fitted(explorer, states)),
        "scales": [DOTS / SHARP, DOTS_NARROW / SHARP_NARROW],
    }
    return explorer


def _pictures(explorer, states, width, dots):
    with width:
        return Pictures((explorer.drawn(state)[0] for state in states), dots)


def _moved(layers, by):
    return [(start + by, end + by) for start, end in layers]


def _offered(explorer, states):
    """Of each state what its controls offer, as far as it is recorded."""
    placed = [explorer.placed(state) for state in states]
    held = {name: {each["at"][name] for each in placed} for name in explorer.state}
    for each in placed:
        yield {name: sorted(held[name] & set(each["open"][name])) for name in held}


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


def _bundle(explorer):
    if not explorer.lives:
        record(explorer).picture = b""  # it is in the record
    return explorer._repr_mimebundle_()
