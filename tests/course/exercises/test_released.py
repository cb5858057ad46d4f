"""A teacher withholds solutions, and releases them."""

import warnings

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from attnlib.course.exercises import released
from attnlib.course.exercises.released import withheld
from attnlib.course.lessons import exercise
from attnlib.course.manifest import LESSONS
from attnlib.course.progress.content import all_exercises

KEYS = all_exercises()
NAMES = ["all", *(lesson.name for lesson in LESSONS), *KEYS]
SHOWN = settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=50)


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


@SHOWN
@given(names=st.sets(st.sampled_from(NAMES)), key=st.sampled_from(KEYS))
def test_a_file_of_right_names_withholds_just_these_and_says_nothing(file, names, key):
    file.write_text("\n".join(names))
    with warnings.catch_warnings(action="error"):
        assert withheld(key) == bool(names & {"all", key, key.split(".")[0]})


def slips(name: str) -> list[str]:
    """What somebody may have typed in place of a name."""
    number = next((each.stem for each in LESSONS if each.name == name), "")
    return [name[:-1], name[0] + name, name.title(), name + ".", name + ",", "#" + name, number]


@SHOWN
@given(
    slip=st.sampled_from(NAMES).flatmap(lambda name: st.sampled_from(slips(name)))
    | st.text(st.characters(codec="utf-8", exclude_categories=["Z", "C"])),
    more=st.lists(st.sampled_from(NAMES), max_size=2),
    key=st.sampled_from(KEYS),
)
def test_a_line_that_names_nothing_is_said_and_shows_no_solution(file, slip, more, key):
    file.write_text("\n".join([*more, slip]), encoding="utf-8")
    if not slip or slip in NAMES:
        return
    with pytest.warns(UserWarning, match="must be a lesson, an exercise, or all") as said:
        assert withheld(key)
    assert [repr(slip) in str(each.message) for each in said] == [True]


def test_what_is_said_of_a_line_lists_what_is_there(file, capsys):
    file.write_text("heads.spilt\n")
    with pytest.warns(
        UserWarning, match="got 'heads.spilt'; there are: heads, heads.head_matrices, "
    ):
        exercise("heads.split").solution()
    assert capsys.readouterr().out == "The solution is not released yet.\n"
    file.write_text("hedas\n")
    with pytest.warns(UserWarning, match="got 'hedas'; there are: all, two_cousins, by_hand, head"):
        assert withheld("heads.split")


def test_a_line_of_a_lesson_that_is_not_opened_is_judged_when_it_is(file, monkeypatch):
    file.write_text("blocks.cuont")
    monkeypatch.setattr(released, "KEYS", {key for key in KEYS if key.startswith("heads.")})
    with warnings.catch_warnings(action="error"):
        assert not withheld("heads.split")
    monkeypatch.setattr(released, "KEYS", {*KEYS})
    with pytest.warns(UserWarning, match="got 'blocks.cuont'"):
        assert withheld("blocks.count")


@pytest.mark.parametrize("encoding", ["utf-8-sig", "utf-16"])
def test_a_file_of_windows_is_read_or_said(file, encoding):
    file.write_text("heads\r\n", encoding=encoding)
    with warnings.catch_warnings(record=True) as said:
        warnings.simplefilter("always")
        assert withheld("heads.split")
    assert bool(said) == (encoding == "utf-16")


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
