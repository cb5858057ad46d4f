"""The guard sees every way in which a score, or a part of it, can leave what floats can hold."""

import pytest
import torch

from attnlib import attention
from attnlib.overflow import may_overflow

INF, NAN = torch.inf, torch.nan
FUNCTION = lambda i, j: torch.where(i == j, 3e38, 0.0)
# (q, k, channels, scale, bias): the largest float32 is 3.4e38.
OVERFLOW = {
    "one product": (1e20, 1e20, 1, 1.0, None),
    "the sum over channels": (1e19, 1e19, 64, 1.0, None),
    "after the scale": (1e19, 1e19, 1, 10.0, None),
    "after a negative scale": (1e19, 1e19, 1, -10.0, None),
    "before a small scale": (1e20, 1e20, 1, 1e-10, None),
    "with the bias": (1e19, 1e19, 1, 1.0, 3e38),
    "with a negative bias": (1e19, -1e19, 1, 1.0, -3e38),
    "with a bias that is a function": (1e19, 1e19, 1, 1.0, FUNCTION),
    "an infinite bias": (1.0, 1.0, 1, 1.0, INF),
    "NaN": (NAN, 1.0, 1, 1.0, None),
    "a bias that is NaN": (1.0, 1.0, 1, 1.0, NAN),
}
NO_OVERFLOW = {
    "ordinary": (3.0, -3.0, 64, 0.125, 1.0),
    "just below": (1e19, -1e19, 3, 1.0, None),
    "a small scale adds nothing": (1e19, 1e19, 3, 1e-10, None),
    "the bias alone": (1.0, 1.0, 1, 1.0, 3e38),
    "minus infinity, a mask": (1.0, 1.0, 1, 1.0, -INF),
}


def guard(q, k, channels, scale, bias, *, first=0.0, dtype=torch.float32):
    """What the guard says of an output whose first channel is `first` in one row of two."""
    q, k = (torch.full((1, 2, channels), x, dtype=dtype) for x in (q, k))
    out = torch.ones(1, 2, 3)
    out[0, 1, 0] = first
    if isinstance(bias, float):
        bias = torch.tensor([[0.0, bias], [0.0, 0.0]])
    return may_overflow(out, q, k, scale, bias)


@pytest.mark.parametrize("first", [0.0, -0.0, NAN])
@pytest.mark.parametrize("case", OVERFLOW)
def test_scores_that_may_overflow_are_seen(case, first):
    assert guard(*OVERFLOW[case], first=first)


@pytest.mark.parametrize("first", [0.0, NAN])
@pytest.mark.parametrize("case", NO_OVERFLOW)
def test_scores_that_cannot_overflow_are_not_suspected(case, first):
    assert not guard(*NO_OVERFLOW[case], first=first)


@pytest.mark.parametrize("case", OVERFLOW)
@pytest.mark.parametrize("first", [1.0, -1.0, INF])
def test_a_row_that_is_neither_zero_nor_nan_is_no_sign_of_overflow(case, first):
    assert not guard(*OVERFLOW[case], first=first)


def test_the_bound_is_that_of_the_scores_not_of_the_queries():
    assert not guard(6e4, 6e4, 64, 1.0, None, dtype=torch.float16)
    assert not guard(1e30, 1e30, 64, 1.0, None, dtype=torch.float64)
    assert guard(1e160, 1e160, 1, 1.0, None, dtype=torch.float64)


# On the CPU, where numbers can be looked at.
def test_a_score_that_overflows_where_a_mask_excludes_it_spoils_nothing(backend):
    q, k = torch.tensor([[[1e20], [1.0]]]), torch.tensor([[[1.0], [1e20]]])
    v = torch.tensor([[[3.0], [5.0]]])
    mask = torch.ones(2, 2).tril().bool()  # each key is seen by somebody
    out, map = attention(q, k, v, scale=1.0, mask=mask, backend=backend)
    assert out.flatten().tolist() == [3, 5]
    assert map.weights()[0].tolist() == [[1, 0], [0, 1]]


def test_a_scale_that_brings_scores_back_in_reach_does(backend):
    q, k = torch.full((1, 2, 1), -1e20), torch.full((1, 2, 1), 1e20)
    v = torch.tensor([[[1.0], [5.0]]])
    out, map = attention(q, k, v, scale=2e-38, backend=backend)
    assert out.flatten().tolist() == [3, 3]
    assert (map.weights() == 0.5).all()
