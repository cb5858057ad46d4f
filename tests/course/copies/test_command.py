"""The command that a student types: copies where they want them, and nothing of theirs is lost."""

import re

import nbformat
import pytest

from attnlib.course.__main__ import run
from attnlib.course.copies.copying import copies
from attnlib.course.copies.lessons import HERE, LESSONS
from attnlib.course.copies.pages import PAGES
from attnlib.course.record import COPIES, folder

FILES = [path.name for path in sorted(HERE.glob(LESSONS))]


@pytest.fixture(autouse=True)
def _nobodys_signatures(tmp_path, monkeypatch):
    monkeypatch.setenv("JUPYTER_DATA_DIR", str(tmp_path / "jupyter"))


def test_all_lessons_are_copied_once(capsys):
    run(["copy"])
    assert sorted(path.name for path in folder().glob(LESSONS)) == FILES
    assert f"{folder()}: your own copies of {len(FILES)} lessons" in capsys.readouterr().out
    run(["copy", "--update"])
    assert capsys.readouterr().out == "Your copies are as the lessons are.\n"


def test_what_is_there_stays_and_that_is_said(tmp_path, capsys):
    place = tmp_path / "some where"
    (place / "docs").mkdir(parents=True)
    mine = {place / FILES[3]: "my own notebook", place / "docs/glossary.md": "my own words"}
    for path, text in mine.items():
        path.write_text(text)
    run(["copy", str(place)])
    assert {path: path.read_text() for path in mine} == mine
    made, left = capsys.readouterr().out.splitlines()
    assert made == f"{place}: your own copies of {len(FILES) - 1} lessons"
    assert left == f"{place}: 1 were there, and stay as they are"


def test_an_update_names_what_it_could_not_bring_and_ends_with_1(capsys):
    run(["copy"])
    (folder() / COPIES / "heads.json").write_text("{")
    with pytest.raises(SystemExit, match="1"):
        run(["copy", "--update"])
    assert "! 02_heads.ipynb: nothing came" in capsys.readouterr().out


def test_links_lead_somewhere_wherever_the_copies_lie(tmp_path, capsys):
    run(["copy", str(tmp_path / "far" / "away")])
    place = tmp_path / "far" / "away"
    assert {path.name for path in (place / "docs").iterdir()} == set(PAGES)
    text = (place / FILES[8]).read_text(encoding="utf-8")
    assert "](docs/reply.md)" in text and "](../docs/" not in text
    assert "](../08_detective.ipynb)" in (place / "docs/reply.md").read_text(encoding="utf-8")


def test_every_page_that_a_lesson_links_is_one_that_is_copied():
    linked = set()
    for name in FILES:
        linked |= set(re.findall(r"\]\(\.\./([^)#]+)", (HERE / name).read_text(encoding="utf-8")))
    assert linked == {f"docs/{page}" for page in PAGES}


def test_the_lessons_of_a_language_come_beside_the_english_ones(capsys):
    run(["copy", "--language", "zh"])
    there = sorted(path.name for path in (HERE / "zh").glob(LESSONS))
    assert sorted(path.name for path in (folder() / "zh").glob(LESSONS)) == there
    assert sorted(path.name for path in folder().glob(LESSONS)) == FILES
    said = capsys.readouterr().out.splitlines()
    assert said[-1] == f"{folder() / 'zh'}: your own copies of {len(there)} lessons"
    run(["copy", "--update", "--language", "zh"])
    assert capsys.readouterr().out == "Your copies are as the lessons are.\n"


def test_their_links_lead_somewhere_wherever_they_lie(tmp_path):
    place = tmp_path / "far" / "away"
    run(["copy", str(place), "--language", "zh"])
    for path in (place / "zh").glob(LESSONS):
        cells = nbformat.read(path, 4).cells
        text = "\n".join(cell.source for cell in cells if cell.cell_type == "markdown")
        links = re.findall(r"\]\((?!https?:|#)([^)#\s]+)", text)
        assert links
        assert [link for link in links if not (path.parent / link).resolve().is_file()] == []


def test_a_language_without_lessons_is_refused(capsys):
    with pytest.raises(SystemExit):
        run(["copy", "--language", "xx"])
    assert "'xx'" in capsys.readouterr().err
    assert not folder().exists()


def test_in_the_repository_links_stay():
    lesson = HERE / FILES[8]
    (copy,) = [each for each in copies(HERE, HERE.parent / "my") if each.lesson == lesson]
    assert not copy.near
    for each in copies(HERE / "zh", HERE.parent / "my" / "zh"):
        assert not each.near


@pytest.mark.parametrize("words", [["copy", "a file"], ["copy", "a file/below"]])
def test_where_no_folder_can_be_it_stops_with_a_sentence(tmp_path, monkeypatch, words):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "a file").write_text("mine")
    with pytest.raises(SystemExit, match="a file"):
        run(words)
    assert (tmp_path / "a file").read_text() == "mine"
