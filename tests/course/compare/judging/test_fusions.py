"""Several attentions, and what stands behind them: norms and a fusion, which are not linear."""

import math

import pytest
import torch
from einops import rearrange
from hypothesis import given
from hypothesis import settings as limits
from hypothesis import strategies as st
from torch import nn
from torch.nn import functional as F

from attnlib import GlobalLocalAttention
from attnlib.course.compare.judging.verdict import compare
from attnlib.course.compare.reading.read import read
from tests.course.compare.modules import HEADS, C, Fused

FUSIONS = {
    "add": torch.add,
    "multiply": torch.mul,
    "maximum": torch.maximum,
    "mean": lambda whole, local: (whole + local) / 2,
    "tanh of both": lambda whole, local: torch.tanh(whole) + torch.tanh(local),
}


class Branches(nn.Module):
    """All tokens, and two parts each by itself; rows of either are divided by their length."""

    def __init__(self, fusion="add", local_first=False, norm=True, bias=True, even=False):
        super().__init__()
        self.whole = Fused("three h d", bias=bias)
        self.parts = nn.ModuleList(Fused("h d three", bias=bias) for _ in range(2))
        self.fuse, self.local_first, self.norm = FUSIONS[fusion], local_first, norm
        self.even = even

    def local(self, x):
        cut = x.shape[1] // 2 if self.even else math.ceil(x.shape[1] / 2)
        pair = zip(self.parts, (x[:, :cut], x[:, cut:]), strict=True)
        return torch.cat([part(tokens) for part, tokens in pair], 1)

    def forward(self, x):
        steps = [self.local, self.whole] if self.local_first else [self.whole, self.local]
        one, other = (F.normalize(step(x), dim=-1) if self.norm else step(x) for step in steps)
        return self.fuse(other, one) if self.local_first else self.fuse(one, other)


class Layer(nn.Module):
    """A norm behind a residual path: with parameters of its own, or without."""

    def __init__(self, affine):
        super().__init__()
        self.attention, self.norm = Fused(), nn.LayerNorm(C, elementwise_affine=affine)

    def forward(self, x):
        return self.norm(x + self.attention(x))


class Halved(nn.Module):
    """Half of an attention and half of the same: it is that attention."""

    def __init__(self):
        super().__init__()
        self.attention = Fused(bias=False)

    def forward(self, x):
        return (self.attention(x) + self.attention(x)) / 2


class Looped(Fused):
    """Tokens in chunks, one after the other, with the same parameters."""

    def __init__(self, size):
        super().__init__()
        self.size = size

    def forward(self, x):
        return torch.cat([super(Looped, self).forward(part) for part in x.split(self.size, 1)], 1)


@pytest.mark.parametrize("fusion", FUSIONS)
def test_one_fusion_is_the_same_whichever_branch_comes_first(fusion):
    verdict = compare(Branches(fusion), Branches(fusion, local_first=True))
    assert verdict.verdict == "same", verdict


@pytest.mark.parametrize("pair", [("add", "multiply"), ("maximum", "tanh of both")])
def test_two_fusions_are_never_the_same(pair):
    one, other = (Branches(fusion, bias=False) for fusion in pair)
    assert compare(one, other).verdict != "same"


def test_heads_that_are_there_twice_are_no_difference():
    assert compare(Halved(), Fused(bias=False)).verdict != "different"


@limits(max_examples=3, deadline=None)
@given(size=st.integers(2, 6))
def test_chunks_in_a_loop_are_chunks_of_a_mask(size):
    masked = Fused("h d three", mask=lambda i, j: i // size == j // size)
    assert compare(Looped(size), masked).verdict == "same"
    assert compare(Looped(size), Looped(size + 1)).verdict == "different"


def test_a_mean_of_unit_rows_is_no_sum():
    assert compare(Branches("add"), Branches("mean")).verdict != "same"
    one, other = (Branches(fusion, norm=False, bias=False) for fusion in ("add", "mean"))
    assert compare(one, other).verdict == "same"


def test_parts_that_are_cut_elsewhere_at_some_length_are_different():
    found = compare(Branches(), Branches(even=True))
    assert found.verdict == "different", found


def test_the_matrices_before_a_norm_are_read():
    module = Branches("maximum")
    reading = read(module)
    assert reading.whole and reading.unread == ()
    for attention, part in zip(reading.attentions, [module.whole, *module.parts], strict=True):
        assert attention.end is not None
        out = rearrange(part.proj.weight.double(), "c (h d) -> h c d", h=HEADS)
        torch.testing.assert_close(attention.out, out, rtol=0, atol=1e-9)
        torch.testing.assert_close(attention.out_bias, part.proj.bias.double(), rtol=0, atol=1e-9)


def test_a_branch_behind_a_norm_keeps_its_own_bias():
    torch.manual_seed(0)
    reading = read(Branches())
    for attention in reading.attentions:
        assert (attention.origins["out_bias"].index >= 0).all()
    biases = torch.cat([each.origins["out_bias"].index for each in reading.attentions])
    assert len(biases.unique()) == 3 * C


def test_parameters_behind_the_heads_are_named_and_nothing_is_claimed():
    (said,) = read(Layer(affine=True)).left
    assert said == "behind the heads stand parameters: norm.weight, norm.bias"
    assert compare(Layer(affine=True), Layer(affine=True)).verdict == "undecided"


def test_a_norm_without_parameters_behind_a_residual_path_is_compared():
    reading = read(Layer(affine=False))
    one = torch.eye(C, dtype=torch.float64)
    torch.testing.assert_close(reading.attentions[0].rest, one, rtol=0, atol=1e-9)
    assert compare(Layer(affine=False), Layer(affine=False)).verdict == "same"


@pytest.mark.parametrize("fusion", ["add", "mult", "avg", "max"])
def test_the_published_form_and_its_parts_are_read(fusion):
    reading = read(GlobalLocalAttention(16, 16, heads=2, num_segments=2, fusion=fusion))
    assert reading.whole and reading.unread == ()
    assert [len(each.tokens) for each in reading.attentions] == [7, 4, 3]
