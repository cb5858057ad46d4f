"""A plane in which a query and a key are dragged."""

from pathlib import Path

import anywidget
import traitlets

from attnlib.course.front_end import with_shared
from attnlib.course.language import catalogue, language
from attnlib.course.widgets.explorer import Explorer


class Plane(anywidget.AnyWidget):
    """Arrows in the plane: `q` and `k`, key 0, can be dragged; `others`, keys 1, 2, …, stand still.

    Coordinates lie in −2 … 2.
    """

    _esm = with_shared(Path(__file__).with_name("plane.js"))

    q = traitlets.Tuple(default_value=(0.0, 0.0)).tag(sync=True)
    k = traitlets.Tuple(default_value=(0.0, 0.0)).tag(sync=True)
    others = traitlets.List(traitlets.List(traitlets.Float())).tag(sync=True)
    said = traitlets.Dict().tag(sync=True)  # English message -> what plane.js says

    @traitlets.default("said")
    def _translations(self):
        return dict(catalogue(language(), "lessons/by_hand/plane.js"))


def tie(plane: Plane, point: str, explorer: Explorer) -> None:
    """Dragging `point` moves its two controls at once; the controls move the point.

    Args:
        point: "q" or "k", whose controls are q_x and q_y, or k_x and k_y.
    """
    names = (f"{point}_x", f"{point}_y")
    controls = [explorer._controls[name] for name in names]

    def places():
        return tuple(control.value for control in controls)

    def dragged(change):
        if tuple(change["new"]) != places():
            explorer.set(**dict(zip(names, change["new"], strict=True)))

    def drawn(_change=None):
        setattr(plane, point, places())

    drawn()
    plane.observe(dragged, point)
    explorer.observe(drawn, "drawn")
