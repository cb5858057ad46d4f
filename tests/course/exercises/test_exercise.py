"""Each check takes its solution, refuses its stub, and names the known wrong answers."""

import re

import pytest
import torch

from attnlib.course.lessons import exercise
from attnlib.course.lessons.two_cousins.exercises import KINDS


def group_by_number(length, segment_length):
    group = torch.arange(length) // -(-length // segment_length)
    return group[:, None] == group[None, :]


def right_mask(length, segment_length):
    return exercise("two_cousins.same_segment").answer(length, segment_length)


WRONG_MASKS = {
    "returns None": (lambda length, segment_length: None),
    "Now compare every token with every other": (lambda length, n: torch.arange(length) // n),
    "must be bool, and is torch.float32": (lambda length, n: right_mask(length, n).float()),
    "exchanged": (lambda length, n: ~right_mask(length, n)),
    "global branch": (lambda length, n: torch.ones(length, length, dtype=torch.bool)),
    "the diagonal must be True": (
        lambda length, n: right_mask(length, n) & ~torch.eye(length, dtype=torch.bool)
    ),
    "causal": (lambda length, n: right_mask(length, n).tril()),
    "is it // and not %?": (
        lambda length, n: (torch.arange(length) % n)[:, None] == torch.arange(length) % n
    ),
    "number taken for their length": group_by_number,
    "sliding window": (
        lambda length, n: (torch.arange(length)[:, None] - torch.arange(length)).abs() < n
    ),
    "The length 16 is fixed": lambda length, n: right_mask(length, 16),
    "Every token sees only itself": lambda length, n: (
        (torch.arange(length) / n)[:, None] == torch.arange(length) / n
    ),
    "segment_length // 2: that is a sliding window": (
        lambda length, n: (torch.arange(length)[:, None] - torch.arange(length)).abs() <= n // 2
    ),
    "the value at [0, 0] should be True, and is False": (
        lambda length, n: torch.zeros(length, length, dtype=torch.bool)
    ),
    "For length=64, segment_length=16 it stopped with RuntimeError": (
        lambda length, n: torch.arange(length).view(-1, n + 1)
    ),
}


@pytest.mark.parametrize(("words", "answer"), WRONG_MASKS.items(), ids=WRONG_MASKS)
def test_a_wrong_mask_is_named(words, answer):
    verdict = exercise("two_cousins.same_segment").check(answer)
    assert not verdict.right
    assert re.search(re.escape(words), verdict), verdict


def test_a_mask_that_is_right_for_equal_groups_only_does_not_pass():
    def loses_the_rest(length, segment_length):
        whole = length // segment_length * segment_length
        mask = torch.zeros(length, length, dtype=torch.bool)
        mask[:whole, :whole] = right_mask(whole, segment_length)
        return mask

    assert "length=10, segment_length=4" in exercise("two_cousins.same_segment").check(
        loses_the_rest
    )


def test_a_loop_passes_as_well():
    def loop(length, n):
        return torch.tensor([[i // n == j // n for j in range(length)] for i in range(length)])

    assert exercise("two_cousins.same_segment").check(loop).right


WRONG_KINDS = {
    "every value is None": dict.fromkeys(KINDS),
    "must be a dict": list(KINDS),
    "keys must stay": {"who": "choice"},
    "must be 'notation' or 'choice', and is 'both'": KINDS | {"who_sees_whom": "both"},
    "'order_of_heads' is a notation: permuting": KINDS | {"order_of_heads": "choice"},
    "'who_sees_whom' is a choice: no parameters": KINDS | {"who_sees_whom": "notation"},
}


@pytest.mark.parametrize("key", KINDS)
def test_a_wrong_kind_is_told_with_its_own_reason(key):
    kind = KINDS[key]
    other = {"notation": "choice", "choice": "notation"}[kind]
    verdict = exercise("two_cousins.kinds").check(KINDS | {key: other})
    assert verdict.startswith(f"✘ '{key}' is a {kind}: ")


@pytest.mark.parametrize(("words", "answer"), WRONG_KINDS.items(), ids=WRONG_KINDS)
def test_a_wrong_kind_is_named(words, answer):
    verdict = exercise("two_cousins.kinds").check(answer)
    assert not verdict.right
    assert words in verdict


def test_hints_come_one_more_at_a_time(capsys):
    task = exercise("two_cousins.same_segment")
    task.told.clear()
    counts = []
    for _ in range(5):
        task.hint()
        counts.append(len(capsys.readouterr().out.splitlines()))
    assert counts == [1, 2, 3, 3, 3]


def test_the_task_is_what_a_notebook_shows():
    assert repr(exercise("two_cousins.same_segment")).startswith(
        "Exercise two_cousins.same_segment\nWrite same_segment("
    )


@pytest.mark.parametrize("key", ["two_cousins.nothing", "nowhere.boundaries", "nonsense", 0.1])
def test_an_unknown_exercise_is_named(key):
    with pytest.raises(ValueError, match=re.escape(repr(key))):
        exercise(key)
