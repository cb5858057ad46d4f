"""Ranks that are started: what they return, who is named when one is lost; none is left."""

import multiprocessing
import os
import subprocess
import sys
import threading
import time
from multiprocessing.connection import wait
from types import SimpleNamespace

import pytest
import torch
import torch.distributed as dist

from attnlib.course.lessons.ranks import started
from attnlib.course.lessons.ranks.started import start, why_not

WAIT = started._wait
pytestmark = pytest.mark.skipif(why_not() is not None, reason=str(why_not()))


@pytest.fixture(autouse=True)
def nobody_is_left():
    yield
    assert multiprocessing.active_children() == []


def summed(x):
    """Over all ranks; a rank waits here for the others."""
    x = torch.tensor(float(x))
    dist.all_reduce(x)
    return x.item()


def test_each_returns_what_its_rank_made_and_they_can_talk():
    def f(rank, more):
        return rank, summed(rank + more), dist.get_world_size(), torch.get_num_threads()

    assert start(f, 3, 10) == [(rank, 33, 3, 1) for rank in range(3)]


def test_large_tensors_come_back_and_a_single_rank_is_one():
    (x,) = start(lambda rank: torch.arange(300_000), 1)
    assert x.equal(torch.arange(300_000))


def test_in_a_process_with_threads_and_a_pool_it_works_too():
    before, stop = torch.get_num_threads(), threading.Event()
    threads = [threading.Thread(target=stop.wait) for _ in range(3)]
    try:
        torch.set_num_threads(2)
        x = torch.randn(400, 400)
        want = (x @ x).exp().sum(-1)  # now there is a pool
        for thread in threads:
            thread.start()
        for got in start(lambda rank: (x @ x).exp().sum(-1), 2):
            torch.testing.assert_close(got, want)
    finally:
        stop.set()
        torch.set_num_threads(before)


def test_a_rank_that_dies_is_named_first():
    def f(rank):
        summed(rank)  # all have met
        if rank == 2:
            os._exit(7)
        return summed(rank)

    others = "; ".join(f"rank {rank} (stopped with .*|did not come back)" for rank in (0, 1))
    with pytest.raises(RuntimeError, match=f"^rank 2 died, exit code 7; {others}$"):
        start(f, 3)


def test_when_the_time_is_over_who_is_not_back_is_named(monkeypatch):
    monkeypatch.setattr(started, "_wait", lambda processes, _: WAIT(processes, 0.5))
    with pytest.raises(RuntimeError, match="^rank 0 did not come back$"):
        start(lambda rank: time.sleep(600), 1)


def test_when_one_has_died_nobody_waits_long_for_the_others(monkeypatch, tmp_path):
    monkeypatch.setattr(started, "GRACE", 0.1)

    def f(rank):
        if rank == 0:
            (tmp_path / "asleep").touch()
            time.sleep(5)  # far more than GRACE, and far less than what start would wait
        while not (tmp_path / "asleep").exists():
            time.sleep(0.01)
        os._exit(7)

    with pytest.raises(RuntimeError, match="^rank 1 died, exit code 7; rank 0 did not come back$"):
        start(f, 2)


def test_who_interrupts_leaves_nobody_behind(monkeypatch):
    def interrupted(*_):
        raise KeyboardInterrupt

    monkeypatch.setattr(started, "_wait", interrupted)
    with pytest.raises(KeyboardInterrupt):
        start(lambda rank: time.sleep(600), 2)


HANGS = """
import os, time
from attnlib.course.lessons.ranks.started import start

def hang(rank):
    os.write({pipe}, str(os.getpid()).encode().ljust(20))
    time.sleep(600)

start(hang, 2)
"""


def test_when_the_one_who_started_them_is_killed_they_die_too():
    readable, pipe = os.pipe()
    one = subprocess.Popen([sys.executable, "-c", HANGS.format(pipe=pipe)], pass_fds=[pipe])
    ranks = [os.pidfd_open(int(os.read(readable, 20))) for _ in range(2)]
    one.kill()
    one.wait()
    assert all(wait([each], 20) for each in ranks), "still there"


def test_a_rank_that_stops_says_why():
    def f(rank):
        raise ValueError("no such thing")

    with pytest.raises(RuntimeError, match="^rank 0 stopped with ValueError: no such thing$"):
        start(f, 1)


def test_a_rank_that_leaves_is_dead():
    with pytest.raises(RuntimeError, match="^rank 0 died, exit code 5$"):
        start(lambda rank: sys.exit(5), 1)


def test_what_cannot_be_sent_home_is_told():
    with pytest.raises(RuntimeError, match="^rank 0 stopped with .*(lambda|local)"):
        start(lambda rank: lambda: 1, 1)


def test_nothing_is_printed(capfd):
    def f(rank):
        print("aloud")
        os.write(2, b"and from below")

    assert start(f, 2) == [None, None]
    assert capfd.readouterr() == ("", "")


def test_where_ranks_cannot_be_started_a_sentence_says_so(monkeypatch):
    monkeypatch.setattr(started.dist, "is_gloo_available", lambda: False)
    assert "built without gloo" in why_not()
    monkeypatch.setattr(started, "sys", SimpleNamespace(platform="win32"))
    assert why_not().startswith("Ranks are started by fork, on Linux only, and this is win32.")
    with pytest.raises(RuntimeError, match="on Linux only"):
        start(print, 2)


def test_ranks_are_counted():
    with pytest.raises((TypeError, ValueError), match="ranks must be a whole number, at least 1"):
        start(print, 0)
