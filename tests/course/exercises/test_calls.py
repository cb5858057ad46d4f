"""Rules are kept: what a function calls is seen however it is spelled; what is one's own is not."""

import subprocess
import sys

import pytest
import torch
import torch.nn.functional as F
from torch import nn

from attnlib import attention, blockify
from attnlib.course.exercises.calls import SOFTMAX, Rule, watched
from attnlib.course.exercises.pieces import softmax as lent

NORMALIZE = Rule(frozenset({"normalize"}))


class Holder(nn.Module):
    def forward(self, x):
        return x.softmax(-1)


def softmax(x):
    powers = x.exp()
    return powers / powers.sum(-1, keepdim=True)


# Its cell's globals are those of a notebook.
SPACE = {"__name__": "__main__"}
exec("def softmax(x):\n    return x.exp() / x.exp().sum(-1, keepdim=True)\n", SPACE)

SOFTMAXES = {
    "a method": lambda x: x.softmax(-1),
    "a function": lambda x: torch.softmax(x, -1),
    "F": lambda x: F.softmax(x, -1),
    "special": lambda x: torch.special.softmax(x, -1),
    "a kernel": lambda x: torch._softmax(x, -1, False),
    "aten": lambda x: torch.ops.aten._softmax(x, -1, False),
    "a layer": lambda x: nn.Softmax(-1)(x),
    "of minus x": lambda x: F.softmin(-x, -1),
    "logarithms": lambda x: x.log_softmax(-1).exp(),
    "fused": lambda x: F.scaled_dot_product_attention(x, x, torch.eye(3), scale=1.0),
    "by name": lambda x: getattr(x, "soft" + "max")(-1),
}


@pytest.mark.parametrize("answer", SOFTMAXES.values(), ids=SOFTMAXES)
def test_a_softmax_is_seen_however_it_is_spelled(answer):
    function, seen = watched(lambda x: answer(x), Rule(SOFTMAX))
    x = torch.randn(3, 3)
    assert torch.equal(function(x), answer(x))
    assert "softmax" in seen[0] or "softmin" in seen[0] or "attention" in seen[0]


def test_it_is_seen_in_the_forward_of_a_class():
    module, seen = watched(Holder, Rule(SOFTMAX))
    module()(torch.ones(2, 2))
    assert (module.__name__, seen[0]) == ("Holder", "softmax")


@pytest.mark.parametrize(
    "answer", [softmax, lent, SPACE["softmax"], lambda x: (x - x.logsumexp(-1, keepdim=True)).exp()]
)
def test_ones_own_is_not_taken_for_it_whatever_its_name(answer):
    function, seen = watched(answer, Rule(SOFTMAX))
    function(torch.randn(3, 3))
    assert seen == []


@pytest.mark.parametrize(
    ("answer", "rule", "name"),
    [
        (lambda x: F.normalize(x, dim=-1), NORMALIZE, "normalize"),
        (F.normalize, NORMALIZE, "normalize"),
        (torch.softmax, Rule(SOFTMAX), "softmax"),
        (lambda x: attention(x, x, x, backend="eager"), Rule(), "attention"),
        (lambda x: blockify(x, 1), Rule(), "blockify"),
    ],
)
def test_what_dissolves_into_operations_is_seen_by_its_frame(answer, rule, name):
    function, seen = watched(answer, rule)
    function(torch.ones(1, 3, 4), *([-1] if answer is torch.softmax else []))
    assert seen[0] == name


class Lent(Holder):
    pass


@pytest.mark.parametrize(
    ("answer", "solution", "seen"),
    [
        (lambda x: lent(x), lent, ["softmax"]),
        (lent, lent, []),  # as so_far lends it
        (softmax, lent, []),
        (Lent, Holder, ["Holder"]),
        (Holder, Holder, []),
    ],
)
def test_the_courses_solution_may_not_be_called_by_ones_own(answer, solution, seen):
    function, names = watched(answer, Rule(core=False), solution)
    (function() if isinstance(function, type) else function)(torch.ones(2, 3))
    assert names == seen


def test_a_class_that_is_no_module_is_watched_as_a_function():
    class Disguised:
        def __new__(cls, x):
            return x.softmax(-1)

    function, names = watched(Disguised, Rule(SOFTMAX))
    function(torch.ones(2, 3))
    assert names[0] == "softmax"


def test_a_rule_about_nothing_sees_nothing_and_the_profiler_is_as_before():
    function, seen = watched(lambda x: blockify(x, 1).softmax(-1), Rule(core=False))
    function(torch.ones(2, 2, 3))
    assert seen == []
    assert sys.getprofile() is None


def test_the_profiler_comes_back_after_an_error_too():
    function, _ = watched(lambda: 1 / 0, Rule())
    with pytest.raises(ZeroDivisionError):
        function()
    assert sys.getprofile() is None


def test_watching_does_not_import_the_compiler():
    code = (
        "import sys, torch; from attnlib.course.exercises.calls import Rule, watched\n"
        "watched(lambda x: x + 1, Rule())[0](torch.ones(2)); print('torch._dynamo' in sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "False\n"
