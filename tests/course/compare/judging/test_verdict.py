"""Two modules, bare: no false "same", no false "different", and why where it is undecided."""

import pytest
import torch
from hypothesis import given
from hypothesis import settings as limits
from hypothesis import strategies as st
from torch import nn

from attnlib import BlockAttention, SelfAttention
from attnlib.course.compare.calling.lengths import lengths
from attnlib.course.compare.calling.numbers import whole_numbers
from attnlib.course.compare.calling.search import calls
from attnlib.course.compare.calling.unreadable import Unreadable
from attnlib.course.compare.judging.agreement import ROUNDING, TABLES
from attnlib.course.compare.judging.influences import influences
from attnlib.course.compare.judging.verdict import compare
from attnlib.course.compare.judging.witness import witness
from attnlib.course.compare.moving.alike import turned_alike
from attnlib.course.compare.reading.drawing import drawn
from tests.course.compare.modules import (
    HEADS,
    ByHand,
    C,
    Capped,
    D,
    Fused,
    Grouped,
    InOut,
    Lists,
    Normed,
    Residual,
    Rotary,
    Separate,
    Tabled,
    causal,
    window,
)


class Far(Fused):
    """A window of 70, which only its code tells."""

    def forward(self, x):
        i = torch.arange(x.shape[1])
        self.mask = lambda row, key: (i[:, None] - i).abs() < 70
        return super().forward(x)


class Crossed(Fused):
    """Keys and values have changed places, and one sees it in what they are made of: nothing."""

    def __init__(self):
        super().__init__("three h d")

    def forward(self, x):
        rows = self.qkv(x)
        q, k, v = rows.chunk(3, -1)
        return self.rest(q, v, k)

    def rest(self, q, k, v):
        q, k, v = (t.unflatten(-1, (HEADS, D)).transpose(1, 2) for t in (q, k, v))
        y = nn.functional.scaled_dot_product_attention(q, k, v)
        return self.proj(y.transpose(1, 2).flatten(2))


class Unmerged(Fused):
    """The transpose before the merge is missing."""

    def forward(self, x):
        q, k, v = self.qkv(x).unflatten(-1, (3, HEADS, D)).permute(2, 0, 3, 1, 4)
        return self.proj(nn.functional.scaled_dot_product_attention(q, k, v).reshape(x.shape))


class OneHead(nn.Module):
    """One head as wide as x; the matrix behind it may be there or not."""

    def __init__(self, out):
        super().__init__()
        self.q, self.k, self.v = (nn.Linear(C, C, bias=False) for _ in range(3))
        self.out = nn.Linear(C, C, bias=False) if out else nn.Identity()

    def forward(self, x):
        return self.out((self.q(x) @ self.k(x).mT).softmax(-1) @ self.v(x))


class Narrowed(nn.Module):
    """One head without a matrix of keys, and none of values where `out` is there: x stands there.

    Its scores are large as long as x is.
    """

    def __init__(self, out=True):
        super().__init__()
        self.q = nn.Parameter(torch.randn(C, C))
        self.v = nn.Identity() if out else nn.Linear(C, C, bias=False)
        self.out = nn.Linear(C, C, bias=False) if out else nn.Identity()

    def forward(self, x):
        return self.out((x @ self.q @ x.mT).softmax(-1) @ self.v(x))


class Divided(Fused):
    """Rows are divided by their length: a row of zeros gives NaN."""

    def __init__(self, eps=0.0):
        super().__init__(bias=False)
        self.eps = eps

    def forward(self, x):
        y = super().forward(x)
        return y / (y.norm(dim=-1, keepdim=True) + self.eps)


def plain():
    return Fused(bias=False)


@pytest.mark.parametrize(
    ("f", "g"),
    [
        (Fused, lambda: Fused("h three d")),
        (Fused, lambda: Fused(scale=1.0)),
        (Fused, lambda: Fused("d h three", merge="d h")),
        (Fused, Crossed),
        (Fused, lambda: nn.MultiheadAttention(C, HEADS)),
        (lambda: BlockAttention(C, HEADS, qkv_bias=True), lambda: Fused("h d three")),
        (Lists, lambda: SelfAttention(C, C, heads=HEADS)),
        (Rotary, lambda: Rotary(halves=False)),
        (Grouped, lambda: Grouped(folded=True)),
        (lambda: OneHead(True), lambda: OneHead(False)),
        (lambda: OneHead(True), Narrowed),
        (lambda: OneHead(False), lambda: Narrowed(out=False)),
        (Separate, lambda: BlockAttention(C, HEADS)),
        (Residual, lambda: Residual("h d three")),
        (Tabled, lambda: Tabled(heads_first=True)),
    ],
)
def test_the_same(f, g):
    found = compare(f(), g())
    assert found.verdict == "same", found
    assert max(found.forth, found.back) <= (TABLES if f is Rotary else ROUNDING)
    if f is Tabled:
        assert "(float64, eval, L = 9, 3 draws" in found.domain
    else:
        assert max(found.lengths) >= 130
        assert "float64, eval, L = 2 … 130, 3 draws; longer untested" in found.domain
    assert found.witness is None


@pytest.mark.parametrize(
    ("f", "g", "said"),
    [
        (Fused, lambda: Fused(mask=causal), "token 1 influences row 0 of f, not of g"),
        (Fused, lambda: Fused(mask=window), "of f, not of g"),
        (Far, Fused, "at L = 71, token 0 influences row 70 of g, not of f"),
        (lambda: Fused(mask=lambda i, j: i < j), lambda: Fused(mask=causal), "influences row"),
        (plain, Rotary, "permuting the tokens permutes the rows: only f obeys"),
        (plain, lambda: SelfAttention(C, C, heads=HEADS, pos_enc="absolute"), "permuting"),
        (Fused, Unmerged, "permuting the tokens"),
        (Separate, Fused, "what a token of zeros collects is linear"),
    ],
)
def test_different_by_a_witness(f, g, said):
    found = compare(f(), g())
    assert found.verdict == "different"
    assert said in (found.witness or ""), found


@pytest.mark.parametrize(
    ("f", "g", "forth", "back"),
    [
        (lambda: ByHand(-2), ByHand, "sum to 1 over another axis", "sum to 1 over another axis"),
        (Fused, Residual, "past the attention is not the same", "past the attention is not"),
        (plain, Fused, None, "no place for a query bias"),
        (ByHand, Fused, None, "no matrix behind the heads"),
        (Tabled, Fused, "what is added to the scores is not the same", None),
        (Grouped, lambda: SelfAttention(C, C, heads=4), None, "it is shared"),
    ],
)
def test_different_as_read(f, g, forth, back):
    found = compare(f(), g())
    assert found.verdict == "different", found
    for way, said in ((found.forth, forth), (found.back, back)):
        assert way <= ROUNDING if said is None else said in way


@pytest.mark.parametrize("g", [Normed, Capped])
def test_undecided_says_what_could_not_be_read(g):
    found = compare(Fused(), g())
    assert found.verdict == "undecided"
    assert "not linear" in found.forth or "cap" in found.forth
    assert found.forth.startswith("in g ") and found.back.startswith("in g ")


def test_what_is_no_number_is_no_witness():
    one, other = (calls(module) for module in (Divided(), Divided(1e-300)))
    assert witness(one, other, [2, 5]) is None


def test_other_widths_are_named():
    with pytest.raises(ValueError, match="the same width C, got C = 12 of f and 8 of g: build"):
        compare(Fused(), SelfAttention(8, 8, heads=2))
    with pytest.raises(Unreadable, match="no way to call"):
        compare(Fused(), nn.Bilinear(3, 4, 5))


@pytest.mark.parametrize(("f", "g", "name"), [(3, Fused(), "f"), (Fused(), torch.softmax, "g")])
def test_an_error_names_the_argument(f, g, name):
    with pytest.raises(TypeError, match=f"^{name} must be an nn.Module, got "):
        compare(f, g)


def test_lengths_go_past_every_number_that_a_module_knows():
    module = Far()
    module.window = 256
    module.register_buffer("table", torch.zeros(2, 41))
    assert {256, 41, 70, C} <= whole_numbers(module)
    call = drawn_call(module)
    assert {257, 42, 71, 130} <= set(lengths(call, call))


def test_who_influences_whom():
    x, other = torch.randn(2, 9, C, dtype=torch.float64)
    i = torch.arange(9)
    for mask in (causal, window):
        seen = influences(drawn_call(Fused(mask=mask)), x, other)
        assert torch.equal(seen, mask(i[:, None], i).expand(9, 9))


def test_no_witness_between_a_module_and_itself():
    call = drawn_call(Fused())
    assert witness([call], [call], [5, 9]) is None


@limits(max_examples=25)
@given(st.integers(0, 10_000), st.integers(2, 4), st.integers(0, 3))
def test_the_planes_of_two_rotations_are_found(seed, planes, still):
    generator = torch.Generator().manual_seed(seed)
    size = 2 * planes + still
    angles = torch.rand(planes, generator=generator, dtype=torch.float64) + 0.1
    cos, sin = (torch.arange(5)[:, None] * angles).cos(), (torch.arange(5)[:, None] * angles).sin()
    turns = torch.eye(size, dtype=torch.float64).repeat(5, 1, 1)
    for plane in range(planes):
        a, b = 2 * plane, 2 * plane + 1
        turns[:, a, a], turns[:, b, b] = cos[:, plane], cos[:, plane]
        turns[:, a, b], turns[:, b, a] = -sin[:, plane], sin[:, plane]
    basis = torch.linalg.qr(torch.randn(size, size, generator=generator, dtype=torch.float64))[0]
    matrix = turned_alike(turns, basis @ turns @ basis.T)
    torch.testing.assert_close(matrix @ turns, basis @ turns @ basis.T @ matrix, rtol=0, atol=1e-6)
    one = torch.eye(size, dtype=torch.float64)
    torch.testing.assert_close(matrix @ matrix.T, one, rtol=0, atol=1e-6)
    assert turned_alike(turns, turns @ turns) is None


def drawn_call(module):
    return drawn(calls(module)[0], 0)


class Picture(nn.Module):
    """(B, C, H, W): projections are convolutions of one pixel."""

    def __init__(self, width):
        super().__init__()
        self.q, self.k, self.v, self.out = (nn.Conv2d(width, width, 1) for _ in range(4))

    def forward(self, x):
        q, k, v = (part(x).flatten(2).mT for part in (self.q, self.k, self.v))
        y = nn.functional.scaled_dot_product_attention(q, k, v)
        return self.out(y.mT.reshape(x.shape))


class Plain(nn.Module):
    """One head, (B, L, C); scores may be clamped, v and the end may be without bias."""

    def __init__(self, width, clamp=torch.inf, value_bias=True, out_bias=True):
        super().__init__()
        self.q, self.k = (nn.Linear(width, width) for _ in range(2))
        self.v, self.out = (nn.Linear(width, width, bias=bias) for bias in (value_bias, out_bias))
        self.clamp = clamp

    def forward(self, x):
        scores = self.q(x) @ self.k(x).mT / x.shape[-1] ** 0.5
        return self.out(scores.clamp(-self.clamp, self.clamp).softmax(-1) @ self.v(x))


@pytest.mark.parametrize("width", [4, 16, 20])
def test_pixels_of_a_picture_are_tokens(width):
    assert compare(Picture(width), Plain(width)).verdict == "same"


@pytest.mark.parametrize("clamp", [10, 50])
def test_a_clamp_that_small_scores_never_feel_is_not_the_same(clamp):
    assert compare(Plain(16, clamp), Plain(16)).verdict != "same"


def test_a_bias_at_the_end_finds_its_place_in_the_values():
    of_values, of_out = Plain(16, out_bias=False), Plain(16, value_bias=False)
    assert compare(of_values, of_out).verdict == "same"
    assert compare(of_values, Plain(16)).verdict == "same"
    assert compare(InOut(), Fused(mask=causal)).verdict == "same"
