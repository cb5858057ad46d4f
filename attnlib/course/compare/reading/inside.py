"""Which attentions are inside a model: those of its parts that can be read, the innermost."""

from collections.abc import Iterator
from contextlib import suppress
from dataclasses import replace

from torch import nn

from attnlib.course.compare.calling.search import calls
from attnlib.course.compare.calling.unreadable import Unreadable
from attnlib.course.compare.reading.drawing import drawn
from attnlib.course.compare.reading.holding import holding
from attnlib.course.compare.reading.labels import fill, flat
from attnlib.course.compare.reading.read import Reading, read


def attentions(model: nn.Module) -> list[tuple[str, Reading]]:
    """[(name, reading)] of the innermost submodules that are attentions, in the model's order.

    The name is that of `model.get_submodule`: "" if it is the model itself. The numbers in a
    reading are those that the parameters hold now.
    """
    if not isinstance(model, nn.Module):
        raise TypeError(f"model must be an nn.Module, got {type(model).__name__}")
    return list(_inside(model, ""))


def _inside(module, name) -> Iterator[tuple[str, Reading]]:
    found = [
        pair
        for child, part in module.named_children()
        for pair in _inside(part, f"{name}.{child}" if name else child)
    ]
    if not found and next(module.parameters(), None) is not None:
        with suppress(Unreadable):
            found = [(name, _held(module))]
    yield from found


def _held(module):
    """Read with random numbers; then those that it holds."""
    call = calls(module)[0]
    numbers = flat(call.module)
    reading = read(drawn(call, 0))
    if reading.whole:
        reading = replace(reading, attentions=tuple(holding(reading, numbers)))
    fill(call.module, numbers)
    return reading
