"""A class's numbers as CSV: three files, one thing a line."""

import csv
import io
from collections.abc import Iterable

from attnlib.course.progress.mistakes import commonest, told
from attnlib.course.progress.sums import Chosen, Sum
from attnlib.course.widgets.asked import LETTERS

UTF8 = "\ufeff"  # by which a spreadsheet knows
FORMULA = tuple("=+-@\t\r")  # a cell that begins so is run by a spreadsheet


def sheets(found: Sum) -> dict[str, str]:
    """The name of each file, and its text."""
    return {
        "exercises.csv": _sheet(
            ("exercise", "readers", "tried", "passed", "tries", "hints"),
            (
                (key, found.readers, each.tried, each.passed, each.tries, each.hints)
                for key, each in found.exercises.items()
            ),
        ),
        "mistakes.csv": _sheet(
            ("exercise", "mistake", "times"),
            (
                (key, told(kind), times)
                for key, each in found.exercises.items()
                for kind, times in commonest(each.mistakes)
            ),
        ),
        "predictions.csv": _sheet(
            ("prediction", "choice", "right", "readers", "share"),
            (row for name, each in found.predictions.items() for row in _choices(name, each)),
        ),
    }


def _choices(name: str, each: Chosen):
    for letter, count in zip(LETTERS, each.counts, strict=False):
        yield name, letter, int(letter == each.ask.answer), count, _share(count, each)
    yield name, "skipped", 0, each.skipped, _share(each.skipped, each)


def _share(count, each):
    return f"{count / each.answered:.3f}" if each.answered else ""


def _sheet(columns: Iterable[str], rows: Iterable[Iterable]) -> str:
    text = io.StringIO()
    lines = csv.writer(text, lineterminator="\n")
    lines.writerow(columns)
    lines.writerows([_harmless(cell) for cell in row] for row in rows)
    return UTF8 + text.getvalue()


def _harmless(cell):
    return f"'{cell}" if isinstance(cell, str) and cell.startswith(FORMULA) else cell
