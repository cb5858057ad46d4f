"""The panel of an exercise, as the kernel sees it. What the reader sees: tests/browser."""

import pytest
import torch

from attnlib.course.exercises import released
from attnlib.course.exercises.checking import find_mistake
from attnlib.course.exercises.exercise import Exercise
from attnlib.course.exercises.panel import Panel
from attnlib.course.record import record


def twice(x):
    """What is wanted."""
    return 2 * x


def slowly(x):
    """The same as a loop."""
    return torch.stack([value + value for value in x])


@pytest.fixture
def exercise(monkeypatch, tmp_path):
    monkeypatch.setattr(released, "FILE", tmp_path / "withheld.txt")
    mistakes = (("You add 1.", lambda x: x + 1, 3), ("You halve.", lambda x: x / 2))
    return Exercise(
        key="somewhere.twice",
        task="Write twice(x).",
        find_mistake=lambda answer: find_mistake(answer, twice, [(torch.rand(3),)], mistakes),
        hints=("one", "two", "three"),
        answer=twice,
        loop=slowly,
    )


def test_it_has_all_that_is_needed_without_a_kernel(exercise):
    panel = Panel(exercise)
    assert repr(panel) == panel.task == "Exercise somewhere.twice\nWrite twice(x)."
    assert panel.hints == ["one", "two", "three"]
    assert "return 2 * x" in panel.solution
    assert "The same as a loop." in panel.loop


def test_in_a_notebook_an_exercise_is_its_panel_and_elsewhere_its_task(exercise):
    bundle = exercise._repr_mimebundle_()
    data = bundle[0] if isinstance(bundle, tuple) else bundle
    assert data["text/plain"] == repr(exercise)
    assert "application/vnd.jupyter.widget-view+json" in data


def test_a_check_in_a_cell_says_it_there_and_chooses_the_hint_here(exercise):
    panel = Panel(exercise)
    exercise.check(lambda x: x + 1)
    assert (panel.helps, panel.verdict) == (3, "")
    exercise.check(lambda x: x / 2)
    assert panel.helps == 0


def test_hints_told_in_the_panel_and_in_cells_are_the_same(exercise, capsys):
    panel = Panel(exercise)
    panel.told = [2]
    exercise.check(lambda x: x + 1)
    exercise.hint()
    assert capsys.readouterr().out == "1. two\n2. three\n", "first the one that helps"
    assert panel.told == [2, 3]
    assert Panel(exercise).told == [2, 3]
    exercise.told.clear()  # the kernel is started again
    assert Panel(exercise).told == [2, 3]
    record(exercise.key, told=[3, 9, "x"])
    exercise.told.clear()
    assert Panel(exercise).told == [3]


def test_check_takes_what_the_notebook_has_under_that_name(exercise, monkeypatch):
    class Notebook:
        user_ns = {}

    monkeypatch.setattr("IPython.get_ipython", Notebook)
    panel, answered = Panel(exercise), []
    panel.send = answered.append
    panel._asked(panel, {"number": 1}, [])
    assert panel.verdict == "There is no twice yet: run the cell that writes it."
    Notebook.user_ns["twice"] = lambda x: x + 1
    panel._asked(panel, {"number": 2}, [])
    assert panel.verdict.startswith("✘ You add 1.")
    assert "expected" in panel.tables
    Notebook.user_ns["twice"] = lambda x: x + x
    panel._asked(panel, {"number": 3}, [])
    assert (panel.verdict, panel.tables) == ("✔ Right.", "")
    assert answered == [{"answered": number} for number in (1, 2, 3)]


def test_what_is_withheld_does_not_go_to_the_browser(exercise):
    released.FILE.write_text("all")
    assert Panel(exercise).solution == ""
