"""Lines of our own source, as a lesson shows them."""

import re

import pytest

from attnlib.course.lessons.kernels.excerpt import excerpt


def test_it_reads_the_lines_from_the_file_and_takes_the_margin_away():
    lines = excerpt(
        "course/lessons/kernels/tiles.py",
        "most, total, out = nothing_seen(q, v)",
        "return out / total",
    )
    assert lines.startswith("most, total, out = nothing_seen(q, v)\nfor keys, values in zip(")
    assert lines.splitlines()[-1].startswith("return out / total")
    assert repr(lines) == str(lines)


def test_a_notebook_shows_it_as_python():
    line = excerpt("layout.py", "def blockify(", "def blockify(")
    assert line._repr_markdown_() == f"```python\n{line}\n```"
    assert "\n" not in line


@pytest.mark.parametrize(
    ("first", "last", "said"),
    [
        (
            "no such line",
            "return",
            "first must be in one line of course/lessons/kernels/tiles.py, got 'no such",
        ),
        (
            "def ",
            "return",
            "first must be in one line of course/lessons/kernels/tiles.py, got 'def ' in ",
        ),
        (
            "def walk(",
            "no such line",
            "last must be in a line of course/lessons/kernels/tiles.py after 'def walk(",
        ),
        (
            "def walk(",
            "def attend(",
            "last must be in a line of course/lessons/kernels/tiles.py after 'def walk(",
        ),
    ],
)
def test_lines_that_are_not_there_are_named(first, last, said):
    with pytest.raises(ValueError, match=f"^{re.escape(said)}"):
        excerpt("course/lessons/kernels/tiles.py", first, last)
