"""Files of results: written whole or not at all, and read with care."""

import json
from pathlib import Path

import pytest

from attnlib.course.experiments.store import machine, read, write


@pytest.fixture
def path(tmp_path):
    return tmp_path / "results.json"


def test_what_is_written_is_read_and_each_run_has_its_line(path):
    runs = [{"seed": 0, "right": 0.5}, {"seed": 1, "right": 0.75}]
    write(path, {"machine": {"cpu": "√"}, "steps": 3}, runs)
    assert read(path, dict, "make it") == {"machine": {"cpu": "√"}, "steps": 3, "runs": runs}
    assert json.dumps(runs[1]) in path.read_text(encoding="utf-8").splitlines()


def test_an_interrupted_write_leaves_the_old_file(path, monkeypatch):
    def interrupted(self, text, **_):
        with self.open("w") as file:
            file.write(text[: len(text) // 2])
        raise KeyboardInterrupt

    write(path, {"steps": 3}, [{"seed": 0}])
    monkeypatch.setattr(Path, "write_text", interrupted)
    with pytest.raises(KeyboardInterrupt):
        write(path, {"steps": 3}, [{"seed": 1}])
    assert read(path, dict, "make it") == {"steps": 3, "runs": [{"seed": 0}]}


def test_missing_results_say_how_to_get_them(path):
    with pytest.raises(FileNotFoundError, match=r"results\.json does not exist: make it$"):
        read(path, dict, "make it")


@pytest.mark.parametrize("text", ["", "[1]", "{}", '{"runs": [1}'])
def test_damaged_results_say_what_to_do(path, text):
    path.write_text(text)
    with pytest.raises(ValueError, match=r"is damaged \(.*git checkout .* make it measures anew"):
        read(path, lambda contents: contents["runs"], "make it")


def test_the_machine_names_what_numbers_depend_on():
    assert machine()["processes"] == "1"
    assert machine(2)["processes"] == "2"
    assert list(machine()) == ["cpu", "processes", "system", "python", "torch", "date"]
