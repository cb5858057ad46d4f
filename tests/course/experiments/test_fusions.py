"""A fusion of the reader's own is trained exactly as the study trains its four."""

import json

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from torch import nn

from attnlib import fuse
from attnlib.course.compare import DialledAttention, turned
from attnlib.course.experiments.fusions import report, trial
from attnlib.course.experiments.fusions.fused import Fused, check_fusion
from attnlib.course.experiments.study import run
from attnlib.course.experiments.study.results import load
from attnlib.course.experiments.study.settings import MIDDLE
from attnlib.course.figures import style
from attnlib.course.figures.runs import plot_runs


def named(fusion):
    return lambda whole, local: fuse(whole, local, fusion)


@pytest.mark.parametrize("name", ["add", "mult", "avg", "max"])
def test_it_computes_what_the_dial_computes(name):
    torch.manual_seed(0)
    attention = DialledAttention(turned(MIDDLE, fusion=name))
    x = torch.randn(2, 16, 48)
    y, _ = Fused(attention, named(name))(x)
    assert y.equal(attention(x)[0])


@pytest.fixture
def few_steps(monkeypatch):
    steps = dict(run.STEPS) | {trial.TASK: 3}
    for module in (run, trial):
        monkeypatch.setattr(module, "STEPS", steps)


@pytest.mark.parametrize(("name", "setting"), [("add", "middle"), ("max", "fusion: max")])
def test_it_trains_as_the_study_does(few_steps, name, setting):
    assert (
        round(trial.run(named(name), seed=1), 5) == (run.train(trial.TASK, setting, 1)["accuracy"])
    )


def test_a_run_reaches_the_parameters_of_both_branches(few_steps):
    met = []

    def fusion(whole, local):
        met.append((whole.requires_grad, local.requires_grad, tuple(whole.shape)))
        return whole + local

    trial.run(fusion, seed=0)
    assert met[:3] == [(True, True, (32, 16, 48))] * 3


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


def test_longer_mult_is_mult_made_longer():
    whole, local = torch.randn(2, 500, 48)
    fused = trial.longer_mult(whole, local)
    assert torch.allclose(fused, fuse(whole, local, "mult") * 48**0.5)
    assert 0.8 < fused.norm(dim=-1).mean() < 1.2


def test_the_stored_runs_are_the_studys_and_the_example():
    found = trial.stored()
    assert list(found) == ["add", "mult", "avg", "max", trial.EXAMPLE]
    assert {len(shares) for shares in found.values()} == {5}
    kept = [each for each in load().runs if (each["task"], each["seed"]) == (trial.TASK, 3)]
    of = {each["setting"]: each["accuracy"] for each in kept}
    assert (found["add"][3], found["mult"][3]) == (of["middle"], of["fusion: mult"])


def test_the_stored_example_was_made_as_the_code_says(monkeypatch, tmp_path):
    monkeypatch.setattr(trial, "run", lambda fusion, seed: (fusion is trial.longer_mult) + seed / 8)
    path = tmp_path / "results.json"
    trial.main(path)
    made, kept = (json.loads(each.read_text(encoding="utf-8")) for each in (path, trial.STORED))
    assert {name: made[name] for name in made if name not in ("machine", "runs")} == {
        name: kept[name] for name in kept if name not in ("machine", "runs")
    }
    assert trial.stored(path)[trial.EXAMPLE] == [1, 1.125, 1.25, 1.375, 1.5]


def test_a_star_is_more_than_twice_the_spread():
    add = [0.7, 0.7, 0.7]
    found = dict.fromkeys(("add", "mult", "avg", "max"), add) | {
        "seen": [0.73, 0.74, 0.75],
        "not seen": [0.69, 0.72, 0.75],
    }
    assert report.apart(found["seen"], add).seen
    lines = report.table(found).splitlines()
    minus = [word for name in ("add", "mult", "avg", "max") for word in ("minus", name)]
    assert lines[0].split() == ["right,", "in", "%", *minus]
    assert lines[1].split()[:4] == ["add", "70.0", "±", "0.0"]
    assert " ".join(lines[5].split()[:8]) == "seen 74.0 ± 1.0 +4.0 ± 1.0 *"
    assert " ".join(lines[6].split()[:8]) == "not seen 72.0 ± 3.0 +2.0 ± 3.0"
    assert "*" not in lines[6]


def test_without_a_fusion_it_asks_for_one(capsys):
    assert report.compete(None) is None
    assert capsys.readouterr().out.startswith("No fusion yet.")


def test_a_fusion_competes(monkeypatch, capsys):
    monkeypatch.setattr(trial, "run", lambda fusion, seed: 0.5 + seed / 100)
    figure = report.compete(lambda whole, local: whole)
    out = capsys.readouterr().out
    assert out.startswith("seed 0: 50.0%\nseed 1: 51.0%")
    assert out.splitlines()[-1].split()[:4] == ["mine", "52.0", "±", "1.6"]
    (axis,) = figure.axes
    assert [text.get_text() for text in axis.get_yticklabels()][-1] == report.MINE


def test_every_seed_is_a_dot():
    figure = plot_runs({"one": [0.6, 0.7], "other": [0.8, 0.9]}, chance=0.5, marked="other")
    (axis,) = figure.axes
    dots, bar, other, _, guessing = axis.lines
    assert np.allclose(dots.get_xdata(), [60, 70])
    assert np.allclose(bar.get_xdata(), [65])
    assert list(other.get_ydata()) == [1, 1]
    assert other.get_color() == style.MARK != dots.get_color()
    assert guessing.get_xdata()[0] == 50
