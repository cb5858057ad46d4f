"""What was expected, what came, and the difference, as tables side by side."""

import copy
from collections.abc import Callable
from html import escape
from itertools import product

import torch
from torch import Tensor

from attnlib.course.exercises.agreeing import agree
from attnlib.course.exercises.checking import Seen, described
from attnlib.course.language import say
from attnlib.course.shapes.labelled import Origin

SHOWN = 8  # rows and columns at most; what differs first is among them
# On a page light or dark: behind numbers in the colour of the page's text.
MORE, LESS = "59, 143, 196", "217, 72, 15"
BASE = "padding: 2px 6px; text-align: right; font: 13px monospace; border: none"
WRONG = "box-shadow: inset 0 0 0 2px #d9480f"


def compared(seen: Seen | None, right: object, answer: object, axes: tuple[str, ...] = ()) -> str:
    """HTML: the tables of the case in which a mistake was seen; nothing if there is nothing to see.

    Args:
        seen: the case, the expected result, and the one that came.
        right, answer: the two functions.
        axes: where they only move numbers, the names of the axes of the first argument: then a
            number is shown by the place that it comes from.
    """
    if seen is None:
        return ""
    moved = _places(seen, right, answer, axes) if axes else None
    case, want, got = moved or seen
    if isinstance(want, (tuple, list)) and isinstance(got, (tuple, list)):
        pairs = zip(want, got, strict=False)
        want, got = next((pair for pair in pairs if not agree(*pair[::-1])), (None, None))
    if not isinstance(want, Tensor) or not want.numel():
        return ""
    where = f"<p>{escape(say('For {where}:', where=described(right, case)))}</p>"
    cell = _label(Origin(tuple(case[0].shape), axes)) if moved else _number(want)
    tables = [_table(say("expected"), want, cell)]
    if isinstance(got, Tensor) and got.numel():
        alike = got.shape == want.shape
        wrong = ~torch.isclose(got.double(), want.double(), equal_nan=True) if alike else None
        tables.append(_table(say("yours"), got, cell, wrong))
        if alike and not moved and want.dtype != torch.bool:
            tables.append(
                _table(say("yours − expected"), got.double() - want.double(), cell, wrong)
            )
    flex = "display: flex; flex-wrap: wrap; align-items: flex-start; gap: 4px 28px"
    return f'{where}<div style="{flex}">{"".join(tables)}</div>'


def _places(seen, right, answer, axes):
    """The same case with the numbers of their places in it, if the answer moves them only."""
    first, *others = seen.case
    if not isinstance(first, Tensor) or first.dim() != len(axes):
        return None
    numbers = torch.arange(first.numel()).view(first.shape)
    try:
        want, got = (move(numbers.clone(), *copy.deepcopy(others)) for move in (right, answer))
    except Exception:  # it computes
        return None
    if not all(_are_places(x, first.numel()) for x in (want, got)):
        return None
    return Seen((numbers, *others), want, got)


def _are_places(x, count):
    numbers = isinstance(x, Tensor) and x.dtype == torch.int64 and bool(x.numel())
    return numbers and x.min() >= 0 and x.max() < count


def _label(origin):
    """A cell of a place: its name, in the tint of its head or its first axis."""

    def cell(value):
        return origin.text(int(value)), f"background: {origin.tint(int(value))}; color: black"

    return cell


def _number(want):
    """A cell of a number, the stronger its tint the larger it is against the expected ones."""
    finite = want.double()[want.double().isfinite()]
    largest = max(finite.abs().max().item(), 1e-12) if finite.numel() else 1.0
    whole = not want.is_floating_point()

    def cell(value):
        strength = min(abs(value) / largest, 1) * 0.45 if value == value else 0
        colour = LESS if value < 0 else MORE
        text = f"{value:g}" if whole and value == int(value) else f"{value:.2f}"
        return text, f"background: rgba({colour}, {strength:.2f})"

    return cell


def _table(name: str, x: Tensor, cell: Callable, wrong: Tensor | None = None) -> str:
    """One table: a line for each place of all axes but the last, at most 8 × 8 round a mistake."""
    rows = x.detach().reshape(-1, x.shape[-1] if x.dim() else 1)
    marked = (
        torch.zeros_like(rows, dtype=torch.bool) if wrong is None else wrong.reshape(rows.shape)
    )
    at = marked.nonzero()[0].tolist() if marked.any() else (0, 0)
    down, across = (slice(max(0, place - SHOWN + 1), max(place + 1, SHOWN)) for place in at)
    places = list(product(*map(range, x.shape[:-1])))[down]
    lines = zip(places, rows[down, across].tolist(), marked[down, across].tolist(), strict=True)
    body = "".join(_line(*line, cell) for line in lines)
    style = "caption-side: top; text-align: left; color: inherit; white-space: nowrap"
    caption = f'<caption style="{style}"><b>{escape(name)}</b> {tuple(x.shape)}</caption>'
    style = "border-collapse: separate; border-spacing: 2px; margin: 0"
    return f'<table style="{style}">{caption}<tbody>{body}</tbody></table>'


def _line(place, values, wrong, cell):
    head = f'<th scope="row" style="{BASE}; font-weight: normal">{list(place)}</th>'
    cells = (_cell(*cell(value), bad) for value, bad in zip(values, wrong, strict=True))
    return f"<tr>{head if place else ''}{''.join(cells)}</tr>"


def _cell(text, style, bad):
    mark = f"; {WRONG}" if bad else ""
    return f'<td style="{BASE}; {style}{mark}">{escape(text)}</td>'
