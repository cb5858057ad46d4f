"""Right answers pass however written, wrong ones are named."""

import pytest
import torch

from attnlib.course.lessons import exercise
from attnlib.course.lessons.transformer.exercises import PREVIOUS_MISTAKES, on_previous

KEY = "transformer.on_previous"


def test_every_known_mistake_is_called_by_its_own_name():
    for sentence, mistake, *_ in PREVIOUS_MISTAKES:
        assert exercise(KEY).check(mistake).startswith(f"✘ {sentence}")


def by_index(weights):
    query = torch.arange(1, weights.shape[-1])
    return weights[:, query, query - 1].mean(-1)


def by_loop(weights):
    return torch.stack(
        [torch.stack([head[i, i - 1] for i in range(1, len(head))]).mean() for head in weights]
    )


def by_shift(weights):
    return weights[:, 1:, :-1].diagonal(dim1=1, dim2=2).mean(1)


@pytest.mark.parametrize("answer", [by_index, by_loop, by_shift])
def test_other_right_ways_pass(answer):
    assert exercise(KEY).check(answer).right


@pytest.mark.parametrize(
    ("words", "answer"),
    [
        ("That is the token after it", lambda w: by_index(w.mT)),
        (
            "Python takes the last key",
            lambda w: torch.stack([w[:, i, i - 1] for i in range(w.shape[-1])]).mean(0),
        ),
        ("You divide by N.", lambda w: by_index(w) * (w.shape[-1] - 1) / w.shape[-1]),
        ("what each token gives to itself", lambda w: w.diagonal(dim1=1, dim2=2).mean(-1)),
        ("dim1=-2, dim2=-1", lambda w: w.diagonal(offset=-1).mean(-1)),
        ("Your mean is over the heads", lambda w: w.diagonal(-1, 1, 2).mean(0)),
        ("all tokens before it together", lambda w: w.tril(-1).sum((1, 2)) / (w.shape[-1] - 1)),
        ("every query with every key", lambda w: w[:, 1:, :-1].flatten(1).mean(1)),
        ("to itself. Take only", lambda w: by_index(w) + w.diagonal(0, 1, 2)[:, 1:].mean(1)),
        ("the last query alone", lambda w: w[:, -1, -2]),
        ("That is the median", lambda w: w.diagonal(-1, 1, 2).median(1)[0]),
        ("whatever the map", lambda w: w.mean(-1)[:, 1:].mean(-1)),
        ("the shape must be (3,), and is (3, 1)", lambda w: by_index(w)[:, None]),
        ("It must be a function", torch.zeros(3)),
    ],
)
def test_wrong_ways_are_named(words, answer):
    assert words in exercise(KEY).check(answer)


def test_a_shift_by_one_has_1_and_its_neighbour_has_0():
    shift = torch.eye(6).roll(1, 0)
    assert on_previous(torch.stack([shift, shift.T, torch.eye(6)])).tolist() == [1, 0, 0]
