"""Positions on scores or input: tables recomputed entry by entry from their formulas."""

import itertools
import math

import numpy as np
import pytest
import torch

from attnlib.course.lessons.positions.explorer import explore_positions, positions_drawer
from tests.course.widgets.hand import by_hand, grey

WIDTH = 6


@pytest.fixture(scope="module")
def x():
    return torch.randn(13, WIDTH, generator=torch.Generator().manual_seed(0))


@pytest.fixture(scope="module")
def draw(x):
    return positions_drawer(x)


def shown(figure):
    """The change of the scores, and the weights, as drawn."""
    return [np.asarray(axis.images[0].get_array()) for axis in figure.axes[:2]]


def wave(angle, index):
    return math.sin(angle) if index % 2 == 0 else math.cos(angle)


def table(kind, length, freq):
    """The bias by its formula; for odd lengths the last column is zero."""
    result = np.zeros((length, length))
    for i, j in itertools.product(range(length), range(length - length % 2)):
        if kind == "absolute":
            angle = i / freq ** (2 * (j // 2) / WIDTH)
        else:
            angle = (j - i + length - 1) / freq ** ((i + j) / (2 * length))
        result[i, j] = wave(angle, j)
    return result


def softmax(scores):
    exp = np.exp(scores - scores.max(-1, keepdims=True))
    return exp / exp.sum(-1, keepdims=True)


@pytest.mark.parametrize("kind", ["absolute", "relative"])
@pytest.mark.parametrize("length", [12, 13])
@pytest.mark.parametrize("tokens", ["alike", "frames"])
def test_on_the_scores_the_published_table_is_added(x, draw, kind, length, tokens):
    figure, sentence = draw(kind, "scores", 100, length, tokens)
    added, weights = shown(figure)
    expected = table(kind, length, 100)
    np.testing.assert_allclose(added, expected, atol=1e-9)
    tokens = x[:length].double().numpy() if tokens == "frames" else np.zeros((length, WIDTH))
    plain = tokens @ tokens.T / math.sqrt(WIDTH)
    np.testing.assert_allclose(weights, softmax(plain + expected), atol=1e-9)
    assert f"the scores change by {expected.min():.2f} to {expected.max():.2f}." in sentence
    assert ("odd: the last column is all 0" in sentence) == (length == 13)
    change = abs(expected[2:, 2:] - expected[:-2, :-2]).max()
    assert f"by up to {change:.2f}: it depends on more than j − i" in sentence


@pytest.mark.parametrize("length", [5, 9])
def test_on_the_input_the_usual_sinusoids_are_added(x, draw, length):
    figure, _ = draw("absolute", "input", 100, length, "frames")
    added, weights = shown(figure)
    angles = [[i / 100 ** (2 * (c // 2) / WIDTH) for c in range(WIDTH)] for i in range(length)]
    usual = [[wave(angle, c) for c, angle in enumerate(row)] for row in angles]
    plain = x[:length].double().numpy()
    moved = plain + np.array(usual)
    before, after = (a @ a.T / math.sqrt(WIDTH) for a in (plain, moved))
    np.testing.assert_allclose(added, after - before, atol=1e-9)
    np.testing.assert_allclose(weights, softmax(after), atol=1e-9)


def test_usual_sinusoids_depend_on_the_distance_and_the_relative_table_does_not(draw):
    added, _ = shown(draw("absolute", "input", 100, 12, "alike")[0])
    np.testing.assert_allclose(added[1:, 1:], added[:-1, :-1], atol=1e-9)
    said = "together by 2 changes that by nothing: it depends on j − i alone"
    assert said in draw("absolute", "input", 100, 13, "alike")[1]
    assert said not in draw("relative", "scores", 100, 12, "alike")[1]


@pytest.mark.parametrize("where", ["scores", "input"])
def test_without_positions_tokens_that_are_alike_get_the_same(draw, where):
    figure, sentence = draw(None, where, 100, 8, "alike")
    added, weights = shown(figure)
    assert not added.any() and (weights == 1 / 8).all()
    assert sentence.endswith("the scores do not change. All weights are 1/8 = 0.12.")


@pytest.mark.parametrize("where", ["scores", "input"])
def test_the_titles_hold_wherever_positions_are_added(draw, where):
    figure, _ = draw("absolute", where, 100, 8, "frames")
    titles = [axis.get_title() for axis in figure.axes[:2]]
    assert titles == ["change of the scores", "weights"]


def test_freq_matters(draw):
    slow, fast = (shown(draw("absolute", "scores", freq, 8, "frames")[0])[0] for freq in (10, 1000))
    assert abs(slow - fast).max() > 0.1


def test_every_combination_draws_or_says_why_not(draw):
    kinds, places, tokens = (
        (None, "absolute", "relative"),
        ("scores", "input"),
        ("alike", "frames"),
    )
    for kind, where, freq, length, token in itertools.product(
        kinds, places, (10, 10000), (4, 13), tokens
    ):
        if (kind, where) == ("relative", "input"):
            with pytest.raises(ValueError, match=r"^positions='relative' belong to pairs \(i, j\)"):
                draw(kind, where, freq, length, token)
            continue
        figure, sentence = draw(kind, where, freq, length, token)
        np.testing.assert_allclose(shown(figure)[1].sum(-1), 1)
        assert sentence.startswith("No positions" if kind is None else f"{kind} on the {where}")


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        ({"positions": "learned"}, "positions must be None, absolute or relative, got 'learned'"),
        ({"where": "output"}, "where must be scores or input, got 'output'"),
        ({"tokens": "none"}, "tokens must be alike or frames, got 'none'"),
        ({"freq": 0}, "freq must be above 0, got 0"),
        ({"length": 14}, "length=14 must lie in 4 … 13"),
    ],
)
def test_errors_name_the_argument(draw, wrong, said):
    right = {"positions": None, "where": "scores", "freq": 10, "length": 8, "tokens": "frames"}
    with pytest.raises(ValueError, match=f"^{said}$"):
        draw(**{**right, **wrong})


def test_too_few_frames_are_refused():
    with pytest.raises(ValueError, match=r"^x must be \(L, C\), L at least 4, got shape \(3, 6\)"):
        positions_drawer(torch.zeros(3, 6))


def test_positions_of_pairs_go_to_the_scores_alone_and_setting_them_back_gives_the_same(x):
    explorer = explore_positions(x)
    first = explorer.picture
    assert grey(explorer) == {"where"}
    by_hand(explorer, positions="absolute")
    assert grey(explorer) == set()
    by_hand(explorer, where="input")
    assert explorer.picture != first
    by_hand(explorer, positions=None)
    assert grey(explorer) == {"where", "freq"} and explorer.state["where"] == "input"
    by_hand(explorer, positions="relative")
    assert grey(explorer) == {"where"} and explorer.state["where"] == "scores"
    assert explorer.picture == first


def test_the_controls_have_words_for_their_values(x):
    labels = {
        name: list(control.labels.values())
        for name, control in explore_positions(x).set(positions="absolute")._controls.items()
        if name in ("positions", "where", "tokens")
    }
    assert labels == {
        "positions": ["none", "absolute", "relative"],
        "where": ["scores", "input"],
        "tokens": ["all alike", "frames"],
    }


def test_the_sentence_names_the_strongest_pair_and_how_evenly_the_weight_is_spread(x):
    sharp = positions_drawer(1000 * torch.eye(6))
    sentence = sharp(None, "scores", 10, 6, "frames")[1]
    assert sentence.endswith("no query spreads its weight over more than one key.")
    assert "the largest weight is 1.00 (query 0 on key 0); " in sentence
    mixed = torch.cat([1000 * torch.eye(6)[:3], torch.eye(6)[3:]])
    sentence = positions_drawer(mixed)(None, "scores", 10, 6, "frames")[1]
    assert sentence.endswith("of uniform attention's on the keys that each query sees.")
    figure, sentence = positions_drawer(x)("absolute", "scores", 100, 13, "frames")
    weights = shown(figure)[1]
    query, key = divmod(weights.argmax(), 13)
    entropy = -(weights * np.log(weights)).sum() / (13 * math.log(13))
    assert sentence.endswith(
        f"Weights: the largest weight is {weights.max():.2f} (query {query} on key {key}); "
        f"the entropy is {entropy:.0%} of uniform attention's."
    )
