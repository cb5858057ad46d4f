"""The curve of the loss in a browser, without a kernel: it shows what it was told last."""

import math
import re

import numpy as np
import pytest

from attnlib.course.figures.losses import plot_losses
from attnlib.course.widgets import live

LOSSES = [3 * math.exp(-step / 20) + 0.4 * math.sin(step) ** 2 for step in range(45)]
POINT = re.compile(r"[ML]([\d.]+) ([\d.]+)")


@pytest.fixture
def curve(monkeypatch):
    """It has done 45 of 60 steps."""
    monkeypatch.setattr(live, "REDRAW_SECONDS", -1)
    curve = live.LiveCurve(60)
    for loss in LOSSES:
        curve.add(loss)
    return curve


def points(page):
    """Of each of the two lines the places of its points, (n, 2)."""
    lines = [line.get_attribute("d") for line in page.locator("path[opacity]").all()]
    return [np.array(POINT.findall(line), float) for line in lines]


def test_it_draws_the_lines_of_plot_losses(show, curve):
    page = show(curve)
    start, end = (page.get_by_text(str(step), exact=True).first for step in (0, 60))
    left, right = (float(tick.get_attribute("x")) for tick in (start, end))
    foot = float(re.search(r"V([\d.]+)H", page.content())[1])
    heights = []
    (axis,) = plot_losses({"loss": LOSSES}, 60).axes
    for line, drawn in zip(axis.lines, points(page), strict=True):
        across, up = drawn.T
        steps = (across - left) / (right - left) * 60
        np.testing.assert_allclose(steps, line.get_xdata(), rtol=0, atol=0.01)
        heights.append((foot - up) / line.get_ydata())
    np.testing.assert_allclose(np.hstack(heights), heights[0][0], rtol=0.001)


def test_the_bar_and_the_line_tell_how_far_it_is(show, curve):
    page = show(curve, width=390)
    bar = page.locator("progress")
    assert bar.evaluate("(bar) => [bar.value, bar.max]") == [45, 60]
    assert page.locator(".attn-told").inner_text() == f"step 45 of 60, loss {LOSSES[-1]:.3f}"


def test_it_is_there_before_the_first_step_and_grows(show):
    page = show(live.LiveCurve(60))
    assert [len(line) for line in points(page)] == [0, 0]
    page.evaluate(
        """() => [...models.values()][0].set({
            drawn: new DataView(new Float64Array([3, NaN, 1, 2]).buffer), sentence: "further",
        })"""
    )
    each, mean = points(page)
    assert len(each) == 3 and len(mean) == 1  # with nan there is no mean
    assert page.locator(".attn-told").inner_text() == "further"
    assert page.locator("progress").evaluate("(bar) => bar.value") == 4
