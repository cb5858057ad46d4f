"""A teacher withholds solutions, and releases them."""

import pytest

from attnlib.course.exercises import released
from attnlib.course.exercises.released import withheld
from attnlib.course.lessons import exercise


@pytest.fixture
def file(tmp_path, monkeypatch):
    monkeypatch.delenv("ATTNLIB_SOLUTIONS", raising=False)
    monkeypatch.setattr(released, "FILE", tmp_path / "withheld.txt")
    return released.FILE


@pytest.mark.parametrize(
    ("lines", "found"),
    [
        ("", []),
        ("all", ["heads.split", "heads.merge", "blocks.count"]),
        ("heads", ["heads.split", "heads.merge"]),
        ("heads.split\nblocks", ["heads.split", "blocks.count"]),
    ],
)
def test_the_file_says_which(file, lines, found):
    keys = ("heads.split", "heads.merge", "blocks.count")
    assert not any(map(withheld, keys)), "there is no file yet"
    file.write_text(lines)
    assert [key for key in keys if withheld(key)] == found
    file.unlink()
    assert not any(map(withheld, keys))


def test_the_environment_has_the_last_word(file, monkeypatch):
    monkeypatch.setenv("ATTNLIB_SOLUTIONS", "0")
    assert withheld("heads.split")
    file.write_text("all")
    monkeypatch.setenv("ATTNLIB_SOLUTIONS", "1")
    assert not withheld("heads.split")


def test_another_setting_is_named(file, monkeypatch):
    monkeypatch.setenv("ATTNLIB_SOLUTIONS", "no")
    with pytest.raises(
        ValueError, match="ATTNLIB_SOLUTIONS must be 0 or 1, or not be set, got 'no'"
    ):
        withheld("heads.split")


def test_what_is_withheld_is_printed_nowhere_and_comes_back(file, capsys):
    file.write_text("heads")
    one = exercise("heads.split")
    one.solution()
    assert capsys.readouterr().out == "The solution is not released yet.\n"
    file.unlink()
    one.solution()
    assert "def split" in capsys.readouterr().out
