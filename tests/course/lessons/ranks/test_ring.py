"""Who holds what, whose keys are where, and how long a step of a ring takes."""

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from attnlib.course.lessons.ranks.ring import DEALS, held, pairs, source, waiting

dealt = st.builds(
    lambda ranks, times, deal: (2 * ranks * times, ranks, deal),
    st.integers(1, 6),
    st.integers(1, 4),
    st.sampled_from(sorted(DEALS)),
)


@given(dealt)
def test_each_token_is_held_once_in_rising_order_and_all_hold_as_many(dealt):
    length, ranks, deal = dealt
    tokens = held(length, ranks, deal)
    assert torch.cat(tokens).sort().values.tolist() == list(range(length))
    assert [len(each) for each in tokens] == [length // ranks] * ranks
    assert all((each.diff() > 0).all() for each in tokens)


@given(dealt, st.booleans())
def test_each_pair_is_computed_once_by_the_rank_of_its_query(dealt, causal):
    length, ranks, deal = dealt
    tokens = held(length, ranks, deal)
    visible = torch.ones(length, length).tril() if causal else torch.ones(length, length)
    want = [visible[each].sum().item() for each in tokens]
    assert pairs(tokens, causal).sum(0).tolist() == want


@given(st.integers(1, 9))
def test_at_each_step_each_key_is_at_one_rank_and_comes_from_the_one_before(ranks):
    for step in range(ranks):
        here = [source(rank, step, ranks) for rank in range(ranks)]
        assert sorted(here) == list(range(ranks))
        assert [source(rank + 1, step + 1, ranks) for rank in range(ranks)] == here
    assert {source(0, step, ranks) for step in range(ranks)} == set(range(ranks))


@given(st.integers(1, 6), st.integers(1, 4))
def test_in_two_pieces_nobody_waits_causal_or_not(ranks, times):
    for causal in (True, False):
        counts = pairs(held(2 * ranks * times, ranks, "zigzag"), causal)
        assert (counts == counts[:, :1]).all()
        assert waiting(counts) == 0


def test_in_one_piece_a_causal_ring_waits_and_rank_0_works_only_once():
    counts = pairs(held(24, 4, "contiguous"), causal=True)
    assert counts.tolist() == [[21] * 4, [0, 36, 36, 36], [0, 0, 36, 36], [0, 0, 0, 36]]
    assert waiting(counts) == pytest.approx(1 - 300 / (4 * 129))


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ((25, 4, "contiguous"), "length must be a multiple of 8, got 25"),
        ((0, 1, "contiguous"), "length must be a multiple of 2, got 0"),
        ((24, 0, "contiguous"), "ranks must be a whole number, at least 1, got 0"),
        ((24, 4, "striped"), r"deal must be one of \('contiguous', 'zigzag'\), got 'striped'"),
    ],
)
def test_errors_name_the_argument(arguments, said):
    with pytest.raises((ValueError, TypeError), match=f"^{said}$"):
        held(*arguments)
