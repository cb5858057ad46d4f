"""The live curve: what it holds, how often it draws, what its text form says."""

import math

import numpy as np
import pytest

from attnlib.course.widgets import live


@pytest.fixture
def clock(monkeypatch):
    """A clock that a test moves."""
    time = [1000.0]
    monkeypatch.setattr(live.time, "monotonic", lambda: time[0])
    return time


def test_its_text_form_is_the_same_however_far_it_is():
    curve = live.LiveCurve(3)
    text = repr(curve)
    for loss in (2.0, 1.0, 0.5):
        curve.add(loss)
        assert repr(curve) == text
    assert "3 steps" in text
    assert repr(live.LiveCurve(4)) != text


def drawn(curve):
    return np.frombuffer(curve.drawn, "<f8").tolist()


def test_it_draws_twice_a_second_at_most_and_after_the_last_step(clock):
    curve, seen = live.LiveCurve(4), []
    for loss, later in ((2.0, 0.0), (1.0, 0.1), (0.5, 0.6), (0.25, 0.1)):
        clock[0] += later
        curve.add(loss)
        seen.append((drawn(curve), curve.sentence))
    assert [len(losses) for losses, _ in seen] == [1, 1, 3, 4]
    assert seen[0] == seen[1]
    assert seen[-1] == ([2.0, 1.0, 0.5, 0.25], "step 4 of 4, loss 0.250")


def test_a_loss_that_is_no_number_is_sent_and_told(clock):
    curve = live.LiveCurve(1)
    curve.add(math.nan)
    assert math.isnan(*drawn(curve)) and curve.sentence == "step 1 of 1, loss nan"


def test_watch_shows_one_curve_and_gives_the_losses(monkeypatch, clock):
    shown = []
    monkeypatch.setattr(live, "display", shown.append)
    assert live.watch(iter([2.0, 1.0]), 2) == [2.0, 1.0]
    (curve,) = shown
    assert drawn(curve) == [2.0, 1.0] and curve.steps == 2


def test_it_is_shown_before_the_first_step(monkeypatch):
    shown = []
    monkeypatch.setattr(live, "display", shown.append)

    def losses():
        assert shown
        yield 1.0

    live.watch(losses(), 1)
