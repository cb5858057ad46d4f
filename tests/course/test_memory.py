"""What is free is the least of what machine and container leave; what does not fit is refused."""

import re
import sys

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from attnlib.course import memory
from attnlib.course.memory import check_memory, free_memory

GIB = 2**30


def named(size):
    return f"L = {size}"


def refusal(needed, size, free):
    """What is said, or None where nothing is refused."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(memory, "free_memory", lambda device: free)
        try:
            check_memory("xray", needed, size, named)
        except MemoryError as error:
            return str(error)
    return None


def test_the_refusal_says_how_much_how_much_is_free_and_what_would_fit():
    said = refusal(lambda length: 160 * length**2, 8000, 6.1e9)
    wanted = "xray of L = 8000 would take about 10.2 GB, and 6.1 GB are free: L = 6100 would fit"
    assert said == wanted


def test_where_nothing_fits_it_proposes_nothing():
    said = refusal(lambda length: 1e9 + length, 8000, 5e6)
    assert said.endswith("would take about 1.0 GB, and 5 MB are free: expected something smaller")


@given(
    size=st.integers(1, 10**7),
    free=st.floats(0, 1e12),
    fixed=st.floats(0, 1e9),
    each=st.floats(0, 1e6),
    pair=st.floats(0, 1e3),
)
def test_what_fits_is_never_refused_and_what_is_proposed_fits(size, free, fixed, each, pair):
    needed = lambda length: fixed + each * length + pair * length**2
    said = refusal(needed, size, free)
    assert (said is None) == (needed(size) <= free)
    if said:
        (fits,) = re.findall(r"free: L = (\d+) would fit", said) or [None]
        assert fits or needed(1) > free or size == 1
        if fits:
            assert int(fits) < size
            assert refusal(needed, int(fits), free) is None
            assert refusal(needed, 2 * int(fits), free) or 2 * int(fits) > size  # no more is left


def test_a_size_that_cannot_be_told_is_not_proposed():
    needed = lambda length: 10.0 if length == 100 else torch.inf
    assert refusal(needed, 100, 5.0).endswith("expected something smaller")


# ---- What is free --------------------------------------------------------------------------------


@pytest.fixture
def groups(tmp_path, monkeypatch):
    """Write the files of a control group, and what this process says it is in."""
    monkeypatch.setattr(memory, "GROUPS", tmp_path)
    monkeypatch.setattr(memory, "OWN", tmp_path / "own")
    monkeypatch.setattr(memory, "_of_the_machine", lambda: 100 * GIB)

    def write(own, folder="", **files):
        (tmp_path / "own").write_text(own, encoding="utf-8")
        (tmp_path / folder).mkdir(parents=True, exist_ok=True)
        for name, text in files.items():
            path = tmp_path / folder / f"memory.{name}"
            path.write_text(f"{text}\n", encoding="utf-8")

    return write


def test_without_a_limit_it_is_what_the_machine_has(groups):
    groups("0::/\n")
    assert free_memory() == 100 * GIB


def test_the_limit_of_a_container_counts_but_for_files_that_make_room(groups):
    stat = f"anon 5\ninactive_file {GIB}"
    groups("0::/\n", max=8 * GIB, current=3 * GIB, stat=stat)
    assert free_memory() == 6 * GIB


def test_so_does_that_of_a_group_above_or_of_version_1(groups):
    groups("0::/user/me\n", "user", max=4 * GIB, current=GIB, stat="inactive_file 0")
    assert free_memory() == 3 * GIB
    groups("0::/user/me\n", "user/me", max="max", current=GIB, stat="inactive_file 0")
    assert free_memory() == 3 * GIB
    stat = "total_inactive_file 0"
    of_1 = {"limit_in_bytes": 2 * GIB, "usage_in_bytes": GIB, "stat": stat}
    groups("9:name=systemd:/\n4:memory:/me\n0::/\n", "memory/me", **of_1)
    assert free_memory() == GIB
    groups("4:cpuacct,memory:/elsewhere\n0::/\n", "memory", **of_1)
    assert free_memory() == 100 * GIB  # another group's


def test_the_path_of_the_machine_outside_is_not_there_but_the_root_is(groups):
    groups("0::/docker/1f\n", max=GIB, current=2 * GIB, stat="inactive_file 0")
    assert free_memory() == 0


def test_where_nobody_can_tell_there_is_no_limit(tmp_path, monkeypatch):
    monkeypatch.setattr(memory, "OWN", tmp_path / "missing")
    monkeypatch.setitem(sys.modules, "psutil", None)
    assert free_memory() == float("inf")


def test_on_this_machine_it_is_something():
    assert 1e6 < free_memory() < 1e14


def test_what_just_fits_is_accepted_and_a_byte_more_is_refused():
    assert refusal(float, 1000, 1000.0) is None
    assert refusal(float, 1001, 1000.0).endswith("L = 1000 would fit")
