"""The controls of the explorers: their text is never cut, whatever its length."""

from collections.abc import Sequence

import ipywidgets as widgets

NONE = "none"  # a Dropdown shows the value None as if nothing were chosen
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


def named(options: Sequence) -> list[tuple[str, object]]:
    """Text and value of each; None becomes `NONE`, which an Explorer takes for None."""
    options = [NONE if option is None else option for option in options]
    return [option if isinstance(option, tuple) else (str(option), option) for option in options]
