"""Ranks that are started: what they return, who is named when one is lost; none is left."""

import multiprocessing
import os
import sys
import threading
import time

import pytest
import torch
import torch.distributed as dist

from attnlib.course.lessons.ranks import started
from attnlib.course.lessons.ranks.started import start, why_not

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
        if rank == 2:
            os._exit(7)
        return summed(rank)

    with pytest.raises(RuntimeError, match=r"^rank 2 died, exit code 7; rank 0 stopped with Runt"):
        start(f, 3)


def test_a_rank_that_hangs_is_named_first():
    def f(rank):
        if rank == 1:
            time.sleep(600)
        return summed(rank)

    with pytest.raises(RuntimeError, match=r"^rank 1 did not come back; rank 0 stopped with Ru"):
        start(f, 2, seconds=0.3)


def test_when_one_has_died_nobody_waits_long_for_the_others(monkeypatch):
    monkeypatch.setattr(started, "GRACE", 0.1)

    def f(rank):
        if rank == 1:
            os._exit(7)
        time.sleep(5)  # far more than GRACE, and far less than what start would wait

    with pytest.raises(RuntimeError, match="^rank 1 died, exit code 7; rank 0 did not come back$"):
        start(f, 2)


def test_a_rank_that_stops_says_why_and_one_that_leaves_is_dead():
    def f(rank):
        if rank == 0:
            raise ValueError("no such thing")
        sys.exit(5)

    said = "^rank 1 died, exit code 5; rank 0 stopped with ValueError: no such thing$"
    with pytest.raises(RuntimeError, match=said):
        start(f, 2)


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
    monkeypatch.setattr(started.sys, "platform", "win32")
    assert why_not().startswith("Ranks are started by fork, on Linux only, and this is win32.")
    with pytest.raises(RuntimeError, match="on Linux only"):
        start(print, 2)


def test_ranks_are_counted():
    with pytest.raises((TypeError, ValueError), match="ranks must be a whole number, at least 1"):
        start(print, 0)
