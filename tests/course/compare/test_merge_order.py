"""Columns of the output matrix follow their heads, and the product stays what it was."""

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from attnlib.course.compare import permute_merge
from attnlib.layout import ORDERS, merge_heads

C = 6
orders = st.sampled_from(ORDERS)
sizes = st.integers(1, 4)


@pytest.mark.parametrize("lead", [(), (2,)])
@pytest.mark.parametrize(("old", "new"), [("h d", "d h"), ("d h", "h d"), ("h d", "h d")])
def test_the_columns_of_the_output_matrix_move_one_by_one(old, new, lead):
    out = torch.randn(*lead, C, 8)
    column = {"h d": lambda h, d: h * 2 + d, "d h": lambda h, d: d * 4 + h}
    moved = permute_merge(out, 4, old, new)
    for h in range(4):
        for d in range(2):
            assert moved[..., column[new](h, d)].equal(out[..., column[old](h, d)])


@given(sizes, sizes, orders, orders)
def test_heads_merged_in_the_new_order_meet_their_old_columns(heads, width, old, new):
    rows = torch.arange(5.0 * heads * width).view(heads, 5, width)
    out = torch.arange(C * heads * width * 1.0).view(C, -1)  # whole numbers: sums are exact
    moved = permute_merge(out, heads, old, new)
    assert (merge_heads(rows, new) @ moved.mT).equal(merge_heads(rows, old) @ out.mT)


@given(sizes, sizes, orders, orders)
def test_there_and_back_is_nothing(heads, width, old, new):
    out = torch.arange(C * heads * width).view(C, -1)
    assert permute_merge(permute_merge(out, heads, old, new), heads, new, old).equal(out)


@pytest.mark.parametrize(("old", "new", "named"), [("dh", "h d", "old"), ("h d", "hd", "new")])
def test_an_unknown_order_of_merging_is_refused(old, new, named):
    wrong = {"old": old, "new": new}[named]
    said = rf"{named} must be one of \('h d', 'd h'\), got '{wrong}'"
    with pytest.raises(ValueError, match=said):
        permute_merge(torch.zeros(C, 6), 2, old, new)


def test_heads_that_do_not_divide_the_columns_are_refused():
    with pytest.raises(ValueError, match="heads=4 must divide the columns of out=6"):
        permute_merge(torch.zeros(C, 6), 4, "h d", "d h")
