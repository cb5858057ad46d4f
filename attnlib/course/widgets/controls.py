"""The controls of the explorers: their text is never cut, whatever its length.

`text` is what stands beside a control, said already.
"""

from collections.abc import Mapping, Sequence

import ipywidgets as widgets

from attnlib.course.language import N_, say

NONE = N_("none")  # a Dropdown shows the value None as if nothing were chosen
UNCUT = {"description_width": "initial"}


def slider(text: str, value: int, low: int, high: int) -> widgets.IntSlider:
    """A whole number from low to high."""
    return widgets.IntSlider(value, low, high, description=text, style=UNCUT)


def fine_slider(
    text: str, value: float, low: float, high: float, step: float = 0.1
) -> widgets.FloatSlider:
    """A number from low to high, in steps."""
    return widgets.FloatSlider(value, min=low, max=high, step=step, description=text, style=UNCUT)


def choice(text: str, value, options: Sequence) -> widgets.Dropdown:
    """One of several values. An option is a value, or a text to show for it and the value."""
    value = NONE if value is None else value
    return widgets.Dropdown(options=named(options), value=value, description=text, style=UNCUT)


def labelled(text: str, value, labels: Mapping) -> widgets.Dropdown:
    """One of several values, each with words of its own: value -> label, marked by `N_`."""
    return choice(text, value, [(say(label), known) for known, label in labels.items()])


def named(options: Sequence) -> list[tuple[str, object]]:
    """Text and value of each, where an option is a value or both.

    None becomes `NONE`, which an Explorer takes for None.
    """
    pairs = [option if isinstance(option, tuple) else (None, option) for option in options]
    return [_named(label, value) for label, value in pairs]


def _named(label, value):
    if value is None:
        return say(NONE) if label is None else label, NONE
    return str(value) if label is None else label, value
