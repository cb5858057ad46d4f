"""A lesson is run again if it, or the library, has changed, and only then."""

import nbformat
import pytest
from nbformat.v4 import new_code_cell, new_notebook

from docs import executed


@pytest.fixture
def lesson(tmp_path, monkeypatch):
    """One lesson of one cell, beside a library of one file."""
    (tmp_path / "attnlib").mkdir()
    (tmp_path / "attnlib" / "code.py").write_text("one = 1")
    (tmp_path / "executed").mkdir()
    monkeypatch.setattr(executed, "ROOT", tmp_path)
    monkeypatch.setattr(executed, "EXECUTED", tmp_path / "executed")
    nbformat.write(new_notebook(cells=[new_code_cell("1 + 1")]), tmp_path / "00_sum.ipynb")
    return tmp_path / "00_sum.ipynb"


def run(lesson, made_from):
    """As if it had run."""
    nb = nbformat.read(lesson, 4)
    nb.metadata[executed.MARK] = made_from
    nbformat.write(nb, executed.EXECUTED / lesson.name)


def test_what_has_run_is_not_run_again(lesson):
    assert list(executed.stale([lesson])) == [lesson]
    run(lesson, executed.stale([lesson])[lesson])
    assert executed.stale([lesson]) == {}


@pytest.mark.parametrize("changed", ["00_sum.ipynb", "attnlib/code.py"])
def test_a_change_makes_it_run_again(lesson, changed):
    run(lesson, executed.stale([lesson])[lesson])
    path = lesson.parent / changed
    path.write_text(path.read_text() + "\n")
    assert list(executed.stale([lesson])) == [lesson]


def test_a_lesson_in_another_language_has_a_place_of_its_own():
    english, chinese = (executed.HERE / name for name in ("00_sum.ipynb", "zh/00_sum.ipynb"))
    assert executed._place(english).name == "00_sum.ipynb"
    assert executed._place(chinese).name == "00_sum.zh.ipynb"


def test_what_python_leaves_behind_changes_nothing(lesson):
    run(lesson, executed.stale([lesson])[lesson])
    (lesson.parent / "attnlib" / "code.cpython-311.pyc").write_bytes(b"x")
    assert executed.stale([lesson]) == {}
