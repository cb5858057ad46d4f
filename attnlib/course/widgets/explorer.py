"""Controls round a pure function that draws."""

from collections.abc import Callable, Mapping
from html import escape
from io import BytesIO

import ipywidgets as widgets
import traitlets
from matplotlib.figure import Figure

from attnlib.course.language import say
from attnlib.course.widgets.controls import NONE


class Explorer(widgets.VBox):
    """Controls above a picture; every change of a control draws anew. Needs a kernel.

    Args:
        name: what the text form calls it.
        draw: takes the values of the controls by name, returns a Figure and its sentence. A
            ValueError of it is shown as the sentence, and the picture, which would be that of
            another state, is hidden.
        controls: name -> widget with a `value`.
    """

    drawn = traitlets.Int(0)  # how often it has drawn: to be observed

    def __init__(
        self,
        name: str,
        draw: Callable[..., tuple[Figure, str]],
        controls: Mapping[str, widgets.Widget],
    ):
        self._name, self._draw, self._controls = name, draw, dict(controls)
        self._held = False
        self._picture = widgets.Image(format="png")
        self._picture.layout.max_width = "100%"
        self._line = widgets.HTML()
        for control in self._controls.values():
            control.observe(self._update, "value")
        self._update()
        row = widgets.HBox(list(self._controls.values()))
        row.layout.flex_flow = "row wrap"
        super().__init__([row, self._picture, self._line])

    def __repr__(self) -> str:
        return say("{name}: {sentence}", name=self._name, sentence=self.sentence)

    def set(self, **state) -> None:
        """Move controls, as a hand would, and draw once."""
        self._held = True
        try:
            for name, value in state.items():
                self._controls[name].value = NONE if value is None else value
        finally:
            self._held = False
        self._update()

    def _state(self):
        values = {name: control.value for name, control in self._controls.items()}
        return {name: None if value == NONE else value for name, value in values.items()}

    def _update(self, _change=None):
        if self._held:
            return
        try:
            figure, self.sentence = self._draw(**self._state())
        except ValueError as error:
            self.sentence = str(error)
            self._picture.layout.visibility = "hidden"  # it keeps its place, so nothing jumps
        else:
            self._picture.value = png(figure)
            self._picture.layout.visibility = "visible"
        status = f'<p role="status" aria-live="polite">{escape(self.sentence)}</p>'
        self._line.value = status
        self.drawn += 1


def png(figure: Figure, dpi: float = 80) -> bytes:
    """The Figure as the bytes of a PNG."""
    buffer = BytesIO()
    # Little compression: it is faster, and the bytes only go to the browser.
    figure.savefig(buffer, format="png", dpi=dpi, pil_kwargs={"compress_level": 1})
    return buffer.getvalue()
