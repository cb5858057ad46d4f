"""The file that a reader hands in: what is in it, and what a damaged one says."""

import json

import pytest
import torch

from attnlib.course.exercises.tries import Tries
from attnlib.course.lessons import exercise
from attnlib.course.progress.export import MARK, Export, export, exported, read, written
from attnlib.course.record import all_recorded, folder, record


def work():
    exercise("two_cousins.same_segment").check(lambda secret, n: torch.ones(secret, secret) > 0)
    exercise("two_cousins.same_segment").check(lambda secret, n: 1 / 0)
    record("heads.split", told=[2, 1], tries=3, passed=True, mistakes={"It is wrong.": 2})
    record("heads.keys_of_head_1", chosen=1, committed=True)
    record("heads.merge_of_columns", chosen=-1, committed=True)


def test_it_holds_what_was_done_and_nothing_else():
    work()
    record("nowhere.secret", tries=3)
    found = json.loads(export().read_text(encoding="utf-8"))
    assert set(found) == {"what", "number", "exercises", "predictions"}
    assert found["exercises"]["heads.split"] == {
        "tries": 3,
        "passed": True,
        "hints": 2,
        "mistakes": {"It is wrong.": 2},
    }
    assert set(found["exercises"]) == {"two_cousins.same_segment", "heads.split"}
    assert found["exercises"]["two_cousins.same_segment"]["mistakes"]["ZeroDivisionError"] == 1
    chosen = {"heads.keys_of_head_1": "b", "heads.merge_of_columns": "skipped"}
    assert found["predictions"] == chosen
    assert "secret" not in json.dumps(found) and str(folder()) not in json.dumps(found)
    assert all_recorded()["two_cousins.same_segment"]["last"] not in json.dumps(found)


def test_it_is_read_as_it_was_written():
    work()
    assert read(export()) == exported(all_recorded(), all_recorded()["export"]["number"])


def test_a_reader_keeps_one_number():
    first = export()
    record("heads.split", tries=1)
    assert export() == first
    assert read(first).exercises == {"heads.split": Tries(1)}


def test_no_other_file_is_overwritten(tmp_path):
    export()  # which draws the number
    for path in (folder() / "progress.json", tmp_path / "thesis.txt"):
        path.touch()
        before = path.read_text()
        with pytest.raises(ValueError, match="must be a new file"):
            export(path)
        assert path.read_text() == before
    export(tmp_path / "mine.json")
    export(tmp_path / "mine.json")


DONE = Tries(2, True, 1, {"It is wrong.": 1})
GOOD = Export("ab", {"heads.split": DONE}, {"heads.merge_of_columns": 0})
FOREIGN = [b"", b"\xff\xfe\x00", b"[]", b"null", b'{"a": 1}', b"{" * 10**5, b"[" * 10**5]


@pytest.mark.parametrize("text", FOREIGN, ids=range(len(FOREIGN)))
def test_a_foreign_file_is_refused(text, tmp_path):
    (tmp_path / "a.json").write_bytes(text)
    with pytest.raises(ValueError, match="no file that the course has exported"):
        read(tmp_path / "a.json")


@pytest.mark.parametrize(
    "change",
    [
        {"number": 3},
        {"exercises": None},
        {"exercises": {"heads.split": 3}},
        {"exercises": {"heads.split": {"tries": 1}}},
        {"predictions": {"heads.merge_of_columns": "z"}},
        {"predictions": {"heads.merge_of_columns": ""}},
        {"predictions": {"heads.merge_of_columns": "ab"}},
        {"predictions": {"heads.merge_of_columns": ["a"]}},
        {"predictions": ["a"]},
        *(
            {"exercises": {"heads.split": DONE._asdict() | wrong}}
            for wrong in (
                {"tries": -1},
                {"tries": "1"},
                {"tries": True},
                {"tries": 10**400},
                {"hints": 0.5},
                {"passed": "yes"},
                {"mistakes": ["a"]},
                {"mistakes": {"a": "b"}},
                {"more": 1},
            )
        ),
    ],
    ids=str,
)
def test_a_damaged_file_is_refused(change, tmp_path):
    text = json.loads(written(GOOD))
    assert text["what"] == MARK
    (tmp_path / "a.json").write_text(json.dumps(text))
    assert read(tmp_path / "a.json") == GOOD
    (tmp_path / "a.json").write_text(json.dumps(text | change))
    with pytest.raises(ValueError, match="damaged"):
        read(tmp_path / "a.json")
