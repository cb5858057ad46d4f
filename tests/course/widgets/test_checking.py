"""The comparison behind the exercises: right answers pass, wrong ones are told what is wrong."""

import pytest
import torch

from attnlib.course.widgets.checking import find_mistake


def right(x, n):
    return x * n


CASES = [(torch.arange(3.0), 2), (torch.ones(2, 2), 5)]
MISTAKES = (
    ("You divide.", lambda x, n: x / n),
    ("You add.", lambda x, n: x + n),
    ("Never runs.", lambda x, n: x @ torch.ones(99)),
)


@pytest.mark.parametrize(
    ("answer", "words"),
    [
        (None, "It must be a function, and is NoneType."),
        (lambda x, n: None, "Not written yet: it returns None."),
        (lambda x, n: x / n, "You divide. (Seen for x of shape (3,), n=2.)"),
        (lambda x, n: x * 2, "For x of shape (2, 2), n=5 the value at [0, 0] should be 5, and is"),
        (lambda x, n: (x * n)[None], "the shape must be (3,), and is (1, 3)."),
        (lambda x, n: (x * n).int(), "The result must be float, and is torch.int32."),
        (lambda x, n: (x * n).tolist(), "It must return a torch.Tensor, and returned list."),
        (lambda x, n: x * n + 0 / (n - 5), "n=5 it stopped with ZeroDivisionError: division"),
        (lambda x, n: x.mul_(n), "It changes its arguments."),
        (lambda x, n: x * n + torch.nan, "should be 0, and is nan."),
    ],
)
def test_a_wrong_answer_is_told_why(answer, words):
    assert words in find_mistake(answer, right, CASES, MISTAKES)


@pytest.mark.parametrize(
    "answer", [right, lambda x, n: x.double() * n, lambda x, n: sum([x] * n), lambda x, n: n * x]
)
def test_a_right_answer_passes(answer):
    assert find_mistake(answer, right, CASES, MISTAKES) is None


OTHERS = {
    "number": (6, 7, "should be 6, and is 7"),
    "number from a tensor": (6, torch.tensor(6.0), None),
    "another number from a tensor": (0.5, torch.tensor(0.25), "should be 0.5, and is 0.25"),
    "a truth is no number": (1, True, "should be 1, and is True"),
    "one more": ((1, 2), (1, 2, 3), "there must be 2 results, and there are 3"),
    "list for tuple": ((1, 2), [1, 2], None),
    "the second of two": ((1, torch.ones(2)), (1, torch.zeros(2)), "in result 1, the value at [0]"),
    "lists in a list": ([[1, 2], [3, 4]], [[1, 2], [3, 5]], "n=1, in result 1, in result 1, the"),
    "slice": (slice(0, 3), slice(0, 4), "should be slice(0, 3, None), and is slice(0, 4, None)"),
    "text": ("h d", "d h", "should be 'h d', and is 'd h'"),
    "masks": (torch.tensor([True]), torch.tensor([1]), "must be bool, and is torch.int64"),
    "other kind": ((1, 2), 3, "It must return tuple, and returned int."),
}


@pytest.mark.parametrize(("want", "got", "words"), OTHERS.values(), ids=OTHERS)
def test_results_of_other_kinds(want, got, words):
    found = find_mistake(lambda n: got, lambda n: want, [(1,)], ())
    assert found is None if words is None else words in found


def test_tensors_in_a_tuple_are_told_by_their_shapes():
    case = ((torch.ones(2), torch.ones(2, 3)), (2, 3))
    found = find_mistake(lambda parts, size: 1, lambda parts, size: 2, [case], ())
    assert found.startswith("For parts of shapes (2,), (2, 3), size=(2, 3) the result should be 2")
