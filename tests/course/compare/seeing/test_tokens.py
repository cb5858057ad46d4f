"""Which token each row is made of: one, none, or several."""

import torch
from hypothesis import given
from hypothesis import settings as limits
from hypothesis import strategies as st

from attnlib.course.compare.seeing.tokens import NONE, SEVERAL, tokens_of


@limits(max_examples=25)
@given(st.integers(1, 4), st.integers(2, 9), st.randoms(use_true_random=False))
def test_rows_of_one_token_of_none_and_of_two(batch, length, random):
    x = torch.randn(batch, length, 3, dtype=torch.float64)
    order = list(range(batch * length))
    random.shuffle(order)
    one, other = order[:2]

    def rows(x):
        flat = x.flatten(0, 1)
        return [flat[order] ** 2, torch.stack([flat[one] + flat[other], torch.ones(3).double()])]

    single, rest = tokens_of(rows, x)
    assert single.tolist() == order
    assert rest.tolist() == [SEVERAL, NONE]
