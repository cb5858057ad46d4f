"""A student's copy of a lesson: made once, without answers, brought up to date only when asked."""

import json
import shutil

import nbformat
import pytest
from nbformat.sign import NotebookNotary

from attnlib.course.copies import copying
from attnlib.course.copies.lessons import HERE, LESSONS, read
from attnlib.course.copies.student import FOLDED, for_a_student
from attnlib.course.record import folder

FILES = sorted(HERE.glob(LESSONS))


@pytest.fixture(autouse=True)
def _nobodys_signatures(tmp_path, monkeypatch):
    monkeypatch.setenv("JUPYTER_DATA_DIR", str(tmp_path / "jupyter"))


@pytest.fixture
def lessons(tmp_path):
    """A folder with two lessons to change."""
    place = tmp_path / "notebooks"
    place.mkdir()
    for path in FILES[1:3]:
        shutil.copy(path, place)
    return place


def change(path, edit):
    """Edit the cells of a notebook, a dict by id."""
    nb = nbformat.read(path, 4)
    edit(nb.cells)
    nbformat.write(nb, path)


def of(place):
    return [copying._copy(path, folder()) for path in sorted(place.glob(LESSONS))]


def update(copy, capsys=None):
    """As the next command sees it: what it knows is on the disk."""
    return copying.update(copying._copy(copy.lesson, folder()))


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_a_copy_answers_nothing_and_folds_what_is_more(path):
    lesson, found = read(path), for_a_student(read(path))
    nbformat.validate(found)
    code = [cell for cell in found.cells if cell.cell_type == "code"]
    assert [cell.source for cell in code] == [
        cell.source for cell in lesson.cells if cell.cell_type == "code"
    ]
    for cell in code:
        assert cell.execution_count is None
        asks = cell.source.startswith(("predict(", "exercise(")) and ".check(" not in cell.source
        assert not cell.outputs or asks
    for cell in found.cells:
        assert cell.metadata.get("part") != "more" or cell.metadata.items() >= FOLDED.items()
        # What is folded leaves its own cell standing: a heading and a badge, no prose.
        assert cell.metadata.get("part") != "more" or len(cell.source.splitlines()) <= 3
    prose = ["".join(each.source.split()) for each in lesson.cells if each.cell_type == "markdown"]
    kept = ["".join(each.source.split()) for each in found.cells if each.cell_type == "markdown"]
    assert "".join(kept) == "".join(prose)


def test_copies_are_made_once_signed_and_stay_as_they_are(lessons):
    first, second = of(lessons)
    assert copying.make(first) and copying.make(second)
    assert NotebookNotary().check_signature(nbformat.read(first.file, 4))
    change(first.file, lambda cells: cells.pop())
    before = first.file.read_bytes()
    assert not copying.make(copying._copy(first.lesson, folder()))
    change(first.lesson, lambda cells: cells[0].update(source="# Another title"))
    assert not copying.make(
        copying._copy(first.lesson, folder())
    )  # a term's copies stay until asked
    assert first.file.read_bytes() == before


def test_an_update_brings_what_is_new_keeps_a_copy_and_says_one_line(lessons):
    copy, _ = of(lessons)
    copying.make(copy)
    assert update(copy) == ""
    change(copy.file, lambda cells: cells[-1].update(source="my own words"))
    before = copy.file.read_bytes()

    def edit(cells):
        cells[-1]["source"] = "the lesson's new words"
        cells[0]["source"] = "# Another title"
        cells.insert(1, nbformat.v4.new_markdown_cell("a new cell", id="00000001"))

    change(copy.lesson, edit)
    said = update(copy)
    assert said.startswith(f"{copy.file.name}: 2 cells came; 1 changed on both sides: yours stays")
    (kept,) = (folder() / "before").iterdir()
    assert kept.name in said and kept.read_bytes() == before
    told = [cell.source for cell in nbformat.read(copy.file, 4).cells]
    assert told[:2] == ["# Another title", "a new cell"]
    assert told[-2] == "my own words" and "the lesson's new words" in told[-1]
    assert update(copy) == ""


def test_what_ran_keeps_its_outputs_and_what_was_trusted_stays_so(lessons):
    copy, _ = of(lessons)
    copying.make(copy)
    nb = nbformat.read(copy.file, 4)
    ran = next(cell for cell in nb.cells if cell.cell_type == "code")
    ran.outputs, ran.execution_count = [nbformat.v4.new_output("stream", text="mine")], 1
    nbformat.write(nb, copy.file)
    NotebookNotary().sign(nb)
    change(copy.lesson, lambda cells: cells[0].update(source="# Another title"))
    update(copy)
    nb = nbformat.read(copy.file, 4)
    assert next(cell for cell in nb.cells if cell.id == ran.id).outputs[0].text == "mine"
    assert NotebookNotary().check_signature(nb)


def test_what_nobody_trusted_is_not_signed(lessons):
    copy, _ = of(lessons)
    copying.make(copy)
    change(copy.file, lambda cells: cells[0].update(source="from elsewhere"))
    change(copy.lesson, lambda cells: cells[1].update(source="x = 1"))
    update(copy)
    assert not NotebookNotary().check_signature(nbformat.read(copy.file, 4))


def test_a_lesson_that_gets_another_number_keeps_its_copy(lessons):
    copy, _ = of(lessons)
    copying.make(copy)
    change(copy.file, lambda cells: cells[-1].update(source="my own words"))
    moved = copy.lesson.rename(copy.lesson.with_name("07_by_hand.ipynb"))
    assert not copying.make(copying._copy(moved, folder()))
    said = copying.update(copying._copy(moved, folder()))
    assert said.startswith("07_by_hand.ipynb: it was 01_by_hand.ipynb")
    assert not copy.file.exists()
    cells = nbformat.read(folder() / "07_by_hand.ipynb", 4).cells
    assert cells[-1].source == "my own words"
    assert copying.update(copying._copy(moved, folder())) == ""


def test_a_name_that_is_taken_is_left_alone(lessons):
    copy, _ = of(lessons)
    copying.make(copy)
    (folder() / "07_by_hand.ipynb").write_text("something else")
    moved = copying._copy(copy.lesson.rename(copy.lesson.with_name("07_by_hand.ipynb")), folder())
    assert copying.update(moved) == ""
    assert copy.file.exists() and moved.file == copy.file
    assert (folder() / "07_by_hand.ipynb").read_text() == "something else"


@pytest.mark.parametrize("text", ["", "{", "[]", '{"cells": 1}', '{"nbformat": 4, "cells": [1]}'])
def test_a_copy_that_is_no_notebook_is_left_alone_and_the_others_come(lessons, text, capsys):
    one, other = of(lessons)
    for copy in (one, other):
        copying.make(copy)
        change(copy.lesson, lambda cells: cells[0].update(source="# Another title"))
    one.file.write_text(text)
    with pytest.raises(ValueError, match=f"{one.file.name}: nothing came, as it is no notebook"):
        update(one)
    assert one.file.read_text() == text
    assert update(other)


@pytest.mark.parametrize("text", [None, "", "{", "[]", "null", '{"file": 1}', '{"cells": 1}'])
def test_without_what_it_was_made_from_a_copy_is_left_alone(lessons, text):
    copy, _ = of(lessons)
    copying.make(copy)
    before = copy.file.read_bytes()
    copy.base.unlink() if text is None else copy.base.write_text(text)
    change(copy.lesson, lambda cells: cells[0].update(source="# Another title"))
    with pytest.raises(ValueError, match="nothing came, as .*by_hand.json cannot be read"):
        update(copy)
    assert copy.file.read_bytes() == before


def test_cells_without_ids_or_with_two_equal_ones_are_all_kept(lessons):
    copy, _ = of(lessons)
    copying.make(copy)
    nb = json.loads(copy.file.read_text())
    twin, bare = dict(nb["cells"][1], source="mine too"), dict(nb["cells"][0], source="bare")
    del bare["id"]
    nb["cells"] += [twin, bare]
    copy.file.write_text(json.dumps(nb))
    change(copy.lesson, lambda cells: cells[0].update(source="# Another title"))
    update(copy)
    told = [cell.source for cell in nbformat.read(copy.file, 4).cells]
    assert told[0] == "# Another title" and {"mine too", "bare"} <= set(told)
