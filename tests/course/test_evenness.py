"""One definition of how even weights are: against uniform attention on the keys that are seen."""

import math

import pytest
import torch

from attnlib import AttentionMap, SameGroup
from attnlib.course.evenness import entropy, evenness, keys_seen


def flat(queries=8, keys=8, **terms):
    """A map of queries that tell no keys apart."""
    return AttentionMap(torch.zeros(2, queries, 4), torch.zeros(2, keys, 4), scale=1.0, **terms)


def of(map_):
    return evenness(entropy(map_.weights()), keys_seen(map_))


MASKS = {
    "all": {},
    "blocks": {"mask": SameGroup(4)},
    "causal": {"mask": lambda i, j: j <= i},
    "a bias of minus infinity": {"bias": lambda i, j: torch.where(i == j, -torch.inf, 0.0)},
    "a row that sees nothing": {"mask": lambda i, j: (i > 0) & (j > 2)},
}


@pytest.mark.parametrize("terms", MASKS.values(), ids=MASKS)
def test_equal_weights_on_all_keys_that_are_seen_are_wholly_even(terms):
    torch.testing.assert_close(of(flat(**terms)), torch.ones(2))
    weights = flat(**terms).weights()
    torch.testing.assert_close(evenness(entropy(weights), keys_seen(weights)), torch.ones(2))


def test_a_row_is_measured_by_its_own_keys():
    row = torch.tensor([0.5, 0.25, 0.25, 0.0])
    three = (0.5 * math.log(2) + 0.5 * math.log(4)) / math.log(3)
    assert evenness(entropy(row[None]), keys_seen(row[None])).item() == pytest.approx(three)
    four = three * math.log(3) / math.log(4)
    assert evenness(entropy(row[None]), 4).item() == pytest.approx(four)


def test_rows_together_are_their_sum_against_the_sum_of_the_largest():
    entropies, seen = torch.tensor([math.log(2), 0.0, 0.0]), torch.tensor([2, 8, 1])
    assert evenness(entropies, seen).item() == pytest.approx(1 / 4)


def test_rows_with_one_key_or_none_add_nothing():
    weights = torch.tensor([[0.5, 0.5, 0.0], [0.0, 1.0, 0.0], [0.0, 0.0, 0.0]])
    assert keys_seen(weights).tolist() == [2, 1, 0]
    assert evenness(entropy(weights), keys_seen(weights)).item() == pytest.approx(1)
    assert evenness(entropy(weights[1:]), keys_seen(weights[1:])).isnan()


def test_a_map_knows_its_keys_where_a_weight_is_too_small_to_be_told_from_zero():
    q = torch.tensor([[[100.0]]])
    sharp = AttentionMap(q, torch.tensor([[[1.0], [-1.0], [0.0]]]), scale=1.0)
    assert sharp.weights().count_nonzero() < 3
    assert keys_seen(sharp).tolist() == [[3]]
    assert of(sharp).item() == pytest.approx(0.0)
