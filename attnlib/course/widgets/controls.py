"""The controls of the explorers, as data: explorer.js makes them.

`text` is what stands beside a control, said already.
"""

from collections.abc import Hashable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import product

from attnlib.course.language import N_, say

NONE = N_("none")  # what the value None is called


@dataclass(frozen=True)
class Control:
    """Something to move.

    Args:
        kind: "slider", "list" or "tick".
        text: what stands beside it.
        start: the value where it begins.
        labels: every value, in order, and the text that is shown for it.
    """

    kind: str
    text: str
    start: Hashable
    labels: Mapping[Hashable, str]

    def __post_init__(self):
        if self.start not in self.labels:
            raise ValueError(
                f"{self.text} must start at one of {tuple(self.labels)}, got {self.start!r}"
            )


def slider(text: str, value: int, low: int, high: int) -> Control:
    """A whole number from low to high."""
    return stepper(text, value, range(low, high + 1))


def fine_slider(text: str, value: float, low: float, high: float, step: float = 0.1) -> Control:
    """A number from low to high, in steps."""
    steps = range(round((high - low) / step) + 1)
    values = [round(low + place * step, 9) for place in steps]  # 0.3, not 0.30…04
    return stepper(text, value, values)


def stepper(text: str, value, options: Sequence) -> Control:
    """One of several values, in their order: a slider that skips what lies between them."""
    return Control("slider", text, value, named(options))


def choice(text: str, value, options: Sequence) -> Control:
    """One of several values. An option is a value, or a text to show for it and the value."""
    return Control("list", text, value, named(options))


def labelled(text: str, value, labels: Mapping) -> Control:
    """One of several values, each with words of its own: value -> label, marked by `N_`."""
    return Control("list", text, value, {known: say(label) for known, label in labels.items()})


def tick(text: str, value: bool) -> Control:
    """Yes or no."""
    return Control("tick", text, value, {each: str(each) for each in (False, True)})


def named(options: Sequence) -> dict[Hashable, str]:
    """Value -> text of each, where an option is a value, or a text and a value."""
    pairs = [option if isinstance(option, tuple) else (None, option) for option in options]
    return {value: _text(value) if text is None else text for text, value in pairs}


def states(controls: Mapping[str, Control], **fewer: Sequence) -> Iterator[dict]:
    """Every way to set these controls, the last moved fastest; of some, `fewer` values."""
    values = [fewer.get(name, control.labels) for name, control in controls.items()]
    return (dict(zip(controls, state, strict=True)) for state in product(*values))


def _text(value):
    return say(NONE) if value is None else str(value)
