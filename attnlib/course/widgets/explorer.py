"""Controls round a pure function that draws."""

from base64 import b64encode
from collections.abc import Callable, Iterable, Mapping
from html import escape
from io import BytesIO
from pathlib import Path

import numpy as np
import traitlets
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from PIL import Image

from attnlib.course.front_end import FrontEnd, with_shared
from attnlib.course.language import catalogue, language, say
from attnlib.course.widgets.controls import Control, states

HERE = Path(__file__).parent
DOTS = 80  # an inch of a figure, in CSS pixels


class Explorer(FrontEnd):
    """Controls above a picture; every change of a control draws anew.

    A kernel draws. Without one it is its picture as it stands, with its sentence, or what
    `recording.record` has put into it.

    Args:
        name: what the text form calls it.
        draw: takes the values of the controls by name, returns a Figure and its sentence. A
            ValueError of it is shown as the sentence, and the picture, which would be that of
            another state, is hidden.
        controls: name -> Control.
        offers: name -> function of the values of all controls, by name, that gives those which that
            control offers there: what can be drawn and makes a difference. It moves to the nearest
            of them; with one alone it is grey. They are asked in this order, each where those
            before it have moved. A control without a function always offers all.
        presets: text of a button -> the values that it sets.
        recorded: the states that a page without a kernel holds, in full; all by default.
    """

    _esm = with_shared(HERE / "address.js", HERE / "panel.js", HERE / "explorer.js")
    _css = with_shared(HERE / "explorer.css")

    lives = False  # without a kernel, before it is recorded

    controls = traitlets.List().tag(sync=True)  # of each its name, kind, text, and texts of values
    presets = traitlets.List().tag(sync=True)  # of each its text, and where the controls go
    # Where the browser moved the controls to: name -> place among the values; and its count.
    asked = traitlets.Dict({"count": 0}).tag(sync=True)
    # What is drawn: count, at (name -> place), open (name -> places that are offered), sentence.
    shown = traitlets.Dict().tag(sync=True)
    picture = traitlets.Bytes().tag(sync=True)  # a PNG; none where the sentence says why not
    record = traitlets.Dict().tag(sync=True)  # what recording.record puts here, and in the next
    pictures = traitlets.Bytes().tag(sync=True)
    said = traitlets.Dict().tag(sync=True)  # English message -> what explorer.js says

    def __init__(
        self,
        name: str,
        draw: Callable[..., tuple[Figure, str]],
        controls: Mapping[str, Control],
        offers: Mapping[str, Callable[..., Iterable]] | None = None,
        presets: Mapping[str, Mapping] | None = None,
        recorded: Iterable[Mapping] | None = None,
    ):
        self._name, self._draw, self._controls = name, draw, dict(controls)
        self._offers = dict(offers or {})
        self._recorded = None if recorded is None else list(recorded)
        self._places = {
            name: {value: place for place, value in enumerate(control.labels)}
            for name, control in controls.items()
        }
        super().__init__(
            controls=[_told(name, control) for name, control in controls.items()],
            presets=[{"text": text, "at": self._at(to)} for text, to in (presets or {}).items()],
            said=dict(catalogue(language(), "widgets/explorer.js")),
        )
        self._show({name: control.start for name, control in controls.items()})
        self.observe(self._answer, "asked")

    def __repr__(self) -> str:
        return say("{name}: {sentence}", name=self._name, sentence=self.sentence)

    def _repr_mimebundle_(self, **kwargs):
        """The live widget; for pages without scripts its picture and sentence, as it stands."""
        data, metadata = super()._repr_mimebundle_(**kwargs)
        return data | {"text/html": self._still()}, metadata

    @property
    def state(self) -> dict:
        """The values of the controls, by name."""
        return dict(self._state)

    @property
    def offered(self) -> dict:
        """The values that each control offers where they stand; one alone is grey."""
        every = {name: list(control.labels) for name, control in self._controls.items()}
        return every | self.fitted(self.state)[1]

    @property
    def sentence(self) -> str:
        """What is said of the picture."""
        return self.shown["sentence"]

    def set(self, **state) -> "Explorer":
        """Move controls, as a hand would, and draw once. Returns the Explorer.

        Raises:
            ValueError: there is no such control, or it does not offer that value where the others
                stand.
        """
        for name in state:
            if name not in self._controls:
                raise ValueError(f"{name} must be one of the controls {tuple(self._controls)}")
        fitted, offered = self.fitted(self.state | state)
        for name, value in state.items():
            if fitted[name] != value or value not in self._places[name]:
                offer = tuple(offered.get(name, self._places[name]))
                raise ValueError(
                    f"{name} must be one of {offer} where the others stand, got {value!r}"
                )
        self._show(fitted)
        return self

    def fitted(self, state: Mapping) -> tuple[dict, dict]:
        """The values of all controls, each moved to the nearest that is offered; and what is."""
        fitted, offered = dict(state), {}
        for name, offer in self._offers.items():
            offered[name] = list(offer(**fitted))
            if fitted[name] not in offered[name]:
                fitted[name] = _nearest(fitted[name], offered[name], list(self._places[name]))
        return fitted, offered

    def states(self) -> list[dict]:
        """What a page without a kernel holds: where it stands, and those to record, each once."""
        wanted = states(self._controls) if self._recorded is None else self._recorded
        fitted = [self.state, *(self.fitted(state)[0] for state in wanted)]
        return list({tuple(state.values()): state for state in fitted}.values())

    def drawn(self, state: Mapping) -> tuple[Figure | None, str]:
        """The figure of a state and its sentence; no figure where it can't be drawn."""
        try:
            return self._draw(**state)
        except ValueError as error:
            return None, str(error)

    def placed(self, state: Mapping) -> dict:
        """The state as the browser has it: where each control stands, and what it offers."""
        fitted, offered = self.fitted(state)
        open_ = {name: self._at_all(name, offered.get(name)) for name in self._controls}
        return {"at": self._at(fitted), "open": open_}

    def _at(self, state):
        return {name: self._places[name][value] for name, value in state.items()}

    def _at_all(self, name, values):
        places = self._places[name]
        return list(places.values()) if values is None else [places[value] for value in values]

    def _answer(self, _change):
        values = {name: list(places) for name, places in self._places.items()}
        at = self.asked["at"]
        self._show(self.fitted({name: values[name][at[name]] for name in values})[0])

    def _show(self, state):
        self._state = dict(state)
        figure, sentence = self.drawn(state)
        with self.hold_sync():  # the picture and its sentence arrive together
            self.picture = png(figure) if figure else b""
            told = {"count": self.asked["count"], "sentence": sentence}
            self.shown = self.placed(state) | told

    def _still(self):
        """HTML of the picture and its sentence."""
        data = b64encode(self._still_picture()).decode()
        image = f'<img src="data:image/png;base64,{data}" alt="">' if data else ""
        return f"<figure>{image}<figcaption>{escape(self.sentence)}</figcaption></figure>"

    def _still_picture(self):
        return self.picture


def _told(name, control):
    labels = [str(label) for label in control.labels.values()]
    return {"name": name, "kind": control.kind, "text": str(control.text), "labels": labels}


def _nearest(value, offered, order):
    """Of what is offered, in the order of all values."""
    if value not in order:
        return offered[0]
    return min(offered, key=lambda each: abs(order.index(each) - order.index(value)))


def png(figure: Figure, dpi: float = DOTS) -> bytes:
    """The Figure as the bytes of a PNG."""
    figure.set_dpi(dpi)
    canvas = FigureCanvasAgg(figure)
    canvas.draw()  # once: savefig lays everything out, and then again
    buffer = BytesIO()
    # Little compression: it is faster, and the bytes only go to the browser.
    Image.fromarray(np.asarray(canvas.buffer_rgba())).save(buffer, "PNG", compress_level=1)
    return buffer.getvalue()
