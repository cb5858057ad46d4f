"""A cell's id is its own for ever: copies of lessons are merged by it."""

import json

import pytest
from nbformat.v4 import new_markdown_cell

from notebooks.execute import HERE, LESSONS, read
from notebooks.identity import LEDGER, keep, refused

FILES = sorted(HERE.glob(LESSONS))


def cells(*names):
    return [new_markdown_cell("A", id=name) for name in names]


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.name)
def test_the_ids_of_a_committed_lesson_are_written_down(path):
    found, lesson = read(path).cells, path.stem.partition("_")[2]
    assert list(refused(found, lesson)) == []
    known = json.loads(LEDGER.read_text())[lesson]
    assert known["cells"] == sorted(cell.id for cell in found), "run `make notebooks`"
    assert not set(known["cells"]) & set(known["gone"])


def test_what_is_gone_never_comes_back(tmp_path):
    ledger = tmp_path / "ids.json"
    keep(cells("a", "b", "c"), "heads", ledger)
    keep(cells("c", "a"), "heads", ledger)  # b went, c moved
    assert list(refused(cells("a", "c", "d"), "heads", ledger)) == []
    assert list(refused(cells("a", "b"), "blocks", ledger)) == []
    (said,) = refused(cells("a", "b"), "heads", ledger)
    assert said == "cell 2 has the id b of a cell that is gone; give it another"
    keep(cells("a", "d"), "heads", ledger)
    assert json.loads(ledger.read_text())["heads"] == {"cells": ["a", "d"], "gone": ["b", "c"]}


def test_an_id_that_is_missing_or_stands_twice_is_refused(tmp_path):
    found = cells("a", "b", "a")
    del found[1]["id"]
    assert list(refused(found, "heads", tmp_path / "none.json")) == [
        "cell 2 has no id; one that JupyterLab makes has one",
        "cell 3 has the id a of a cell before it; give it another",
    ]
