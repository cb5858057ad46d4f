"""A module that a reader wrote gets the solution's parameters, and is compared as a function is."""

import pytest
import torch
from torch import nn

from attnlib.course.exercises.calls import Rule, watched
from attnlib.course.exercises.modules import find_mistake_in_module


class Right(nn.Module):
    def __init__(self, width):
        super().__init__()
        self.linear = nn.Linear(width, width)

    def forward(self, x):
        return x + self.linear(x)


class Otherwise(Right):
    def forward(self, x):
        return x + (x @ self.linear.weight.T + self.linear.bias)


class NoResidual(Right):
    def forward(self, x):
        return self.linear(x)


class Cut(Right):
    def forward(self, x):
        return x + self.linear(x.detach())


class Stub(Right):
    def forward(self, x):
        pass


class Renamed(Right):
    def __init__(self, width):
        super().__init__(width)
        self.mine = self.linear
        del self.linear


class NoInit(nn.Module):
    def __init__(self):
        super().__init__()


CASES = [((3,), torch.randn(2, 3)), ((5,), torch.randn(4, 5))]
MISTAKES = [("x is not added.", NoResidual, 2)]


def found(answer):
    return find_mistake_in_module(answer, Right, CASES, MISTAKES)


@pytest.mark.parametrize(
    ("answer", "words"),
    [
        (Right(3), "made already. Give the class itself: check(Right), without its arguments."),
        (type("Plain", (), {}), "The class must be an nn.Module: class Right(nn.Module)."),
        (lambda width: Right(width), "It must be a class, an nn.Module, and is function."),
    ],
)
@pytest.mark.parametrize("seen", [lambda x: x, lambda x: watched(x, Rule())[0]])
def test_what_is_no_class_of_a_module_is_told_what_it_is(answer, words, seen):
    assert words in found(seen(answer))


def test_another_way_to_write_it_passes():
    assert found(Otherwise) is None


@pytest.mark.parametrize(
    ("answer", "words"),
    [
        (NoResidual, "x is not added. (Seen for Right(3), x of shape (2, 3).)"),
        (Cut, "not their gradients"),
        (Stub, "Not written yet"),
        (Renamed, "Leave __init__ as it is given"),
        (NoInit, "Leave __init__ as it is given"),
        (None, "It must be a class, an nn.Module, and is NoneType."),
        (nn.Linear, "Leave __init__ as it is given"),
    ],
)
def test_a_wrong_module_is_told_why(answer, words):
    assert words in found(answer)


def test_the_hint_that_helps_comes_with_the_mistake():
    assert found(NoResidual).hint == 2
