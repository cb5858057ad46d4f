"""Two rows fused: norms and arrows against closed forms."""

import itertools
import math

import pytest

from attnlib.course.lessons.fusion.explorer import explore_fusion, fusion_drawer

MODES = ("add", "mult", "avg", "max")


@pytest.fixture(scope="module")
def draw():
    return fusion_drawer()


def unit(angle):
    return math.cos(math.radians(angle)), math.sin(math.radians(angle))


def by_hand(mode, first, second):
    """The fused row of two unit rows."""
    combine = {
        "add": lambda a, b: a + b,
        "mult": lambda a, b: a * b,
        "avg": lambda a, b: (a + b) / 2,
        "max": max,
    }[mode]
    return [combine(a, b) for a, b in zip(unit(first), unit(second), strict=True)]


def tips(figure):
    """The tips of the arrows: global, local, fused."""
    (arrows,) = [c for c in figure.axes[0].collections if hasattr(c, "U")]
    return list(zip(arrows.U.tolist(), arrows.V.tolist(), strict=True))


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize(("first", "second"), [(30, 120), (0, 0), (225, 200), (10, 190)])
def test_arrows_and_norms_are_those_of_unit_rows(draw, mode, first, second):
    figure, sentence = draw(mode, first, 1.6, second, 0.6)
    fused = by_hand(mode, first, second)
    for tip, expected in zip(tips(figure), (unit(first), unit(second), fused), strict=True):
        assert tip == pytest.approx(tuple(expected), abs=1e-12)
    assert sentence.startswith("Norms 1.60 (global) and 0.60 (local) become 1.00 and 1.00, so ")
    assert sentence.endswith(f"{mode}: the fused row has norm {math.hypot(*fused):.2f}.")
    assert f"The angle between is {abs(first - second)}°." in sentence


def test_right_angles_give_the_norms_of_independent_rows(draw):
    ends = [draw(mode, 30, 1, 120, 1)[1].rsplit(" ", 1)[1] for mode in ("add", "avg")]
    assert ends == ["1.41.", "0.71."]


@pytest.mark.parametrize("mode", MODES)
def test_the_lengths_play_no_part(draw, mode):
    short, long = (draw(mode, 70, length, 160, 2 - length)[0] for length in (0.1, 1.9))
    for one, other in zip(tips(short), tips(long), strict=True):
        assert one == pytest.approx(other)


def test_a_row_of_zeros_stays_zero(draw):
    figure, sentence = draw("add", 30, 0, 120, 0.6)
    assert tips(figure)[0] == (0, 0)
    assert tips(figure)[2] == pytest.approx(unit(120))
    assert (
        "become 0.00 and 1.00: a row of zeros has no direction and stays zero (global)" in sentence
    )
    assert sentence.endswith("add: the fused row has norm 1.00.")
    assert "(global and local)" in draw("avg", 30, 0, 120, 0)[1]


def test_the_curves_are_the_norms_at_every_angle_of_the_local_row(draw):
    figure, _ = draw("max", 30, 1, 100, 1)
    curves = {line.get_label(): line for line in figure.axes[1].lines}
    for mode in MODES:
        for angle in (0, 45, 210, 360):
            expected = math.hypot(*by_hand(mode, 30, angle))
            assert curves[mode].get_ydata()[angle] == pytest.approx(expected, abs=1e-12)
    (here,) = [line for line in figure.axes[1].lines if line.get_marker() == "o"]
    assert here.get_xdata()[0] == 100
    assert here.get_ydata()[0] == pytest.approx(math.hypot(*by_hand("max", 30, 100)))
    assert max(MODES, key=lambda mode: curves[mode].get_linewidth()) == "max"


def test_every_combination_draws(draw):
    for state in itertools.product(MODES, (0, 360), (0.0, 2.0), (90, 180), (0.0, 0.1)):
        figure, sentence = draw(*state)
        assert figure.axes and "nan" not in sentence


@pytest.mark.parametrize(
    ("state", "said"),
    [
        (("sum", 0, 1, 0, 1), "fusion must be one of"),
        (("add", 0, -1, 0, 1), "global_length must be at least 0, got -1"),
        (("add", 0, 1, 0, -1), "local_length must be at least 0, got -1"),
    ],
)
def test_errors_name_the_argument(draw, state, said):
    with pytest.raises(ValueError, match=said):
        draw(*state)


def still(explorer):
    """What a page without scripts shows."""
    return explorer._repr_mimebundle_()[0]["text/html"]


def test_a_control_that_is_set_back_gives_the_same_picture():
    explorer = explore_fusion()
    first = still(explorer)
    assert still(explorer.set(fusion="max", local_angle=200)) != first
    assert still(explorer.set(fusion="add", local_angle=120)) == first
