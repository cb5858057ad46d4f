"""Estimates: measured on little of a map, by a clock that the test turns, and told in words."""

import pytest
import torch

from attnlib import AttentionMap
from attnlib.course.widgets import timing as pace
from attnlib.course.widgets.timing import Pace, about, grouped, measure_pace


class Timed(AttentionMap):
    """A map of 100 000 tokens on a machine that takes so long, and remembers what was asked."""

    per_row, per_weight, compiling = 0.0, 0.0, 0.0

    def __init__(self, clock, queries, keys):
        super().__init__(torch.ones(1, queries, 1), torch.ones(1, keys, 1), scale=1.0)
        self.clock, self.asked = clock, []

    def pooled(self, size, reduce="mean", rows=None, cols=None):
        assert 0 <= rows.start < rows.stop <= self.shape[-2]
        assert 0 <= cols.start < cols.stop <= self.shape[-1]
        count, wide = rows.stop - rows.start, cols.stop - cols.start
        self.asked.append(count)
        first = self.compiling if len(self.asked) == 1 else 0.0
        self.clock.now += first + count * (self.per_row + wide * self.per_weight)
        return torch.zeros(1, 1, 1)


class Clock:
    now = 0.0


@pytest.fixture
def timed(monkeypatch):
    def timed(queries=100_000, keys=100_000, **speed):
        clock = Clock()
        monkeypatch.setattr(pace.time, "perf_counter", lambda: clock.now)
        map_ = Timed(clock, queries, keys)
        vars(map_).update(speed)
        return map_

    return timed


@pytest.mark.parametrize(("per_row", "per_weight"), [(3e-4, 1e-9), (0.0, 4e-9), (2.0, 0.0)])
@pytest.mark.parametrize("compiling", [0.0, 30.0])
def test_it_is_what_the_machine_takes(timed, per_row, per_weight, compiling):
    map_ = timed(per_row=per_row, per_weight=per_weight, compiling=compiling)
    found = measure_pace(map_)
    assert found.device == "CPU"
    for rows, cols in ((100_000, 100_000), (1000, 1000), (1, 100_000)):
        took = rows * (per_row + cols * per_weight)
        assert found.seconds(rows, cols) == pytest.approx(took, rel=1e-6)


def test_it_looks_at_little_of_a_slow_map(timed):
    map_ = timed(per_row=4e-4)
    measure_pace(map_)
    assert max(map_.asked) == 256  # a tenth of a second
    assert map_.clock.now < 1


def test_a_map_that_is_quick_is_gone_through_whole_and_not_beyond(timed):
    map_ = timed(queries=1000, keys=1, per_row=1e-9)
    assert measure_pace(map_).seconds(1000, 1) == pytest.approx(1e-6)
    assert max(map_.asked) == 1000


def test_a_hiccup_does_not_count(timed, monkeypatch):
    map_ = timed(per_row=4e-4)
    pooled = map_.pooled

    def hiccup(*args, **options):
        map_.clock.now += 5.0 * (len(map_.asked) % 2)  # every other time
        return pooled(*args, **options)

    monkeypatch.setattr(map_, "pooled", hiccup)
    assert measure_pace(map_).seconds(1000, 1000) == pytest.approx(0.4)


def test_a_real_map_is_measured():
    found = measure_pace(AttentionMap(*torch.randn(2, 1, 40, 8), scale=1.0))
    assert found.seconds(40, 40) > 0
    assert found.per_weight >= 0


def test_seconds_are_of_rows_and_of_the_weights_in_them():
    assert Pace(0.5, 0.01, "CPU").seconds(4, 100) == pytest.approx(6.0)


@pytest.mark.parametrize(
    ("seconds", "said"),
    [
        *((0.0, "about 1 s"), (2.4, "about 2 s"), (9.6, "about 10 s"), (38.0, "about 40 s")),
        *((119.0, "about 120 s"), (121.0, "about 2 min"), (14.2 * 60, "about 14 min")),
        *((7199.0, "about 120 min"), (7300.0, "about 2 h"), (60 * 3600.0, "about 2 days")),
    ],
)
def test_an_estimate_is_told_no_finer_than_it_is(seconds, said):
    assert about(seconds) == said


@pytest.mark.parametrize(
    ("number", "said"),
    [(7, "7"), (9999, "9999"), (10_000, "10\u202f000"), (1_048_576, "1\u202f048\u202f576")],
)
def test_long_numbers_are_grouped(number, said):
    assert grouped(number) == said
