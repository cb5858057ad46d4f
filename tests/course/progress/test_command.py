"""The commands, as typed."""

import pytest

from attnlib.course.__main__ import run
from attnlib.course.exercises.tries import Tries
from attnlib.course.progress.export import Export, written
from attnlib.course.progress.table import my_progress
from attnlib.course.record import folder, record


def file(path, number="aa", tries=1):
    path.write_text(written(Export(number, {"heads.split": Tries(tries)}, {})), encoding="utf-8")
    return str(path)


def test_alone_it_prints_the_table(capsys):
    record("heads.split", passed=True)
    run(["progress"])
    assert capsys.readouterr().out == f"{my_progress()}\n"


def test_export_says_where_and_what(capsys, tmp_path):
    run(["progress", "export"])
    (path,) = folder().glob("progress-*.json")
    out = capsys.readouterr().out
    assert str(path) in out and "No name, no path, no code, no time." in out
    run(["progress", "export", str(tmp_path / "mine.json")])
    assert (tmp_path / "mine.json").exists()
    with pytest.raises(SystemExit, match="must be a new file"):
        run(["progress", "export", str(folder() / "progress.json")])
    with pytest.raises(SystemExit, match="mine"):
        run(["progress", "export", str(tmp_path / "mine.json" / "below.json")])


def test_sum_writes_the_tables_and_the_page(capsys, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    run(["progress", "sum", file(tmp_path / "1.json"), file(tmp_path / "2.json", "bb", 2)])
    names = {path.name for path in (tmp_path / "class-progress").iterdir()}
    assert names == {"progress.html", "exercises.csv", "mistakes.csv", "predictions.csv"}
    said = capsys.readouterr()
    assert "2 readers" in said.out and not said.err
    text = (tmp_path / "class-progress" / "exercises.csv").read_text(encoding="utf-8")
    assert "heads.split,2,2,0,3,0" in text


def test_a_file_that_cannot_be_counted_is_named_and_the_others_are(capsys, tmp_path):
    (tmp_path / "photo.jpg").write_bytes(b"\xff\xd8")
    older = tmp_path / "older.json"
    older.write_text(written(Export("cc", {"heads.gone": Tries(1)}, {})), encoding="utf-8")
    names = [tmp_path / "photo.jpg", tmp_path / "missing.json", tmp_path, older]
    into = tmp_path / "sum"
    with pytest.raises(SystemExit) as stopped:
        run(["progress", "sum", *map(str, names), file(tmp_path / "1.json"), "--into", str(into)])
    assert stopped.value.code == 1
    err = capsys.readouterr().err
    assert [line.partition(": ")[0] for line in err.splitlines()] == [*map(str, names)]
    assert "heads.gone" in err
    text = (into / "exercises.csv").read_text(encoding="utf-8")
    assert "heads.split,2,1,0,1,0" in text


def test_of_one_reader_one_file_is_counted_and_it_is_said(capsys, tmp_path):
    early, late = file(tmp_path / "1.json"), file(tmp_path / "2.json", tries=3)
    run(["progress", "sum", early, late, early, "--into", str(tmp_path / "sum")])
    assert "heads.split,1,1,0,3,0" in (tmp_path / "sum" / "exercises.csv").read_text("utf-8")
    said = capsys.readouterr()
    assert f"{late}: It is of the same reader as {early}: counted once." in said.err


def test_where_nothing_can_be_counted_nothing_is_written(tmp_path):
    with pytest.raises(SystemExit):
        run(["progress", "sum", str(tmp_path / "missing.json"), "--into", str(tmp_path / "sum")])
    assert not (tmp_path / "sum").exists()
