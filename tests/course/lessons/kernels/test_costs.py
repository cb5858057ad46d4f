"""The stored costs of a map: complete, and read with care."""

import json

import pytest

from attnlib.course.lessons.kernels.costs import Cost, stored_costs

LENGTHS = (64, 256, 1024, 4096, 16384)
WHATS = ("out", "out + map", "out + weights")


@pytest.mark.parametrize("heads", [1, 8])
def test_every_length_and_look_is_there_in_order(heads):
    rows = stored_costs(heads).rows
    assert [(row.heads, row.length, row.what) for row in rows] == [
        (heads, length, what) for length in LENGTHS for what in WHATS
    ]


def test_the_output_and_its_map_were_run_at_every_length():
    for row in stored_costs().rows:
        assert (row.seconds is None) == (row.bytes is None) == (row.not_run is not None)
        assert row.not_run is None or row.what == "out + weights"


def test_the_machine_is_named():
    machine = stored_costs().machine
    assert machine.startswith("AMD EPYC, 2 threads, PyTorch 2.")
    assert machine.count(", ") == 3


def test_a_missing_file_says_what_to_do(tmp_path):
    with pytest.raises(FileNotFoundError, match=r"none\.json does not exist.*make bench"):
        stored_costs(path=tmp_path / "none.json")


ABOUT = {"cpu": "x", "threads": "1", "torch": "2", "date": "2026-01-01"}
ROW = {"heads": 8, "length": 64, "what": "out", "seconds": 1.0, "bytes": 0, "not_run": None}


def write(path, found):
    path.write_text(json.dumps(found), encoding="utf-8")
    return path


def test_a_file_of_ones_own_is_read(tmp_path):
    path = write(tmp_path / "own.json", {"machine": ABOUT | {"gpu": "G"}, "maps": [ROW]})
    assert stored_costs(path=path) == ("G, PyTorch 2, 2026-01-01", (Cost(**ROW),))


@pytest.mark.parametrize(
    "found",
    [
        {},
        {"machine": ABOUT},
        {"machine": ABOUT, "maps": [ROW | {"bits": 0}]},
        {"machine": {}, "maps": []},
        [],
    ],
)
def test_a_damaged_file_is_told_from_a_missing_one(tmp_path, found):
    with pytest.raises(ValueError, match="is damaged .*make bench"):
        stored_costs(path=write(tmp_path / "bad.json", found))


def test_heads_that_were_not_measured_are_refused():
    with pytest.raises(ValueError, match=r"heads must be one of \[1, 8\], got 3"):
        stored_costs(heads=3)
