"""The check takes every right way to write it, and names the known wrong answers."""

import pytest
import torch

from attnlib.course.lessons import exercise
from attnlib.course.lessons.transformer.exercises import ON_PREVIOUS_MISTAKES

KEY = "transformer.on_previous"


def by_loop(weights):
    pairs = range(1, weights.shape[-1])
    return torch.stack([weights[:, i, i - 1] for i in pairs]).mean(0)


def by_mask(weights):
    length = weights.shape[-1]
    before = torch.ones(length, length).tril(-1).triu(-1)
    return (weights * before).sum((-2, -1)) / (length - 1)


def by_index(weights):
    i = torch.arange(1, weights.shape[-1])
    return weights[:, i, i - 1].mean(1)


@pytest.mark.parametrize("answer", [by_loop, by_mask, by_index])
def test_right_answers_pass_however_written(answer):
    assert exercise(KEY).check(answer) == "✔ Right."


@pytest.mark.parametrize(
    ("sentence", "answer"), ON_PREVIOUS_MISTAKES.items(), ids=ON_PREVIOUS_MISTAKES
)
def test_every_sentence_is_reached_by_its_own_mistake(sentence, answer):
    verdict = exercise(KEY).check(answer)
    assert not verdict.right
    assert sentence in verdict


@pytest.mark.parametrize(
    ("answer", "words"),
    [
        (lambda weights: None, "Not written yet"),
        (lambda weights: by_index(weights).tolist(), "must return a torch.Tensor"),
        (lambda weights: by_index(weights).flip(0), "the value at"),
        (lambda weights: by_index(weights.mul_(2)) / 2, "changes its arguments"),
        ("diagonal", "must be a function"),
    ],
)
def test_other_wrong_answers_are_refused(answer, words):
    verdict = exercise(KEY).check(answer)
    assert not verdict.right
    assert words in verdict


def test_the_printed_solution_passes_its_check(capsys):
    exercise(KEY).solution()
    space = {}
    exec(capsys.readouterr().out, space)
    assert exercise(KEY).check(space["on_previous"]).right
