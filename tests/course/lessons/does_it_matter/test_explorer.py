"""The explorer of the study draws every claim, and its sentence is the claim's."""

import pytest

from attnlib.course.experiments.study import forest
from attnlib.course.experiments.study.claims import CLAIMS
from attnlib.course.experiments.study.findings import findings
from attnlib.course.experiments.study.results import load
from attnlib.course.experiments.study.sentences import render
from attnlib.course.lessons.does_it_matter import explorer
from attnlib.course.lessons.does_it_matter.explorer import explore_study, study_drawer
from tests.course.widgets.hand import by_hand


@pytest.fixture(scope="module")
def found():
    return findings(load())


@pytest.fixture(scope="module")
def draw(found):
    return study_drawer(found)


def whole(id_):
    """Of a claim about all sorts of branches at once: (change, task, budget)."""
    name, _, budget = id_.partition(".4x")
    change, _, task = name.rpartition(".")
    return change, task, 4 if id_.endswith(".4x") else 1


@pytest.mark.parametrize("id_", [id_ for id_ in CLAIMS if whole(id_)[0] in explorer.SUBJECTS])
def test_every_claim_is_drawn_with_a_row_a_contrast(id_, found, draw, monkeypatch):
    drawn = []
    real = forest.plot_forest

    def kept(panels, labels):
        drawn.append((panels, labels))
        return real(panels, labels)

    monkeypatch.setattr(explorer, "plot_forest", kept)
    figure, sentence = draw(*whole(id_))
    assert sentence == render(CLAIMS[id_], found)
    ((panels, labels),) = drawn
    (rows,) = panels.values()
    assert rows == [found.get(each.key) for each in CLAIMS[id_].contrasts]
    assert len(set(labels)) == len(labels) == len(rows)
    assert [tick.get_text() for tick in figure.axes[0].get_yticklabels()] == labels


def test_what_is_not_asked_is_refused_with_what_is(draw):
    with pytest.raises(ValueError, match=r"does not ask this there. It asks: dropout.digits, drop"):
        draw("dropout", "mnist", 1)


def test_a_control_that_is_set_back_gives_the_same_picture(found):
    explored = explore_study(found)
    assert explored.sentence.startswith("On local, leaving out the scale (the mean of ")
    first = explored._still_picture()
    explored.set(change="start", task="digits")
    assert explored._still_picture() != first
    explored.set(change="scale", task="local")
    assert explored._still_picture() == first


def test_what_the_study_does_not_ask_is_not_offered(found):
    explorer = explore_study(found)
    by_hand(explorer, change="dropout")
    asked = {whole(id_)[1:] for id_ in CLAIMS if whole(id_)[0] == "dropout"}
    assert set(explorer.offered["task"]) == {each for each, _ in asked}
    budgets = [budget for each, budget in asked if each == explorer.state["task"]]
    assert sorted(explorer.offered["budget"]) == sorted(budgets)


def test_no_two_changes_are_called_the_same(found):
    (change,) = [each for each in explore_study(found).controls if each["name"] == "change"]
    assert len(set(change["labels"])) == len(change["labels"]) == len(explorer.SUBJECTS)
