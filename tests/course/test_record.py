"""What a reader chose is kept, through restarts, two notebooks at once, and damage."""

import json
from concurrent.futures import ProcessPoolExecutor

import pytest

from attnlib.course import repository
from attnlib.course.record import COPIES, folder, record, recorded


def file():
    return folder() / "progress.json"


def test_facts_are_added_and_replaced_by_name():
    assert recorded("heads.split") == {}
    record("heads.split", told=[1], passed=False)
    record("heads.split", passed=True)
    record("heads.merge", told=[2])
    assert recorded("heads.split") == {"told": [1], "passed": True}
    assert recorded("heads.merge") == {"told": [2]}
    assert set(json.loads(file().read_text())) == {"heads.split", "heads.merge"}


def many(name):
    for number in range(20):
        record(f"{name}.{number}", chosen=number)


def test_two_notebooks_at_once_lose_nothing():
    with ProcessPoolExecutor(2) as pool:
        list(pool.map(many, ["one", "other"]))
    assert len(json.loads(file().read_text())) == 40


@pytest.mark.parametrize("text", ["", "{", "[]", '{"a": 1}', "null"])
def test_a_damaged_file_is_put_aside(text):
    folder().mkdir()
    file().write_text(text)
    assert recorded("a") == {}
    record("a", chosen=1)
    assert recorded("a") == {"chosen": 1}
    assert file().with_suffix(".damaged").read_text() == text


def test_where_nothing_can_be_written_nothing_fails(tmp_path, monkeypatch):
    (tmp_path / "taken").write_text("a file where the folder should be")
    monkeypatch.setenv("ATTNLIB_MY", str(tmp_path / "taken"))
    record("a", chosen=1)
    assert recorded("a") == {}


def test_without_a_repository_it_lies_where_one_works(tmp_path, monkeypatch):
    monkeypatch.delenv("ATTNLIB_MY")
    assert folder() == repository.ROOT / "my"
    monkeypatch.setattr(repository, "IS_HERE", False)
    monkeypatch.chdir(tmp_path)
    assert folder() == tmp_path / "my"
    (tmp_path / "my" / COPIES).mkdir(parents=True)
    (tmp_path / "my" / "zh" / COPIES).mkdir(parents=True)
    for place in ("my", "my/zh"):  # copies in another language keep what they know beside them
        monkeypatch.chdir(tmp_path / place)
        assert folder() == tmp_path / "my"
