"""A query, four keys: every number of the bars is recomputed here by hand."""

import itertools
import math

import pytest

from attnlib.course.lessons.by_hand.explorer import explore_scores, scores_drawer
from attnlib.course.widgets.explorer import png

HERE = {"q_x": 1.2, "q_y": 0.3, "k_x": 1.6, "k_y": -0.5}
KEYS = [(1.6, -0.5), (1.0, 1.0), (-1.2, 0.6), (0.4, -1.4)]


@pytest.fixture(scope="module")
def draw():
    return scores_drawer()


def bars(figure):
    """The lengths of the bars, a list a panel: q·k, scores, weights."""
    return [[bar.get_width() for bar in axis.patches] for axis in figure.axes[1:]]


@pytest.mark.parametrize("scale", ["1/√D", "1"])
@pytest.mark.parametrize("temperature", [0.5, 1.0, 5.0])
def test_the_bars_are_products_scores_and_their_softmax(draw, scale, temperature):
    figure, sentence = draw(**HERE, scale=scale, temperature=temperature)
    products = [1.2 * x + 0.3 * y for x, y in KEYS]
    factor = 1 / math.sqrt(2) if scale == "1/√D" else 1
    scores = [product * factor / temperature for product in products]
    total = sum(map(math.exp, scores))
    weights = [math.exp(score) / total for score in scores]
    for drawn, expected in zip(bars(figure), (products, scores, weights), strict=True):
        assert drawn == pytest.approx(expected)
        assert ", ".join(f"{number:.2f}" for number in expected) in sentence
    share = -sum(w * math.log(w) for w in weights) / math.log(4)
    assert f"Key 0 gets most; the entropy is {share:.0%} of uniform attention's" in sentence


def test_the_arrows_are_the_vectors(draw):
    (arrows,) = [c for c in draw(**HERE)[0].axes[0].collections if hasattr(c, "U")]
    tips = list(zip(arrows.U.tolist(), arrows.V.tolist(), strict=True))
    assert tips == [*KEYS, (1.2, 0.3)]


def test_the_shadow_of_a_key_times_the_query_is_the_dot_product(draw):
    figure, _ = draw(**HERE)
    (dropped,) = [c for c in figure.axes[0].collections if not hasattr(c, "U")]
    for (_, foot), product in zip(dropped.get_segments(), bars(figure)[0], strict=True):
        shadow = math.copysign(math.hypot(*foot), product)
        assert shadow * math.hypot(1.2, 0.3) == pytest.approx(product)


def test_beyond_two_coordinates_the_rest_stands_still_and_no_shadow_is_drawn(draw):
    here, there = (draw(**{**HERE, "q_x": x}, head_dim=32)[0] for x in (0.0, 1.0))
    moved = [b - a for a, b in zip(bars(here)[0], bars(there)[0], strict=True)]
    assert moved == pytest.approx([x for x, _ in KEYS])
    assert len(here.axes[0].collections) == 1
    assert "2 of D = 32" in here.axes[0].get_title()


def test_the_root_of_d_keeps_wide_scores_as_small_as_narrow_ones(draw):
    figure, sentence = draw(**HERE, head_dim=128)
    products, scores, _ = bars(figure)
    assert scores == pytest.approx([product / math.sqrt(128) for product in products])
    assert "Times 1/√128 = 0.09" in sentence
    assert "2 of 128 coordinates; the others are random" in sentence


def test_a_query_of_zeros_gives_uniform_weights(draw):
    figure, sentence = draw(**{**HERE, "q_x": 0.0, "q_y": 0.0})
    assert bars(figure)[2] == pytest.approx([0.25] * 4)
    assert "All keys get the same, 0.25; the entropy is 100%" in sentence


def test_keys_that_share_the_first_place_are_all_named(draw):
    _, sentence = draw(q_x=1.0, q_y=1.0, k_x=2.0, k_y=0.0)
    assert "Keys 0, 1 get most, 0.44 each" in sentence


def test_no_minus_stands_before_a_zero(draw):
    figure, sentence = draw(q_x=0.001, q_y=0.0, k_x=-1.0, k_y=0.0)
    written = sentence + " ".join(text.get_text() for a in figure.axes for text in a.texts)
    assert "0.00" in written and "-0.00" not in written


def test_every_combination_draws(draw):
    ends = (-2.0, 0.0, 2.0)
    states = itertools.product(ends, ends, (2, 128), ("1/√D", "1"), (0.1,))
    for q_x, k_y, head_dim, scale, temperature in states:
        figure, sentence = draw(q_x, 0.0, 0.0, k_y, head_dim, scale, temperature)
        assert sum(bars(figure)[2]) == pytest.approx(1)
        assert sentence.startswith("q·k of keys 0 to 3: ")


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        ({"head_dim": 3}, "head_dim must be 2, 8, 32 or 128, got 3"),
        ({"scale": "2"}, "scale must be 1/√D or 1, got '2'"),
        ({"temperature": 0}, "temperature must be above 0, got 0"),
    ],
)
def test_errors_name_the_argument(draw, wrong, said):
    with pytest.raises(ValueError, match=f"^{said}$"):
        draw(**{**HERE, **wrong})


def test_a_slider_that_is_moved_back_gives_the_same_picture():
    def shown():
        figure, sentence = explorer.drawn(explorer.state)
        return png(figure), sentence

    explorer = explore_scores()
    first = shown()
    explorer.set(q_x=-2)
    assert shown() != first
    explorer.set(q_x=1.2)
    assert shown() == first
