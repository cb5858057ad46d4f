"""What cannot be read is refused in one way: an Unreadable that names the module."""

import pytest
import torch
from hypothesis import given
from hypothesis import settings as limits
from hypothesis import strategies as st
from torch import nn

from attnlib.course.compare import Unreadable, convert, same
from tests.course.compare.modules import HEADS, C, D, Fused

WHEN = {
    "always": lambda x: True,
    "one input": lambda x: len(x) == 1,
    "not two inputs": lambda x: len(x) != 2,
    "many inputs": lambda x: len(x) > 5,
    "odd lengths": lambda x: x.shape[1] % 2,
    "long": lambda x: x.shape[1] > 9,
    "any number": lambda x: x.abs().max() > 0,
    "large numbers": lambda x: x.abs().max() > 4,
}
THEN = {
    "raises": lambda x: 1 / 0,
    "asserts": lambda x: torch.zeros(3)[len(x) + 3],
    "nothing": lambda x: None,
    "a number": lambda x: 3,
    "an empty tuple": lambda x: (),
    "a dictionary": lambda x: {},
    "a token less": lambda x: x[:, 1:],
    "whole numbers": lambda x: x.long(),
    "true or false": lambda x: x > 0,
}


class Odd(Fused):
    """Attention, but for some x."""

    def __init__(self, when, then):
        super().__init__()
        self.when, self.then = when, then

    def forward(self, x):
        return THEN[self.then](x) if WHEN[self.when](x) else super().forward(x)


class Padded(nn.Module):
    """Its mask must be given, one for each input: (B, L)."""

    def __init__(self, inverted=False):
        super().__init__()
        self.inverted = inverted
        self.qkv, self.out = nn.Linear(C, 3 * C), nn.Linear(C, C)

    def forward(self, x, mask):
        q, k, v = self.qkv(x).view(*x.shape[:2], 3, HEADS, D).permute(2, 0, 3, 1, 4)
        mask = (mask ^ self.inverted)[:, None, None]
        y = nn.functional.scaled_dot_product_attention(q, k, v, attn_mask=mask)
        return self.out(y.transpose(1, 2).flatten(2))


class Bare(nn.Module):
    """Attention without parameters."""

    def forward(self, x):
        return (x @ x.mT).softmax(-1) @ x


def refusal(f, g):
    """What it says; None where the two are read: then they are the same wherever both run."""
    try:
        assert same(f, g).verdict != "different"
    except Unreadable as reason:
        return str(reason)


@limits(max_examples=12)
@given(st.sampled_from(list(WHEN)), st.sampled_from(list(THEN)), st.booleans())
def test_whatever_a_module_does_it_is_read_or_refused_by_name(when, then, first):
    odd = Odd(when, then)
    pair, name = ((odd, Fused()), "f") if first else ((Fused(), odd), "g")
    said = refusal(*pair)
    if said is not None:
        assert name in said.replace(",", " ").split()
        assert "Odd" in said


def test_a_mask_of_each_input_that_must_be_given_is_refused():
    with pytest.raises(Unreadable, match=r"call f, a Padded.*\(x, mask\). Wrap it .*Tried: "):
        same(Padded(), Padded(inverted=True))


@pytest.mark.parametrize("width", [None, C])
def test_a_module_without_parameters_is_refused(width):
    with pytest.raises(Unreadable, match="g must hold parameters.* but a Bare has none: wrap"):
        same(Fused(), Bare(), width=width)


class Exactly(Fused):
    """So many tokens, no other number."""

    def __init__(self, tokens):
        super().__init__()
        self.tokens = tokens

    def forward(self, x):
        assert x.shape[1] == self.tokens
        return super().forward(x)


def test_where_no_length_fits_both_each_is_named_with_its_own():
    with pytest.raises(Unreadable, match="same length.* f, a Exactly, .*L = 9, g, a Exactly.*11"):
        same(Exactly(9), Exactly(11))


@pytest.mark.parametrize("length", [0, -3, 2.5, True])
def test_a_largest_length_is_a_whole_number(length):
    with pytest.raises(ValueError, match=f"max_length must be a whole .*at least 1, got {length}"):
        convert(Fused(), Fused(), max_length=length)


def test_a_largest_length_below_all_that_run_is_named():
    with pytest.raises(ValueError, match="max_length must be at least 9, .* got 4"):
        convert(Exactly(9), Exactly(9), max_length=4)
