"""The checks take their solutions, refuse their stubs, and name the known wrong answers."""

import math

import numpy as np
import pytest
import torch

from attnlib import AbsolutePositions, RelativePositions
from attnlib.course.lessons import exercise
from attnlib.course.lessons.positions.exercises import (
    FUNCTIONS,
    LENGTH,
    MISTAKES,
    TABLE_MISTAKES,
    absolute,
    absolute_by_pairs,
    feels_order,
)


def compares(pair, same=torch.allclose):
    """A test of order from the two things that it compares: a function of f, x and an order."""

    def test(f, x):
        return not same(*pair(f, x, torch.randperm(len(x))))

    return test


def tries(order):
    """The right comparison, with an order of its own: a function of the number of tokens."""
    return lambda f, x: not torch.allclose(f(x[order(len(x))]), f(x)[order(len(x))])


def shuffles_by_the_number_of_channels(f, x):
    order = torch.randperm(x.shape[1])
    return not torch.allclose(f(x[order]), f(x)[order])


def both_sides(f, x, order):
    return f(x[order]), f(x)[order]


WRONG_TESTS = {
    "Not written yet": lambda f, x: None,
    "It must return bool, and returned a torch.Tensor": lambda f, x: f(x[[1, 0]]) != f(x)[[1, 0]],
    "It must return bool, and returned str": lambda f, x: "yes",
    "It must be a function, and is bool": True,
    "For x of shape (16, 5) it stopped with NameError": lambda f, x: f(x[perm]),  # noqa: F821
    "True and False are exchanged": lambda f, x: not feels_order(f, x),
    "exchanged: True means": lambda f, x: not compares(both_sides)(f, x),
    "It never says True": tries(torch.arange),
    "do you compare values": compares(both_sides, lambda y, z: y.shape == z.shape),
    "It says True for every f": compares(both_sides, lambda y, z: y is z),
    "You compare f(x[order]) with f(x)": compares(lambda f, x, order: (f(x[order]), f(x))),
    "one and the same order": lambda f, x: (
        not torch.allclose(f(x[torch.randperm(len(x))]), f(x)[torch.randperm(len(x))])
    ),
    "the same order, not its inverse": compares(lambda f, x, order: (f(x[order])[order], f(x))),
    "not its inverse and not another one": compares(
        lambda f, x, order: (f(x[order.argsort()]), f(x)[order])
    ),
    "f never gets shuffled tokens": compares(lambda f, x, order: (f(x), f(x)[order])),
    "You compare sums": compares(lambda f, x, order: (f(x[order]).mean(0), f(x).mean(0))),
    "You only turn the tokens round": tries(lambda length: list(range(length))[::-1]),
    "You only move all tokens on": tries(lambda length: [*range(3, length), 0, 1, 2]),
    "You only exchange two neighbours": tries(lambda length: [*range(2), 3, 2, *range(4, length)]),
    "== (or equal) is too strict": compares(both_sides, lambda y, z: bool((y == z).all())),
    "Your tolerance is too wide": compares(
        both_sides, lambda y, z: bool((y - z).abs().max() < 0.02)
    ),
    "You shuffle the channels": lambda f, x: not torch.allclose(f(x.flip(1)), f(x).flip(1)),
    "as many places as there are channels": shuffles_by_the_number_of_channels,
    "with f = the tokens sorted by their first number, the result should be True": compares(
        lambda f, x, order: (f(x[order]).sort(0).values, f(x).sort(0).values)
    ),
}


@pytest.mark.parametrize(("words", "answer"), WRONG_TESTS.items(), ids=WRONG_TESTS)
def test_a_wrong_test_of_order_is_named(words, answer):
    verdict = exercise("positions.feels_order").check(answer)
    assert not verdict.right
    assert words in verdict


def several_orders(f, x):
    return any(compares(both_sides)(f, x) for _ in range(5))


def largest_difference(f, x):
    order = torch.rand(len(x)).argsort()
    return (f(x[order]) - f(x)[order]).abs().max() > 1e-9  # a tensor of one bool


def undone(f, x):
    order = torch.randperm(len(x))
    return not torch.allclose(f(x[order])[order.argsort()], f(x))


def with_numpy(f, x):
    order = np.random.default_rng(0).permutation(len(x))
    return not np.allclose(f(x[order]).numpy(), f(x).numpy()[order])


def with_a_bool_of_numpy(f, x):
    order = torch.randperm(len(x))
    return (f(x[order]) - f(x)[order]).abs().max().numpy() > 1e-9


@pytest.mark.parametrize(
    "answer", [several_orders, largest_difference, undone, with_numpy, with_a_bool_of_numpy]
)
def test_other_right_tests_of_order_pass(answer):
    assert exercise("positions.feels_order").check(answer) == "✔ Right."


def test_a_test_that_shuffles_its_argument_does_not_pass():
    def in_place(f, x):
        y, order = f(x), torch.randperm(len(x))
        x.copy_(x[order])
        return not torch.allclose(f(x), y[order])

    assert "It changes its arguments" in exercise("positions.feels_order").check(in_place)


@pytest.mark.parametrize("seed", range(20))
def test_no_right_test_fails_by_bad_luck(seed):
    def own_numbers(f, x):
        generator = torch.Generator().manual_seed(seed)
        order = torch.randperm(len(x), generator=generator)
        return not torch.allclose(f(x[order]), f(x)[order])

    assert exercise("positions.feels_order").check(own_numbers).right


def test_the_functions_that_feel_no_order_are_known():
    x = torch.randn(11, 4, dtype=torch.float64, generator=torch.Generator().manual_seed(1))
    assert [name for name, f in FUNCTIONS if not feels_order(f, x)] == [
        "attention without positions",
        "the sine of each number",
        "each token minus the largest token (channel by channel)",
        "the mean of all tokens, in every row",
    ]


def test_a_check_leaves_the_random_numbers_alone():
    torch.manual_seed(3)
    want = torch.rand(1)
    torch.manual_seed(3)
    exercise("positions.feels_order").check(feels_order)
    assert torch.rand(1).equal(want)


@pytest.mark.parametrize(
    ("key", "mistakes"),
    [("positions.feels_order", MISTAKES), ("positions.absolute", TABLE_MISTAKES)],
    ids=["positions.feels_order", "positions.absolute"],
)
def test_every_known_mistake_is_called_by_its_own_name(key, mistakes):
    for sentence, mistake, *_ in mistakes:
        assert exercise(key).check(mistake).startswith(f"✘ {sentence}")


WRONG_PAIRS = {
    "Not written yet": None,
    "must be two pairs of whole numbers": (7, 12),
    "whole numbers, ((i, j), (k, l)), and is ((0, 5), (2.0, 7))": ((0, 5), (2.0, 7)),
    "and is ((0, 5), (2, 7), (4, 9))": ((0, 5), (2, 7), (4, 9)),
    "counted from 0 to 59": ((7, 12), (59, 64)),
    "((-3, 2), (7, 12)) goes beyond": ((-3, 2), (7, 12)),
    "same pair twice": ((7, 12), (7, 12)),
    "The diagonal was shown": ((0, 0), (2, 2)),
    "j − i is 5, and l − k is -5: the sign counts": ((7, 12), (14, 9)),
    "j − i is 5, but l − k is 6": ((7, 12), (9, 15)),
    "has 0.93 and 0.79 there: they differ by less than 1": ((0, 5), (2, 7)),
    "has 0.03 and 0.98 there: they differ by less than 1": ((4, 9), (8, 13)),
}


@pytest.mark.parametrize(("words", "answer"), WRONG_PAIRS.items(), ids=WRONG_PAIRS)
def test_wrong_pairs_are_named(words, answer):
    verdict = exercise("positions.pairs").check(answer)
    assert not verdict.right
    assert words in verdict


@pytest.mark.parametrize(
    "answer",
    [
        ((7, 12), (9, 14)),
        [[9, 14], [7, 12]],
        ((1, 0), (3, 2)),
        torch.tensor([[7, 12], [9, 14]]),
        ((np.int64(7), torch.tensor(12)), (9, 14)),
    ],
)
def test_other_right_pairs_pass(answer):
    assert exercise("positions.pairs").check(answer).right


def usual(length, width, freq):
    """The table that is added to the input, (length, width)."""
    return AbsolutePositions(width + width % 2, width, freq)(
        torch.arange(length)[:, None], torch.arange(width)[None]
    )


def filled(length, width, freq):
    return AbsolutePositions(length + 1, width, freq)(
        torch.arange(length)[:, None], torch.arange(length)[None]
    )


def by_rows_of_pairs(length, width, freq, first="sin", second="cos", power=2.0):
    """Column by column: pairs of sin and cos, none for a last one alone."""
    table = torch.zeros(length, length, dtype=torch.float64)
    place = torch.arange(length, dtype=torch.float64)
    for pair in range(length // 2):
        angle = place / freq ** (power * pair / width)
        table[:, 2 * pair] = getattr(angle, first)()
        table[:, 2 * pair + 1] = getattr(angle, second)()
    return table


def made_float64_at_the_end(length, width, freq):
    """As it comes out where i and j are whole numbers, and the result is made float64."""
    i, j = torch.arange(length)[:, None], torch.arange(length)
    angle = i / freq ** (2 * (j // 2) / width)
    table = torch.where(j % 2 == 0, angle.sin(), angle.cos()).double()
    return table.masked_fill(j >= length - length % 2, 0)


def by_the_library(length, width, freq):
    index = torch.arange(length)
    return AbsolutePositions(length, width, freq)(index[:, None], index[None, :])


def always_empty(length, width, freq):
    table = filled(length, width, freq)
    table[:, -1] = 0
    return table


def by_columns(length, width, freq, power):
    """Each column with an exponent of its own."""
    table, place = torch.zeros(length, length), torch.arange(length)
    for j in range(length - length % 2):
        angle = place / freq ** (power(j) / width)
        table[:, j] = angle.cos() if j % 2 else angle.sin()
    return table


def last_row_empty(length, width, freq):
    table = filled(length, width, freq)
    if length % 2:
        table[-1] = 0
    return table


def parity_of_queries(length, width, freq):
    table, keys = torch.zeros(length, length), torch.arange(length)
    for i in range(length):
        angle = i / freq ** (2 * (keys // 2) / width)
        table[i] = angle.cos() if i % 2 else angle.sin()
    table[:, length - length % 2 :] = 0
    return table


WRONG_TABLES = {
    "Not written yet": lambda length, width, freq: None,
    "with channels across": usual,
    "The last column is filled": filled,
    "sin and cos are exchanged": lambda *case: by_rows_of_pairs(*case, "cos", "sin"),
    "Yours asks the query i": parity_of_queries,
    "Queries and keys are exchanged": lambda *case: by_rows_of_pairs(*case).T,
    "You forgot the 2": lambda *case: by_rows_of_pairs(*case, power=1.0),
    "You divide the exponent by the length": lambda length, width, freq: by_rows_of_pairs(
        length, length, freq
    ),
    "Yours is j / width": lambda *case: by_columns(*case, lambda j: j),
    "Yours is 2j / width": lambda *case: by_columns(*case, lambda j: 2 * j),
    "The last row is zero": last_row_empty,
    "That is the relative table": lambda length, width, freq: RelativePositions(
        length, width, freq
    )(torch.arange(length)[:, None], torch.arange(length)),
    "10000 is fixed": lambda length, width, freq: by_rows_of_pairs(length, width, 10000),
    "for odd lengths only": always_empty,
    "The result must be float": lambda *case: absolute(*case).round().long(),
    "the shape must be (7, 7), and is (49,)": lambda *case: absolute(*case).flatten(),
    "the value at [0, 1] should be 1, and is 2": lambda *case: absolute(*case) * 2,
    "All columns have sin": lambda *case: by_rows_of_pairs(*case, "sin", "sin"),
    "Yours begin with 1": lambda length, *rest: absolute(length + length % 2 + 2, *rest)[
        1 : length + 1, :length
    ].index_fill(1, torch.arange(length - length % 2, length), 0),
    "must be float64, and is torch.float32": lambda *case: absolute(*case).float(),
    "only as exact as float32": made_float64_at_the_end,
    "must return a torch.Tensor, and returned list": lambda *case: absolute(*case).tolist(),
    "must return a torch.Tensor, and returned ndarray": lambda *case: absolute(*case).numpy(),
    "it calls AbsolutePositions": by_the_library,
}


@pytest.mark.parametrize(("words", "answer"), WRONG_TABLES.items(), ids=WRONG_TABLES)
def test_a_wrong_table_is_named(words, answer):
    verdict = exercise("positions.absolute").check(answer)
    assert not verdict.right
    assert words in verdict


def with_numpy_inside(length, width, freq):
    i, j = np.mgrid[:length, :length].astype(float)
    angle = i / freq ** (2 * np.floor(j / 2) / width)
    table = np.where(j % 2, np.cos(angle), np.sin(angle)) * (j < length - length % 2)
    return torch.from_numpy(table)


def in_slices(length, width, freq):
    table = torch.zeros(length, length, dtype=torch.float64)
    rows, even = torch.arange(length).double()[:, None], length // 2 * 2
    angle = rows * torch.exp(-math.log(freq) * torch.arange(0, even, 2).double() / width)
    table[:, 0:even:2], table[:, 1:even:2] = angle.sin(), angle.cos()
    return table


@pytest.mark.parametrize(
    "answer", [by_rows_of_pairs, with_numpy_inside, in_slices, absolute_by_pairs]
)
def test_other_right_tables_pass(answer):
    assert exercise("positions.absolute").check(answer).right


def test_the_task_names_its_length():
    assert f"L = {LENGTH}" in repr(exercise("positions.pairs"))
