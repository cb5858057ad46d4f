"""What holds of the exercises of all lessons; what only one lesson asks for is in its folder."""

from importlib import import_module
from itertools import permutations

import pytest
import torch
import torch.nn.functional as F
from einops import rearrange
from torch import nn

from attnlib.course import compare
from attnlib.course.exercises import pieces
from attnlib.course.manifest import LESSONS

EXERCISES = [
    exercise
    for lesson in LESSONS
    for exercise in import_module(f"attnlib.course.lessons.{lesson.name}.exercises").EXERCISES
]
WRITTEN = [exercise for exercise in EXERCISES if callable(exercise.answer)]
FUNCTIONS = [exercise for exercise in WRITTEN if not isinstance(exercise.answer, type)]
# What the lessons import of all that a solution needs, and the pieces that came before it.
IMPORTED = {
    **{name: piece for name, piece in vars(pieces).items() if callable(piece)},
    "F": F,
    "compare": compare,
    "nn": nn,
    "permutations": permutations,
    "rearrange": rearrange,
    "torch": torch,
}


def key(exercise):
    return exercise.key


@pytest.mark.parametrize("exercise", EXERCISES, ids=key)
def test_the_printed_solution_passes_its_check(exercise, capsys):
    exercise.solution()
    code, names = capsys.readouterr().out, dict(IMPORTED)
    if exercise in WRITTEN:
        exec(code, names)
        answer = names[exercise.answer.__name__]
    else:
        answer = eval(code, names)
    assert exercise.check(answer).right


@pytest.mark.parametrize("exercise", FUNCTIONS, ids=key)
def test_what_is_no_function_is_told_so(exercise):
    assert exercise.check(None) == "✘ It must be a function, and is NoneType."


@pytest.mark.parametrize("exercise", FUNCTIONS, ids=key)
def test_a_stub_is_not_written_yet(exercise):
    assert exercise.check(lambda *_: None).startswith("✘ Not written yet")


def loops():
    return [exercise for exercise in EXERCISES if exercise.loop]


@pytest.mark.parametrize("exercise", loops(), ids=key)
def test_the_slow_loop_is_a_right_answer_where_there_are_no_axes_in_front(exercise):
    mistake = exercise.refuse(exercise.loop)
    assert mistake is None or "…" in exercise.task, mistake
