"""The table: rows as text, and as HTML in a notebook."""

from html import escape
from typing import NamedTuple

from attnlib.course.language import N_, say
from attnlib.course.wide import ljust, width

COLUMNS = (N_("step"), N_("axes"), N_("shape"), N_("einops pattern"), N_("bytes"))
MARKS = {"moves": "·", "copies": "»", "computes": "●"}
LEGEND = N_("· moves axes only (a view)   » moves elements (a copy)   ● computes")
CELL = "text-align: left; padding: 2px 8px 2px 0; font-family: monospace;"
WHOLE = (3, 5)  # columns whose cells stay in one line: shape, bytes


class Step(NamedTuple):
    """One row.

    step: the line of code, as "linear qkv". axes: of the result, "B G N C". shape: its sizes.
    pattern: in einops' words; "" where they cannot say it. bytes: of the memory that the step took
    for its result, 0 for a view. kind: "moves", "copies" or "computes".
    """

    step: str
    axes: str
    shape: tuple[int, ...]
    pattern: str
    bytes: int
    kind: str


class XRay:
    """The steps of one forward pass; prints as a table, and as HTML in a notebook.

    Args:
        title: the name of the module; may be set to another.
        given: what x was.
        steps: the rows.
    """

    def __init__(self, title: str, given: str, steps: tuple[Step, ...]):
        self.title, self.given, self.steps = title, given, steps

    def __repr__(self) -> str:
        rows = [("", *map(say, COLUMNS)), *map(_cells, self.steps)]
        widths = [max(map(width, column)) for column in zip(*rows, strict=True)]
        lines = [
            "  ".join(ljust(cell, w) for cell, w in zip(row, widths, strict=True)).rstrip()
            for row in rows
        ]
        return "\n".join([self._head(), *lines, say(LEGEND), self._summary()])

    def _repr_html_(self) -> str:
        head = "".join(f'<th style="{CELL}">{column}</th>' for column in ("", *map(say, COLUMNS)))
        body = "".join(map(_html_row, self.steps))
        return (
            f'<div style="overflow-x: auto;"><div><b>{escape(self._head())}</b></div>'
            f'<table style="border-collapse: collapse; margin: 4px 0;">'
            f"<thead><tr>{head}</tr></thead><tbody>{body}</tbody></table>"
            f"<div>{escape(say(LEGEND))}</div><div>{escape(self._summary())}</div></div>"
        )

    def _head(self) -> str:
        return say("{title}, given {given}", title=self.title, given=self.given)

    def _summary(self) -> str:
        made = [step for step in self.steps if step.bytes]
        if not made:
            return say("No step takes memory.")
        largest = max(made, key=lambda step: step.bytes)
        return say(
            "Largest: {step}, {bytes:,} bytes. "
            "New in all: {total:,} bytes, in {made} of {steps} steps.",
            step=largest.step,
            bytes=largest.bytes,
            total=sum(step.bytes for step in made),
            made=len(made),
            steps=len(self.steps),
        )


class SideBySide:
    """Two tables, next to each other."""

    def __init__(self, left: XRay, right: XRay):
        self.left, self.right = left, right

    def __repr__(self) -> str:
        columns = [repr(side).splitlines() for side in (self.left, self.right)]
        height, wide = max(map(len, columns)), max(map(width, columns[0]))
        left, right = (lines + [""] * (height - len(lines)) for lines in columns)
        lines = (f"{ljust(a, wide)}  │  {b}".rstrip() for a, b in zip(left, right, strict=True))
        return "\n".join(lines)

    def _repr_html_(self) -> str:
        sides = "".join(
            f'<div style="flex: 1 1 26em; min-width: 0;">{side._repr_html_()}</div>'
            for side in (self.left, self.right)
        )
        # On a narrow page one stands below the other.
        flex = "display: flex; flex-wrap: wrap; gap: 24px; align-items: flex-start;"
        return f'<div style="{flex}">{sides}</div>'


def side_by_side(left: XRay, right: XRay) -> SideBySide:
    """Show two tables next to each other, under their titles.

    Raises:
        TypeError: one of them is not an `XRay`.
    """
    for name, side in (("left", left), ("right", right)):
        if not isinstance(side, XRay):
            raise TypeError(f"{name} must be an XRay, as xray gives it, got {type(side).__name__}")
    return SideBySide(left, right)


def _cells(step: Step) -> tuple[str, ...]:
    return (MARKS[step.kind], step.step, step.axes, str(step.shape), step.pattern, _memory(step))


def _memory(step: Step) -> str:
    if step.bytes:
        return f"{step.bytes:,}"
    return say("view") if step.kind == "moves" else say("in place")


def _html_row(step: Step) -> str:
    # What computes is bold: seen without colours, in a light page and in a dark one.
    weight = "bold" if step.kind == "computes" else "normal"
    cells = "".join(
        f'<td style="{CELL} font-weight: {weight};'
        f'{" white-space: nowrap;" * (column in WHOLE)}">{escape(cell)}</td>'
        for column, cell in enumerate(_cells(step))
    )
    return f"<tr>{cells}</tr>"
