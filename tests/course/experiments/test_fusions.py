"""A fusion of the reader's own is trained exactly as the study trains its four."""

import json
import re

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from torch import nn

from attnlib import fuse
from attnlib.course.experiments.fusions import report, trial
from attnlib.course.experiments.fusions.chance import by_chance
from attnlib.course.experiments.fusions.fused import Fused, check_fusion
from attnlib.course.experiments.study import run
from attnlib.course.experiments.study.design import SETTINGS
from attnlib.course.experiments.study.ensemble import Ensemble
from attnlib.course.experiments.study.results import accuracies, load, rates
from attnlib.course.experiments.study.statistics import SMALLER, UNDECIDED
from attnlib.course.experiments.study.tasks import TASKS
from attnlib.course.figures import style
from attnlib.course.figures.runs import plot_runs
from attnlib.course.widgets.asked import asked
from notebooks.execute import HERE, read


def named(fusion):
    return lambda whole, local: fuse(whole, local, fusion)


@pytest.mark.parametrize("name", trial.FOUR)
def test_it_computes_what_the_dial_computes(name):
    x = torch.randn(2, 5, 16, 48, generator=torch.Generator().manual_seed(0))
    dialled = Ensemble([run.network(trial.FOUR[name], seed) for seed in (0, 1)])
    mine = Fused([run.network(trial.CELL, seed) for seed in (0, 1)], named(name))
    assert mine(x).equal(dialled(x))


def test_the_first_argument_has_seen_all_tokens_and_the_second_its_own_group():
    x = torch.randn(1, 1, 16, 48, generator=torch.Generator().manual_seed(0))
    moved = x.clone()
    moved[:, :, -1] = 0  # in the last group
    network = [run.network(trial.CELL, 0)]
    whole, local = Fused(network, lambda whole, _: whole), Fused(network, lambda _, local: local)
    first = slice(0, 4)
    assert not torch.allclose(whole(x)[:, :, first], whole(moved)[:, :, first], atol=1e-4)
    assert torch.allclose(local(x)[:, :, first], local(moved)[:, :, first], atol=1e-6)


def test_a_fusion_may_look_at_the_other_tokens_of_its_sequence():
    x = torch.randn(2, 5, 16, 48, generator=torch.Generator().manual_seed(0))
    networks = [run.network(trial.CELL, seed) for seed in (0, 1)]
    y = Fused(networks, lambda whole, local: whole - local.mean(-2, keepdim=True))(x)
    alone = Fused(networks[1:], lambda whole, local: whole - local.mean(1, keepdim=True))(x[1:, 3:])
    assert torch.allclose(y[1, 3:], alone[0], atol=1e-5)


@pytest.fixture
def few_steps(monkeypatch):
    """Three steps in place of the task's own."""
    monkeypatch.setattr(run, "TASKS", {trial.CELL.task: TASKS[trial.CELL.task]._replace(steps=3)})


@pytest.mark.parametrize("name", ["add", "max"])
def test_it_trains_as_the_study_does(few_steps, name):
    rate = rates(load())[trial.FOUR[name]]
    stored = run.train(trial.FOUR[name], (1, 2), rate, "result")["accuracies"]
    assert np.round(trial.run(named(name), (1, 2)), 6).tolist() == stored


def test_the_four_differ_in_nothing_but_the_fusion():
    base = SETTINGS[trial.CELL.setting]
    for name, cell in trial.FOUR.items():
        assert cell._replace(setting=trial.CELL.setting) == trial.CELL
        assert SETTINGS[cell.setting] == base._replace(dials=base.dials | {"fusion": name})
        assert rates(load())[cell] == rates(load())[trial.CELL]


def test_a_run_reaches_the_parameters_of_both_branches(few_steps):
    met = []

    def fusion(whole, local):
        met.append((whole.requires_grad, local.requires_grad, tuple(whole.shape)))
        return whole + local

    trial.run(fusion, (0, 1))
    assert met[:3] == [(True, True, (2 * 32, 16, 48))] * 3


WRONG = {
    "fusion must be a function of (whole, local), got str": "add",
    "fusion must have no parameters": nn.Bilinear(48, 48, 48),
    "fusion must return a tensor, got tuple": lambda whole, local: (whole, local),
    "fusion must return the shape (3, 16, 48) that it was given, got (3, 16, 96)": (
        lambda whole, local: torch.cat([whole, local], -1)
    ),
    "fusion must return finite numbers": lambda whole, local: whole / (local - local),
    "an example the same rows alone and in a batch": lambda whole, local: F.normalize(whole, dim=0),
}


@pytest.mark.parametrize(("words", "fusion"), WRONG.items(), ids=WRONG)
def test_what_could_not_be_compared_is_refused_before_training(words, fusion):
    with pytest.raises((TypeError, ValueError)) as error:
        trial.runs(fusion)
    assert words in str(error.value)


@pytest.mark.parametrize(
    "fusion",
    [
        lambda whole, local: whole + local,
        lambda whole, local: whole,
        lambda whole, local: torch.cat([whole[..., :24], local[..., 24:]], -1),
        lambda whole, local: whole - whole.mean(-2, keepdim=True),
        trial.longer_mult,
    ],
)
def test_what_can_be_compared_is_taken(fusion):
    check_fusion(fusion)


@pytest.mark.parametrize("seeds", [range(15, 21), [3], [3, 3], 20, []])
def test_seeds_that_cannot_be_compared_are_refused(seeds):
    with pytest.raises(ValueError, match="seeds must be two or more of 0 to 19") as error:
        report.compete(lambda whole, local: whole, seeds)
    assert str(error.value).endswith(f"got {seeds!r}")


def test_longer_mult_is_mult_made_longer():
    whole, local = torch.randn(2, 500, 48, generator=torch.Generator().manual_seed(0))
    fused = trial.longer_mult(whole, local)
    assert torch.allclose(fused, fuse(whole, local, "mult") * 48**0.5)
    assert 0.8 < fused.norm(dim=-1).mean() < 1.2


def test_the_stored_runs_are_the_studys_and_the_example():
    found = trial.stored([3, 19])
    assert list(found) == [*trial.FOUR, trial.EXAMPLE]
    points = accuracies(load())
    for name, cell in trial.FOUR.items():
        assert found[name] == [points[cell][3] / 100, points[cell][19] / 100]
    assert {len(shares) for shares in trial.stored().values()} == {len(trial.SEEDS)}


def test_the_stored_example_was_made_as_the_code_says(monkeypatch, tmp_path):
    made_by = lambda fusion: fusion is trial.longer_mult
    monkeypatch.setattr(
        trial, "run", lambda fusion, seeds: [made_by(fusion) + each / 32 for each in seeds]
    )
    path = tmp_path / "results.json"
    trial.main(path)
    made, kept = (json.loads(each.read_text(encoding="utf-8")) for each in (path, trial.STORED))
    assert {name: made[name] for name in made if name not in ("machine", "runs")} == {
        name: kept[name] for name in kept if name not in ("machine", "runs")
    }
    assert trial.stored([2, 16], path)[trial.EXAMPLE] == [1.0625, 1.5]


def simulated(*, lead, spread):
    """20 seeds of a fusion that is ahead of "add" by `lead` points, give or take `spread`."""
    given = np.random.default_rng(0)
    add = 0.7 + given.normal(0, 0.02, 20)
    return {"add": add, "new": add + given.normal(lead, spread, 20) / 100}


@pytest.mark.parametrize(
    ("lead", "spread", "verdict"),
    [(3, 1, "effect"), (0, 0.5, SMALLER), (0.9, 4, UNDECIDED), (-3, 1, "effect")],
)
def test_a_comparison_has_the_verdict_of_the_study(lead, spread, verdict):
    found = report.compared(simulated(lead=lead, spread=spread), "new")["add"]
    assert found.verdict == verdict
    assert found.estimate.low < lead < found.estimate.high


def test_verdicts_are_corrected_for_all_that_are_asked():
    found = simulated(lead=1, spread=2.6)
    alone = report.compared(found, "new")["add"]
    assert 0.01 < alone.estimate.p < 0.05
    assert alone.verdict == "effect"
    others = {f"add {number}": found["add"] for number in range(5)}
    many = report.compared(found | others, "new")
    assert {each.verdict for each in many.values()} == {UNDECIDED}
    assert many["add"].estimate == alone.estimate


def test_the_table_has_means_differences_intervals_and_verdicts():
    found = {"add": [0.70, 0.71, 0.72], "new": [0.64, 0.655, 0.67]}
    head, add, new, foot = report.table(found, "new").splitlines()
    assert re.split("  +", head.strip()) == [
        "right, in %",
        "new minus it",
        "95 % interval",
        "verdict",
    ]
    assert add.split() == ["add", "71.0", "−5.5", "[−6.7,", "−4.3]", "effect"]
    assert new.split() == ["new", "65.5"]
    assert foot == ("3 seeds each; comparisons that the verdicts are corrected for (Holm): 1")


def test_without_a_fusion_it_asks_for_one(capsys):
    assert report.compete(None) is None
    assert capsys.readouterr().out.startswith("No fusion yet.")


def test_a_fusion_competes_with_the_same_seeds(monkeypatch, capsys):
    asked_for = []

    def run(fusion, seeds):
        asked_for.append(list(seeds))
        return [0.5 + seed / 1000 for seed in seeds]

    monkeypatch.setattr(trial, "run", run)
    figure = report.compete(lambda whole, local: whole, range(3, 11))
    assert asked_for == [[3, 4, 5, 6, 7], [8, 9, 10]]
    lines = capsys.readouterr().out.splitlines()
    assert (lines[0], lines[7]) == ("seed 3: 50.3%", "seed 10: 51.0%")
    assert lines[9].split()[:2] == [
        "add",
        f"{100 * np.mean(trial.stored(range(3, 11))['add']):.1f}",
    ]
    assert lines[14].split() == [report.MINE, "50.7"]
    assert lines[15].startswith("8 seeds each;") and lines[15].endswith(": 5")
    (axis,) = figure.axes
    assert [text.get_text() for text in axis.get_yticklabels()][-1] == report.MINE


def test_who_tries_many_finds_something_where_there_is_nothing():
    one, many = by_chance(1), by_chance(25)
    assert abs(one.lead) < 0.05 < 1 < many.lead
    assert one.alone == one.corrected == pytest.approx(0.05, abs=0.01)
    assert many.alone == pytest.approx(1 - 0.95**25, abs=0.03)
    assert many.corrected == pytest.approx(0.05, abs=0.01)


def test_more_seeds_leave_less_to_chance():
    few, many = by_chance(25), by_chance(25, seeds=20)
    assert 1.8 < few.lead / many.lead < 2.2  # √(20 / 5)


def test_the_prediction_has_the_stored_numbers_and_their_answer():
    found = {name: np.mean(shares) for name, shares in trial.stored().items()}
    prediction = asked("capstone.mult_made_1_long")
    assert f"mult finds {100 * found['mult']:.1f} %" in prediction.question
    assert f"add {100 * found['add']:.1f} %" in prediction.question
    assert f"{100 * found['mult']:.1f} % again" in prediction.choices[2]
    assert (prediction.answer == "a") == (found[trial.EXAMPLE] >= found["add"])


def test_the_lesson_says_what_the_runs_give():
    text = "\n".join(cell.source for cell in read(HERE / "14_capstone.ipynb").cells)
    found = report.compared(trial.stored(), trial.EXAMPLE)
    interval = lambda each: f"{each.low:.1f} to {each.high:.1f}"
    mult, add = found["mult"].estimate, found["add"].estimate
    assert f"mult gains {mult.mean:.1f} points (95 % interval {interval(mult)})" in text
    assert f"it is then {add.mean:.1f} points\n  above add ({interval(add)})" in text
    few = report.compared(trial.stored(range(5)), trial.EXAMPLE)
    undecided = [name for name, each in few.items() if each.verdict == UNDECIDED]
    assert undecided == ["add", "max"]
    assert all(few[name].estimate.low > 0 for name in undecided)
    assert {each.verdict for each in found.values()} == {"effect"}


def test_every_seed_is_a_dot():
    figure = plot_runs({"one": [0.6, 0.7], "other": [0.8, 0.9]}, chance=0.5, marked="other")
    (axis,) = figure.axes
    dots, bar, other, _, guessing = axis.lines
    assert np.allclose(dots.get_xdata(), [60, 70])
    assert np.allclose(bar.get_xdata(), [65])
    assert list(other.get_ydata()) == [1, 1]
    assert other.get_color() == style.MARK != dots.get_color()
    assert guessing.get_xdata()[0] == 50
