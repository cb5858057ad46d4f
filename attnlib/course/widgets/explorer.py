"""Controls round a pure function that draws."""

from base64 import b64encode
from collections.abc import Callable, Iterable, Mapping
from html import escape
from io import BytesIO

import ipywidgets as widgets
import traitlets
from matplotlib.figure import Figure

from attnlib.course.language import say
from attnlib.course.widgets.controls import every, narrow, standing
from attnlib.course.widgets.guard import Guard


class Explorer(widgets.VBox):
    """Controls above a picture; every change of a control draws anew. Needs a kernel.

    Without one it is its picture as it stands, with its sentence.

    Args:
        name: what the text form calls it.
        draw: takes the values of the controls by name, returns a Figure and its sentence. A
            ValueError of it is shown as the sentence, and the picture, which would be that of
            another state, is hidden.
        controls: name -> widget with a `value`.
        offers: name -> function of the values of all controls, by name, that gives those which that
            control offers there: what can be drawn and makes a difference. It moves to the nearest
            of them; with one alone it is grey. They are asked in this order, each where those
            before it have moved. A control without a function always offers all.
    """

    drawn = traitlets.Int(0)  # how often it has drawn: to be observed

    def __init__(
        self,
        name: str,
        draw: Callable[..., tuple[Figure, str]],
        controls: Mapping[str, widgets.Widget],
        offers: Mapping[str, Callable[..., Iterable]] | None = None,
    ):
        self._name, self._draw, self._controls = name, draw, dict(controls)
        self._offers = dict(offers or {})
        self._every = {name: every(control) for name, control in self._controls.items()}
        self._held = False
        self._picture = widgets.Image(format="png")
        self._picture.layout.max_width = "100%"
        self._picture.layout.align_self = "flex-start"  # or it is stretched
        self._picture.layout.margin = "0"  # or it is wider than a narrow page
        self._line = widgets.HTML()
        for control in self._controls.values():
            control.observe(self._update, "value")
        self._update()
        row = widgets.HBox(list(self._controls.values()))
        row.layout.flex_flow = "row wrap"
        super().__init__([row, Guard(), self._picture, self._line])

    def __repr__(self) -> str:
        return say("{name}: {sentence}", name=self._name, sentence=self.sentence)

    def _repr_mimebundle_(self, **kwargs):
        """The live widget; for pages without a kernel its picture and sentence, as it stands."""
        bundle = super()._repr_mimebundle_(**kwargs)
        data, metadata = bundle if isinstance(bundle, tuple) else (bundle, {})
        still = {"text/plain": repr(self), "text/html": self._still()}
        return data | still, metadata

    def set(self, **state) -> "Explorer":
        """Move controls, as a hand would, and draw once. Returns the Explorer.

        Raises:
            ValueError: a control does not offer that value where the others stand.
        """
        fitted, offered = self.fitted(self._state() | state)
        for name, value in state.items():
            if fitted[name] != value:
                raise ValueError(
                    f"{name} must be one of {tuple(offered[name])} where the others stand, "
                    f"got {value!r}"
                )
        self._move(fitted, offered)
        self._update()
        return self

    def fitted(self, state: Mapping) -> tuple[dict, dict]:
        """The values of all controls, each moved to the nearest that is offered; and what is."""
        fitted, offered = dict(state), {}
        for name, offer in self._offers.items():
            offered[name] = list(offer(**fitted))
            if fitted[name] not in offered[name]:
                fitted[name] = _nearest(fitted[name], offered[name], list(self._every[name]))
        return fitted, offered

    def _state(self):
        return {name: standing(control) for name, control in self._controls.items()}

    def _move(self, state, offered):
        self._held = True
        try:
            for name, control in self._controls.items():
                texts = self._every[name]
                if name in offered:
                    texts = {value: texts.get(value, str(value)) for value in offered[name]}
                narrow(control, texts, state[name])
        finally:
            self._held = False

    def _update(self, _change=None):
        if self._held:
            return
        state, offered = self.fitted(self._state())
        self._move(state, offered)
        try:
            figure, self.sentence = self._draw(**state)
        except ValueError as error:
            self.sentence = str(error)
            self._picture.layout.visibility = "hidden"  # it keeps its place, so nothing jumps
        else:
            self._picture.value = png(figure)
            self._picture.layout.visibility = "visible"
        status = f'<p role="status" aria-live="polite">{escape(self.sentence)}</p>'
        self._line.value = status
        self.drawn += 1

    def _still(self):
        """HTML of the picture and its sentence."""
        shown = self._picture.layout.visibility == "visible"
        data = b64encode(self._picture.value).decode()
        image = f'<img src="data:image/png;base64,{data}" alt="">' if shown else ""
        return f"<figure>{image}<figcaption>{escape(self.sentence)}</figcaption></figure>"


def _nearest(value, offered, order):
    """Of what is offered, in the order of all values."""
    if value not in order:
        return offered[0]
    return min(offered, key=lambda each: abs(order.index(each) - order.index(value)))


def png(figure: Figure, dpi: float = 80) -> bytes:
    """The Figure as the bytes of a PNG."""
    buffer = BytesIO()
    # Little compression: it is faster, and the bytes only go to the browser.
    figure.savefig(buffer, format="png", dpi=dpi, pil_kwargs={"compress_level": 1})
    return buffer.getvalue()
