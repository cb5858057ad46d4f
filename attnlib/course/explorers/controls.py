"""The controls of the explorers: their text is never cut, whatever its length."""

from collections.abc import Sequence

import ipywidgets as widgets

WHOLE_TEXT = {"description_width": "initial"}


def slider(text: str, value: int, low: int, high: int) -> widgets.IntSlider:
    """A whole number from low to high."""
    return widgets.IntSlider(value, low, high, description=text, style=WHOLE_TEXT)


def fine_slider(
    text: str, value: float, low: float, high: float, step: float = 0.1
) -> widgets.FloatSlider:
    """A number from low to high, in steps."""
    return widgets.FloatSlider(
        value, min=low, max=high, step=step, description=text, style=WHOLE_TEXT
    )


def choice(text: str, value, options: Sequence) -> widgets.Dropdown:
    """One of several values; None is written "none"."""
    named = [("none" if option is None else str(option), option) for option in options]
    return widgets.Dropdown(options=named, value=value, description=text, style=WHOLE_TEXT)
