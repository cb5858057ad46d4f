"""What an explorer needs in the browser, beside its controls."""

from pathlib import Path

import anywidget
import traitlets

from attnlib.course.front_end import with_shared
from attnlib.course.language import catalogue, language


class Guard(anywidget.AnyWidget):
    """Keys that are pressed in its output stay there; it says so when no kernel answers them."""

    _esm = with_shared(Path(__file__).with_name("guard.js"))
    _css = with_shared(Path(__file__).with_name("guard.css"))

    said = traitlets.Dict().tag(sync=True)  # English message -> what guard.js says

    def __init__(self):
        super().__init__(said=dict(catalogue(language(), "widgets/guard.js")))
        self.on_msg(lambda *_: self.send("here"))
