"""What a reader has done: the table in lesson 00, the line at the end of each."""

import re

import pytest

from attnlib.course.manifest import LESSONS
from attnlib.course.progress.content import all_exercises, all_predictions
from attnlib.course.progress.done import Done, done
from attnlib.course.progress.table import lesson_progress, my_progress
from attnlib.course.record import all_recorded, record
from notebooks.execute import HERE, read

ASKED = all_predictions()
NAMES = [name for name in ASKED if name.startswith("heads.")]
NOTHING = "Exercises passed: 0 of 4. Predictions committed: 0 of 4, right: 0, skipped: 0."


def choose(name, place, committed=True):
    record(name, chosen=place, committed=committed)


def work():
    """In lesson 02: one exercise of four, and all four predictions, each in another way."""
    record("heads.split", tries=2, passed=True)
    record("heads.merge", tries=5, passed=False)
    right, wrong, skipped, open_ = NAMES
    choose(right, ASKED[right].place)
    choose(wrong, (ASKED[wrong].place + 1) % len(ASKED[wrong].choices))
    choose(skipped, -1)
    choose(open_, ASKED[open_].place, committed=False)


def test_a_lesson_in_numbers():
    work()
    assert done("heads", all_recorded()) == Done(1, 4, 2, 4, 1, 1)
    assert str(lesson_progress("heads")) == (
        "Exercises passed: 1 of 4. Predictions committed: 2 of 4, right: 1, skipped: 1."
    )


@pytest.mark.parametrize(
    "facts",
    [
        {"chosen": 99, "committed": True},
        {"chosen": True, "committed": True},
        {"chosen": "a", "committed": True},
        {"chosen": 0},
        {"told": [1]},
    ],
)
def test_what_no_prediction_records_counts_nothing(facts):
    record(NAMES[0], **facts)
    assert str(lesson_progress("heads")) == NOTHING


def test_an_empty_record_gives_the_same_table_every_time():
    assert repr(my_progress()) == repr(my_progress())
    exercises, predictions = len(all_exercises()), len(ASKED)
    assert re.search(rf"\nall +0 of {exercises} +0 of {predictions} +0 +0$", repr(my_progress()))


def test_the_table_has_all_lessons_and_links_to_them():
    work()
    found = my_progress()
    assert re.search(r"\n02 · Heads +1 of 4 +2 of 4 +1 +1\n", repr(found))
    assert re.search(r"\n01 · Attention by hand +0 of 3 +0 of 4 +0 +0\n", repr(found))
    html = found._repr_html_()
    links = re.findall(r'<a href="([^"]+)">([^<]+)</a>', html)
    assert links == [(f"{each.stem}.ipynb", each.heading) for each in LESSONS]
    assert html.count("<tr>") == len(LESSONS) + 2
    assert '<a href="00_two_cousins.ipynb">' in lesson_progress("heads")._repr_html_()


def test_from_a_folder_of_another_language_what_is_not_there_lies_above(tmp_path, monkeypatch):
    (tmp_path / "zh").mkdir()
    for name in ("00_two_cousins", "01_by_hand", "zh/00_two_cousins"):
        (tmp_path / f"{name}.ipynb").touch()
    monkeypatch.chdir(tmp_path / "zh")
    table = my_progress()._repr_html_()
    assert '<a href="00_two_cousins.ipynb">' in table
    assert '<a href="../01_by_hand.ipynb">' in table
    monkeypatch.chdir(tmp_path)
    assert '<a href="../' not in my_progress()._repr_html_()


def test_another_lesson_is_refused():
    with pytest.raises(ValueError, match="got 'tails'"):
        lesson_progress("tails")


@pytest.mark.parametrize("lesson", LESSONS, ids=lambda each: each.name)
def test_a_lesson_ends_with_its_line_and_its_own_cells_are_no_tries(lesson):
    *_, last = read(HERE / f"{lesson.stem}.ipynb").cells
    assert last.source.endswith(f'\nlesson_progress("{lesson.name}")')
    assert last.outputs[0].data["text/plain"] == str(lesson_progress(lesson.name))


def test_lesson_00_begins_with_the_table():
    _, first, *_ = read(HERE / f"{LESSONS[0].stem}.ipynb").cells
    assert first.source.endswith("\nmy_progress()")
    assert first.outputs[0].data["text/plain"] == str(my_progress())
