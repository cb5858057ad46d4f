"""What is said of a wrong result that no known mistake gives."""

import pytest
import torch
from einops import rearrange

from attnlib.course.exercises.causes import cause
from attnlib.course.exercises.checking import find_mistake
from attnlib.course.exercises.noticed import noticed

X = torch.tensor([[1.0, 2.0, 4.0], [-3.0, 5.0, 0.0]])

SAID = {
    "Every number is 2 times what it should be.": 2 * X,
    "Every number is -1 times what it should be.": -X,
    "Every number is too large by 1.": X + 1,
    "Every number is too small by 0.5.": X - 0.5,
    "The numbers are right. But two axes are exchanged.": X.T,
    "The numbers are right. But there is an axis of size 1 too many.": X[None],
    "These are the right numbers, in the wrong places.": X.flip(1),
    "The numbers are right, and in the right order. But the shape is another one.": X.view(3, 2),
    "Some of it is nan: 0 / 0, inf / inf or inf − inf.": X.where(X > 0, torch.nan),
}


@pytest.mark.parametrize(("words", "got"), SAID.items(), ids=SAID)
def test_what_is_the_same_everywhere_is_said(words, got):
    assert noticed(got, X) == words
    found = find_mistake(lambda x: got, lambda x: x, [(X,)], ())
    assert found.startswith(f"{words} For x of shape (2, 3) the ")


def test_results_in_reversed_order_and_one_of_several():
    pair = [X, X[0]]
    assert noticed(pair[::-1], pair) == "The results are right. But their order is reversed."
    assert noticed([X, 3 * X[0]], pair) == "Every number is 3 times what it should be."
    assert noticed([5, 4, 3], (3, 4, 5)) == "The results are right. But their order is reversed."
    assert noticed(X[0][None, :, None], X[0][:, None]).endswith("an axis of size 1 too many.")
    assert noticed(X[0], X[:1]) == "The numbers are right. But an axis of size 1 is missing."
    assert noticed(X > 0, X <= 0) == "True and False are exchanged."


@pytest.mark.parametrize(
    ("got", "want"),
    [
        (X.double(), X),  # the same
        (X.square(), X),
        (torch.tensor([2.0, 4.0]), torch.tensor([1.0, 2.0])),  # two numbers are too few
        (torch.tensor([0.0, 0.0, 1.0]), torch.tensor([1.0, 0.0, 0.0])),  # so are two values
        (torch.full((3,), torch.inf), torch.ones(3)),
        (None, X),
        ([X], [X, X]),
        (7, 3),
        ("d h", "h d"),
        (torch.ones(2), torch.ones(0)),
        (torch.tensor([True, False]), torch.tensor([True, True])),
    ],
)
def test_where_nothing_is_the_same_nothing_is_said(got, want):
    assert noticed(got, want) == ""


STOPS = {
    "Has a sum lost its axis": lambda x: x / x.sum(-1),
    "Is one of the two to be turned": lambda x: x @ x,
    "Is one of the two to be turned, .mT?": lambda x: x[None] @ x[None],
    "It names an axis that is not there": lambda x: x.softmax(2),
    "written for another number of axes": lambda x: torch.einsum("hij->hji", x),
    "another number of axes: name them": lambda x: rearrange(x, "b n c -> n b c"),
}


@pytest.mark.parametrize(("words", "answer"), STOPS.items(), ids=STOPS)
def test_what_lies_behind_an_error_is_said_before_it(words, answer):
    found = find_mistake(answer, lambda x: x, [(X,)], ())
    assert words in found and " For x of shape (2, 3) it stopped with " in found


def test_of_other_errors_nothing_is_said():
    assert cause(ValueError("no")) == ""
