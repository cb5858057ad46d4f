"""An explorer that is drawn in the browser, with a kernel or without."""

from base64 import b64encode
from collections.abc import Callable, Iterable, Mapping
from io import BytesIO
from pathlib import Path

import traitlets
from matplotlib.figure import Figure
from PIL import Image
from torch import Tensor

from attnlib.course.front_end import with_shared
from attnlib.course.language import catalogue, language
from attnlib.course.widgets.controls import Control
from attnlib.course.widgets.explorer import HERE, Explorer, png

COURSE = HERE.parent
BEFORE = tuple(HERE / file for file in ("address.js", "panel.js", "drawn.js", "svg.js"))


def script(source: Path) -> str:
    """The code of a drawn explorer, whose own part stands in this file."""
    return with_shared(*BEFORE, source)


def as_address(picture: Tensor, kind: str = "PNG") -> str:
    """(height, width, 3) or (height, width) in [0, 1] as the address of a picture that holds it.

    Args:
        kind: PNG, which keeps every pixel; or JPEG, a quarter of its size, where many are shown.
    """
    buffer = BytesIO()
    pixels = (255 * picture).round().byte().numpy(force=True)
    Image.fromarray(pixels).save(buffer, kind, optimize=True)
    return f"data:image/{kind.lower()};base64,{b64encode(buffer.getvalue()).decode()}"


class Drawn(Explorer):
    """An Explorer whose picture and sentence JavaScript makes, as `draw` does in Python.

    `draw` says what is right: a test holds the two together, state by state. In Python it makes the
    text form, and the still picture for pages without scripts.

    A subclass names the file of its own part, `source`, and has `_esm = script(source)`.

    Args:
        numbers: all that the browser needs beside the controls.
    """

    lives = True
    source: Path

    numbers = traitlets.Dict().tag(sync=True)
    values = traitlets.Dict().tag(sync=True)  # name -> the values of that control, in order

    def __init__(
        self,
        name: str,
        draw: Callable[..., tuple[Figure, str]],
        controls: Mapping[str, Control],
        offers: Mapping[str, Callable[..., Iterable]] | None = None,
        numbers: Mapping | None = None,
    ):
        super().__init__(name, draw, controls, offers)
        files = ("front_end.js", self.source.relative_to(COURSE).as_posix())
        self.said = {
            message: text for file in files for message, text in catalogue(language(), file).items()
        }
        self.values = {name: list(control.labels) for name, control in controls.items()}
        self.numbers = dict(numbers or {})

    @property
    def state(self) -> dict:
        values = {name: list(control.labels) for name, control in self._controls.items()}
        return {name: values[name][place] for name, place in self.shown["at"].items()}

    @property
    def sentence(self) -> str:
        return self.drawn(self.state)[1]

    def _show(self, state):
        self.shown = {"at": self._at(state)}

    def _still_picture(self):
        figure, _ = self.drawn(self.state)
        return png(figure) if figure else b""
