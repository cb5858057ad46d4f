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


def stepper(text: str, value, options: Sequence) -> widgets.SelectionSlider:
    """One of several values, in their order: a slider that skips what lies between them."""
    return widgets.SelectionSlider(
        options=named(options), value=value, description=text, style=UNCUT
    )


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


def standing(control: widgets.Widget):
    """The value where a control stands."""
    return None if control.value == NONE else control.value


def every(control: widgets.Widget) -> dict:
    """All values to which a control can be moved, in their order, each with its text."""
    if hasattr(control, "options"):
        pairs = zip(control._options_values, control._options_labels, strict=True)
        return {None if value == NONE else value: text for value, text in pairs}
    if not hasattr(control, "step"):
        return {value: str(value) for value in (False, True)}
    steps = range(round((control.max - control.min) / control.step) + 1)
    values = [round(control.min + step * control.step, 9) for step in steps]  # 0.3, not 0.30…04
    return {value: str(value) for value in values}


def narrow(control: widgets.Widget, texts: Mapping, value) -> None:
    """Let a control offer these values alone, each with its text, and stand at one of them.

    One that is left with a single value is grey. A slider of numbers takes the last one as its end.
    """
    control.disabled = len(texts) < 2
    with control.hold_sync():  # else the browser sees it at its first option for a moment
        if hasattr(control, "options"):
            options = [(text, NONE if each is None else each) for each, text in texts.items()]
            if list(control._options_full) != options:
                control.options = options
        elif not control.disabled and hasattr(control, "max"):
            control.max = max(texts)
        if standing(control) != value:
            control.value = NONE if value is None else value
