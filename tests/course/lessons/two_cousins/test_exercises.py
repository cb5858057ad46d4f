"""The checks name what readers write; kinds may be written in any case."""

import re

import pytest
import torch

from attnlib.course.lessons import exercise
from attnlib.course.lessons.two_cousins.exercises import KINDS
from tests.course.lessons.named import assert_named


def pairs(may):
    """A mask from a function of i and j, numbers of tokens, and the length of a segment."""

    def mask(length, n):
        return may(torch.arange(length)[:, None], torch.arange(length), n)

    return mask


def squares(count):
    """So many whole segments along the diagonal, count(length, n)."""
    return lambda length, n: torch.block_diag(*[torch.ones(n, n)] * count(length, n)).bool()


WRONG_MASKS = {
    "Four segments are fixed": lambda length, n: pairs(
        lambda i, j, n: i // (length // 4) == j // (length // 4)
    )(length, n),
    "fixed in your code: use segment_length": lambda length, n: pairs(
        lambda i, j, n: i // -(-length // 4) == j // -(-length // 4)
    )(length, n),
    "not even themselves": pairs(lambda i, j, n: (i // n == j // n) & (i > j)),
    "what stands behind them": pairs(lambda i, j, n: (i // n == j // n) & (i <= j)),
    "the segments behind their own": pairs(lambda i, j, n: i // n <= j // n),
    "the segments before their own": pairs(lambda i, j, n: i // n >= j // n),
    "the segments next to their own": pairs(lambda i, j, n: (i // n - j // n) ** 2 < 2),
    "The edges are shifted": pairs(lambda i, j, n: torch.ceil(i / n) == torch.ceil(j / n)),
    "make segment 0. Take //": pairs(lambda i, j, n: torch.round(i / n) == torch.round(j / n)),
    "behind the last whole segment are missing": squares(lambda length, n: length // n),
    "larger than `length`": squares(lambda length, n: (length + n - 1) // n),
    "You take |i − j| < segment_length // 2": pairs(lambda i, j, n: (i - j).abs() < n // 2),
}


@pytest.mark.parametrize(("words", "answer"), WRONG_MASKS.items(), ids=WRONG_MASKS)
def test_a_wrong_mask_is_named(words, answer):
    assert_named("two_cousins.same_segment", answer, words)


def test_blanks_and_capitals_do_not_matter():
    shouted = {key: f" {kind.capitalize()} " for key, kind in KINDS.items()}
    assert exercise("two_cousins.kinds").check(shouted).right


def test_a_hint_says_as_many_as_there_are():
    *_, last = exercise("two_cousins.kinds").hints
    numbers = {"Three": 3, "seven": 7}
    said = [numbers[word] for word in re.findall("|".join(numbers), last)]
    assert said == [list(KINDS.values()).count("notation"), len(KINDS)]
