"""The questions, as they stand in questions.toml: English."""

import tomllib
from pathlib import Path

from attnlib.course.manifest import lesson

FORMS = ("A", "B")
FILE = Path(__file__).with_name("questions.toml")


def misconceptions() -> list[dict]:
    """All of them, in the order of both forms.

    Each has an `id`; its `name`; `because`, what refutes it; `again`, where to read again, a
    `lesson` ("blocks") and a `heading` in it; and for "A" and "B" a `stem`, four `choices`, "a" to
    "d", and the letters of the one that is `right` and of the one that shows the `belief`.
    """
    return tomllib.loads(FILE.read_text(encoding="utf-8"))["misconception"]


def items(form: str) -> list[dict]:
    """Those of one form, without the other's; `lesson` is the file's name, "03_blocks".

    Raises:
        ValueError: for another form.
    """
    if form not in FORMS:
        raise ValueError(f"form must be one of {', '.join(FORMS)}, got {form!r}")
    return [
        {name: each[name] for name in ("id", "name", "because")} | _read_again(each) | each[form]
        for each in misconceptions()
    ]


def _read_again(misconception):
    again = misconception["again"]
    return {"again": again | {"lesson": lesson(again["lesson"]).stem}}
