"""Explorers on pages without a kernel: a contact sheet, pictures side by side with their sentences.

The site and the slides start their kernels with `install()`; in JupyterLab nothing of this runs.
"""

from base64 import b64encode
from collections.abc import Iterator
from html import escape

from IPython import get_ipython

from attnlib.course.language import say
from attnlib.course.widgets.controls import every, standing
from attnlib.course.widgets.explorer import Explorer, png

SHARP = 110  # dots an inch: enough for the full width of a page
FEW = 4  # up to so many controls each shows two other values, else one


def install() -> None:
    """From now on every Explorer in this kernel shows its contact sheet beside its view."""
    formatter = get_ipython().display_formatter.mimebundle_formatter
    formatter.for_type(Explorer, _bundle)


def sheet(explorer: Explorer) -> str:
    """The HTML of several states of an explorer: as it starts, then one control moved at a time.

    A state that cannot be drawn shows its line of why not; one that looks and says as one
    before is left out.
    """
    shown = {}
    for label, state in _states(explorer):
        try:
            figure, sentence = explorer._draw(**state)
        except ValueError as error:
            figure, sentence = None, str(error)
        picture = png(figure, SHARP) if figure else b""
        shown.setdefault((sentence, picture), _figure(label, figure, sentence, picture))
    needs = say(
        "This widget <strong>needs a kernel</strong>: in JupyterLab you move its controls "
        "yourself. Here they are moved for you, one at a time."
    )
    cells = f'<div class="attn-cells">{"".join(shown.values())}</div>'
    return f'<div class="attn-sheet"><p>{needs}</p>{cells}</div>'


def _states(explorer: Explorer) -> Iterator[tuple[str, dict]]:
    """What is moved, and the arguments of `draw`."""
    start = explorer._state()
    yield say("as it starts"), start
    controls = explorer._controls
    for name, control in controls.items():
        for value, text in _others(control)[: 2 if len(controls) <= FEW else 1]:
            label = say("{control}: {value}", control=control.description, value=text)
            yield label, explorer.fitted(start | {name: value})[0]


def _others(control) -> list[tuple[object, str]]:
    """Value and text: the other choices, or the ends of a slider, the farther one first."""
    here, offered = standing(control), list(every(control).items())
    if hasattr(control, "readout"):  # a slider
        place = [value for value, _ in offered].index(here)
        ends = sorted({0, len(offered) - 1}, key=lambda end: -abs(end - place))
        offered = [offered[end] for end in ends]
    return [(value, text) for value, text in offered if value != here]


def _bundle(explorer):
    data, metadata = explorer._repr_mimebundle_()
    return data | {"text/html": sheet(explorer)}, metadata


def _figure(label, figure, sentence, picture):
    image = ""
    if picture:
        width, height = (round(inches * SHARP) for inches in figure.get_size_inches())
        data = b64encode(picture).decode()
        alt = escape(say("The picture, {label}", label=label))
        image = (
            f'<img src="data:image/png;base64,{data}" width="{width}" height="{height}" '
            f'alt="{alt}"><label><input type="checkbox"> {say("larger")}</label>'
        )
    told = {"label": escape(label), "sentence": escape(sentence)}
    caption = say("<strong>{label}.</strong> {sentence}", **told)
    return f"<figure>{image}<figcaption>{caption}</figcaption></figure>"
