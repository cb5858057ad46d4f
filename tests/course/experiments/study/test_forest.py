"""A forest plot shows every interval, and each verdict by colour, by shape and in words."""

import pytest

from attnlib.course.experiments.study.contrasts import CONTRASTS
from attnlib.course.experiments.study.findings import Finding
from attnlib.course.experiments.study.forest import LOOKS, plot_forest, signed
from attnlib.course.experiments.study.statistics import BOUND, EFFECT, SMALLER, UNDECIDED, Estimate


def finding(mean, verdict):
    return Finding(CONTRASTS[0], Estimate(mean, mean - 0.5, mean + 0.5, 1, 20, 0, 0), verdict, 1)


ROWS = [finding(-9.0, EFFECT), finding(0.2, SMALLER), None, finding(1.5, UNDECIDED)]


def test_each_row_shows_its_interval_its_mean_and_its_verdict():
    figure = plot_forest({"some": ROWS}, list("abcd"))
    (axis,) = figure.axes
    intervals = [line for line in axis.lines if len(line.get_xdata()) == 2 and line.get_lw() == 3]
    assert [tuple(line.get_xdata()) for line in intervals] == [
        (each.estimate.low, each.estimate.high) for each in ROWS if each
    ]
    means = [line for line in axis.lines if line.get_marker() in "os"]
    for line, each in zip(means, filter(None, ROWS), strict=True):
        look = LOOKS[each.verdict]
        assert (line.get_color(), line.get_marker()) == (look.colour, look.marker)
        assert (line.get_markerfacecolor() == "white") != look.filled
    assert [text.get_text() for text in axis.texts] == ["−9.0", "+0.2", "not run", "+1.5"]
    assert [text.get_text() for text in figure.legends[0].get_texts()] == list(LOOKS)
    low, high = axis.get_xlim()
    assert low < -9.5 and high > 2.0
    assert f"less than {BOUND:g} point" in figure.get_supxlabel()


def test_no_two_verdicts_look_alike_without_colour():
    assert len({(look.marker, look.filled) for look in LOOKS.values()}) == len(LOOKS) == 3


@pytest.mark.parametrize(
    ("points", "said"), [(0.04, "0.0"), (-0.04, "0.0"), (-9.44, "−9.4"), (0.7, "+0.7")]
)
def test_a_sign_stands_where_there_is_one(points, said):
    assert signed(points) == said
