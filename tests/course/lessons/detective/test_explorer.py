"""The dials as a widget: every setting draws, the sentence says where it stands."""

import pytest
import torch

from attnlib.course import compare
from attnlib.course.language import speaking
from attnlib.course.lessons.detective.explorer import dials_drawer, explore_dials
from tests.course.widgets.hand import by_hand, grey


@pytest.fixture
def x():
    return torch.randn(16, 48, dtype=torch.float64)


def test_the_two_ends_are_where_they_should_be(x):
    draw = dials_drawer(x)
    assert "only rounding from NesT's end" in draw(**compare.NEST)[1]
    assert "only rounding from PGL-SUM's end" in draw(**compare.PGLSUM)[1]


def test_notation_moves_nothing_until_it_counts(x):
    draw = dials_drawer(x)
    assert "Turned: merge. The output is only rounding from NesT's end" in draw(merge="h d")[1]
    assert "only rounding" not in draw(merge="h d", undone=False)[1]


def test_a_dead_dial_says_why(x):
    _, sentence = dials_drawer(x)(local_branch="narrow")
    assert "Dead here: local branch (without fusion there is no local branch)." in sentence
    with speaking("zh"):
        _, sentence = dials_drawer(x)(local_branch="narrow")
    assert "在这里失效：局部分支（没有融合，就没有局部分支）。" in sentence


def test_a_dead_dial_is_grey_until_it_counts(x):
    explorer = explore_dials(x)
    assert grey(explorer) == set(compare.dead({}))
    by_hand(explorer, fusion="add")
    assert "local_branch" not in grey(explorer)
    by_hand(explorer, local_branch="narrow", fusion=None)
    assert "local_branch" in grey(explorer)
    assert "Dead here: local branch" in explorer.sentence


@pytest.mark.parametrize("name", compare.VALUES)
def test_every_value_of_every_dial_draws_from_both_ends(x, name):
    draw = dials_drawer(x)
    for end in (compare.NEST, compare.PGLSUM):
        for value in compare.VALUES[name]:
            figure, sentence = draw(**compare.turned(end, **{name: value}))
            assert figure.axes
            assert sentence.startswith("Turned: ")


def test_the_difference_of_the_tokens_adds_up_to_the_distance(x, monkeypatch):
    from attnlib.course.lessons.detective import explorer as dials

    seen = {}

    def plot(matrices, difference, distances, edges):
        seen.update(matrices=matrices, difference=difference, distances=distances, edges=edges)

    monkeypatch.setattr(dials, "plot_setting", plot)
    dials_drawer(x)(fusion="add", sees="all tokens")
    mean_square = seen["difference"].square().mean().sqrt().item()
    assert mean_square == pytest.approx(seen["distances"]["from NesT's end"], rel=1e-12)
    assert seen["edges"] == [4, 8, 12]
    nest, main, local = seen["matrices"].values()
    for matrix in (nest, main, local):
        torch.testing.assert_close(matrix.sum(-1), torch.ones(16), rtol=1e-6, atol=1e-6)
    assert (nest[0, 4:] == 0).all() and (local[0, 4:] == 0).all() and (main[0] > 0).all()


def test_the_token_that_differs_most_is_named(x):
    parameters = compare.sample_parameters(0)
    nest, _ = compare.attend(x, parameters, compare.NEST)
    y, _ = compare.attend(x, parameters, compare.turned(compare.NEST, scale="1"))
    token = (y - nest).norm(dim=-1).argmax().item()
    assert f"Token {token} differs most" in dials_drawer(x)(scale="1")[1]


def test_the_buttons_turn_all_dials_and_draw_once(x, monkeypatch):
    explorer = explore_dials(x)
    drawn = []
    draw = explorer._draw
    monkeypatch.setattr(explorer, "_draw", lambda **state: drawn.append(state) or draw(**state))
    nest, pglsum = (preset["at"] for preset in explorer.presets)
    assert explorer._controls["fusion"].labels[explorer.state["fusion"]] == "none"

    def click(preset):  # undone stays where it is
        at = explorer.shown["at"] | preset
        explorer.asked = {"at": at, "count": explorer.asked["count"] + 1}

    click(pglsum)
    assert "Turned: all. " in explorer.sentence
    first = explorer.picture
    click(nest)
    assert "Turned: nothing. " in explorer.sentence
    assert explorer.state["fusion"] is None
    assert explorer.picture != first
    click(pglsum)
    assert explorer.picture == first
    assert len(drawn) == 3
