"""The stored study, seed by seed: the numbers of the report, and every choice draws."""

import pytest
import torch

from attnlib.course.experiments.study.report import difference, table
from attnlib.course.experiments.study.results import load
from attnlib.course.experiments.study.settings import SETTINGS
from attnlib.course.experiments.study.tasks import TASKS
from attnlib.course.lessons.does_it_matter import explorer
from attnlib.course.lessons.does_it_matter.explorer import (
    accuracies,
    choices,
    explore_seeds,
    seeds_drawer,
)


@pytest.fixture(scope="module")
def results():
    return load()


@pytest.fixture(scope="module")
def draw(results):
    return seeds_drawer(results)


def test_accuracies_stand_in_the_order_of_their_seeds(results):
    shuffled = results._replace(runs=results.runs[::-1])
    found = accuracies(shuffled, "local", "scale: 1")
    runs = [run for run in results.runs if (run["task"], run["setting"]) == ("local", "scale: 1")]
    assert found.tolist() == [run["accuracy"] for run in sorted(runs, key=lambda run: run["seed"])]
    assert found.shape == (5,) and found.dtype == torch.float64


@pytest.mark.parametrize(("task", "setting"), [("local", "scale: 2"), ("sorting", "middle")])
def test_what_is_not_there_is_refused_with_what_there_is(results, draw, task, setting):
    said = f"task must be one of .*'digits'.*setting 'middle' or one of .*got '{task}', '{setting}'"
    with pytest.raises(ValueError, match=said):
        accuracies(results, task, setting)
    with pytest.raises(ValueError, match=said):
        draw(task, setting)


def test_the_choices_are_those_of_the_study_but_for_the_middle(results):
    tasks, settings = choices(results)
    assert tasks == tuple(TASKS)
    assert ("middle", *settings) == tuple(SETTINGS)


def test_every_choice_draws_and_says_what_the_report_says(results, draw):
    tasks, settings = choices(results)
    for task in tasks:
        for setting in settings:
            figure, sentence = draw(task, setting)
            found = difference(results, task, setting)
            assert len(figure.axes) == 2
            assert sentence.startswith(f"{task}, {setting}: ")
            assert sentence.endswith("a difference is seen.") == found.seen
            assert ('which is not "no difference".' in sentence) != found.seen
            above = sum(found.seeds > 0)
            assert f", above 0 for {above} of {len(found.seeds)} seeds." in sentence


def test_the_sentence_has_the_numbers_of_the_table(results, draw):
    _, sentence = draw("global", "fusion: avg")
    cells = [line for line in table(results).splitlines() if line.startswith("fusion: avg")]
    (cell,) = [cell for cell in cells[0].split("   ") if cell.endswith("−4.1")]
    assert f"fusion: avg: {cell.split('  ')[0]} %, the middle 78.3 ± 3.1 %. " in sentence
    assert "the difference is −4.1 ± 0.7 points" in sentence


def test_the_same_accuracies_are_drawn(results, monkeypatch):
    given = []
    monkeypatch.setattr(explorer, "plot_pairs", lambda *arguments: given.extend(arguments))
    seeds_drawer(results)("reverse", "scale: 1")
    ours, others, names, chance, seen = given
    assert ours == accuracies(results, "reverse", "scale: 1").tolist()
    assert others == accuracies(results, "reverse", "middle").tolist()
    assert (names, chance, seen) == (("scale: 1", "the middle"), 0.1, False)


def test_there_is_a_place_where_all_seeds_agree_and_nothing_is_seen(draw):
    """Lesson 09 sends the reader there."""
    _, sentence = draw("digits", "PGL-SUM")
    assert "above 0 for 5 of 5 seeds" in sentence and "no difference is seen" in sentence


def test_a_control_that_is_set_back_gives_the_same_picture(results):
    explored = explore_seeds(results)
    assert explored.sentence.startswith("global, fusion: avg: ")
    first = bytes(explored._picture.value)
    explored.set(task="local", setting="no attention")
    assert bytes(explored._picture.value) != first
    explored.set(task="global", setting="fusion: avg")
    assert bytes(explored._picture.value) == first
