"""The comparison behind the exercises: right answers pass, wrong ones are told what is wrong."""

import numpy as np
import pytest
import torch

from attnlib.course.exercises.checking import find_mistake


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
        (lambda x, n: [x * n], "It must return a torch.Tensor, and returned list."),
        (lambda x, n: [[1.0], [2.0, 3.0]], "It must return a torch.Tensor, and returned list."),
        (lambda x, n: x * n + 0 / (n - 5), "n=5 it stopped with ZeroDivisionError: division"),
        (lambda x, n: x.mul_(n), "It changes its arguments."),
        (lambda x, n: x * n + torch.nan, "should be 0, and is nan."),
    ],
)
def test_a_wrong_answer_is_told_why(answer, words):
    assert words in find_mistake(answer, right, CASES, MISTAKES)


@pytest.mark.parametrize(
    "answer",
    [
        right,
        lambda x, n: x.double() * n,
        lambda x, n: sum([x] * n),
        lambda x, n: n * x,
        lambda x, n: x.numpy() * n,
        lambda x, n: (x * n).tolist(),
    ],
)
def test_a_right_answer_passes(answer):
    assert find_mistake(answer, right, CASES, MISTAKES) is None


@pytest.mark.parametrize(
    ("answer", "words"),
    [
        (lambda x, n: (x * n).tolist(), "It must return a torch.Tensor, and returned list."),
        (lambda x, n: x.detach().numpy() * n, "a torch.Tensor, and returned ndarray."),
        (lambda x, n: x.float() * n, "float64 comes out less exact"),
        (lambda x, n: (x * n).float(), "float64 comes out less exact"),
        (lambda x, n: x.detach() * n, "not their gradients"),
        (lambda x, n: x.detach() * (n - 1) + x, "not their gradients"),
        (right, None),
    ],
)
def test_what_is_to_be_trained_keeps_tensors_their_precision_and_their_gradients(answer, words):
    found = find_mistake(answer, right, [(torch.randn(3), 2)], MISTAKES, trained=True)
    assert found is None if words is None else words in found


def test_of_a_stub_there_is_nothing_to_see():
    assert find_mistake(lambda x, n: None, right, CASES, MISTAKES).seen is None


def test_the_smallest_case_that_fails_is_kept_and_the_hint_that_helps():
    mistakes = (("You add 1.", lambda x: x + 1, 2),)
    cases = [(torch.ones(9),), (torch.zeros(2),), (torch.full((1,), 5.0),)]
    found = find_mistake(lambda x: x + (x < 5), lambda x: x, cases, mistakes)
    assert (found.hint, found.seen.case[0].shape, found.seen.got[0]) == (2, (2,), 1)


def test_an_overflow_can_be_a_mistake_with_a_name():
    mistakes = (("exp overflows.", lambda x: x.exp() / x.exp()),)
    case = (torch.tensor([1.0, 89.0]),)
    found = find_mistake(lambda x: x / x.exp() * x.exp() / x, lambda x: x / x, [case], mistakes)
    assert found.startswith("exp overflows.")


SIZES = [(torch.randn(2, 2), 1), (torch.randn(2, 3, 2), 2)]
LIKE = (
    ("You take 3.", lambda x, n: 3 * x),
    ("You take n.", lambda x, n: n * x),
    ("Two axes only.", lambda x, n: torch.einsum("ij->ji", x).mT * 3 * n),
)


def test_of_several_mistakes_that_fit_the_one_is_named_that_fits_everywhere():
    assert find_mistake(lambda x, n: n * x, lambda x, n: 2 * n * x, SIZES, LIKE).startswith(
        "You take n."
    )
    first_only = [(torch.ones(2, 2), 3), (torch.ones(3), 2)]  # here 3 and n are the same
    found = find_mistake(lambda x, n: n * x, lambda x, n: 2 * n * x, first_only, LIKE)
    assert found.startswith("You take n.")


def by_two_axes(x, n):
    rows, columns = x.shape
    return 3 * n * x


def test_a_mistake_that_stops_where_the_answer_stops_is_named():
    found = find_mistake(by_two_axes, lambda x, n: 3 * n * x, SIZES, LIKE)
    assert found == "Two axes only. (Seen for x of shape (2, 3, 2), n=2.)"
    for answer in (lambda x: x, lambda x, n: by_two_axes(x, n) + 1):  # never runs; runs otherwise
        assert "Two axes" not in find_mistake(answer, lambda x, n: 3 * n * x, SIZES, LIKE)


def test_none_for_some_arguments_only_is_a_missing_return():
    found = find_mistake(lambda x, n: x if n == 1 else None, lambda x, n: x, SIZES, ())
    assert found == "For x of shape (2, 3, 2), n=2 it returns None: there a return is missing."


def test_every_result_must_have_its_gradient():
    found = find_mistake(
        lambda x: (x, x.detach() ** 2), lambda x: (x, x**2), [(torch.randn(3),)], (), trained=True
    )
    assert "not their gradients" in found


OTHERS = {
    "whole, but a float": (6, 6.0, "The values are right. But 6.0 is no whole number"),
    "whole, from a NumPy float": (6, np.float64(6), None),
    "range for list": ([2, 3], range(2, 4), None),
    "tensor for pairs": ([(0, 2), (2, 3)], torch.tensor([[0, 2], [2, 3]]), None),
    "array for pairs": ([(0, 2), (2, 3)], np.array([[0, 2], [2, 3]]), None),
    "a tensor without an axis for two": ((1, 2), torch.tensor(1), "must return tuple"),
    "number": (6, 7, "should be 6, and is 7"),
    "whole number, however large": (60_000, 60_001, "should be 60000, and is 60001"),
    "number from a tensor": (6, torch.tensor(6.0), None),
    "another number from a tensor": (0.5, torch.tensor(0.25), "should be 0.5, and is 0.25"),
    "a truth is no number": (1, True, "should be 1, and is True"),
    "one more": ((1, 2), (1, 2, 3), "there must be 2 results, and there are 3"),
    "list for tuple": ((1, 2), [1, 2], None),
    "tensor for tuple": ((1, 2), torch.tensor([1, 2]), None),
    "array for tuple": ((1, 2.5), np.array([1, 2.5]), None),
    "array in a tuple": ((1, torch.ones(2)), (1, np.ones(2)), None),
    "tensors of one number": (torch.tensor([1.0, 2.0]), [torch.tensor(1.0), 2], None),
    "one tensor for many": ([torch.ones(2)], torch.ones(1, 2), "must return list, and returned a"),
    "the second of two": ((1, torch.ones(2)), (1, torch.zeros(2)), "in result 1, the value at [0]"),
    "lists in a list": ([[1, 2], [3, 4]], [[1, 2], [3, 5]], "n=1, in result [1][1], the"),
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
