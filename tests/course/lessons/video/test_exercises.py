"""The check takes every right way to write it, and names the known wrong answers."""

import re
from itertools import pairwise

import pytest
import torch

from attnlib.course.lessons import exercise
from attnlib.course.lessons.video.exercises import SHOT_MISTAKES

KEY = "video.shot_importance"


def by_split(importance, cuts):
    edges = [0, *cuts, len(importance)]
    sizes = [stop - start for start, stop in pairwise(edges)]
    return torch.stack([shot.mean() for shot in importance.split(sizes)])


def by_counting(importance, cuts):
    shot = torch.bucketize(torch.arange(len(importance)), torch.tensor(cuts), right=True)
    total = torch.zeros(len(cuts) + 1).index_add(0, shot, importance)
    return total / torch.bincount(shot, minlength=len(cuts) + 1)


def by_tensor_split(importance, cuts):
    return torch.tensor([shot.mean() for shot in importance.tensor_split(list(cuts))])


@pytest.mark.parametrize("answer", [by_split, by_counting, by_tensor_split])
def test_right_answers_pass_however_written(answer):
    assert exercise(KEY).check(answer) == "✔ Right."


@pytest.mark.parametrize(("sentence", "answer"), SHOT_MISTAKES.items(), ids=SHOT_MISTAKES)
def test_every_sentence_is_reached_by_its_own_mistake(sentence, answer):
    verdict = exercise(KEY).check(answer)
    assert not verdict.right
    assert sentence in verdict


@pytest.mark.parametrize(
    ("answer", "words"),
    [
        (lambda importance, cuts: None, "Not written yet"),
        (
            lambda importance, cuts: by_split(importance, cuts).tolist(),
            "must return a torch.Tensor",
        ),
        (lambda importance, cuts: by_split(importance, cuts).flip(0), "the value at [0]"),
        (lambda importance, cuts: by_split(importance.sort().values, cuts), "the value at"),
        (7, "must be a function"),
    ],
)
def test_other_wrong_answers_are_refused(answer, words):
    verdict = exercise(KEY).check(answer)
    assert not verdict.right
    assert words in verdict


def test_the_printed_solution_passes_its_check(capsys):
    exercise(KEY).solution()
    space = {"torch": torch}
    exec(capsys.readouterr().out, space)
    assert exercise(KEY).check(space["shot_importance"]).right


def test_the_hints_come_one_by_one(capsys):
    task = exercise(KEY)
    task.hint()
    assert len(re.findall(r"^\d\. ", capsys.readouterr().out, re.MULTILINE)) == 1
