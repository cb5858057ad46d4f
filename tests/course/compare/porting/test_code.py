"""The code that is printed: it runs as it stands, makes g equal to f, and is short."""

import ast
import copy

import pytest
import torch
from einops import rearrange
from hypothesis import HealthCheck, given
from hypothesis import settings as limits
from hypothesis import strategies as st
from torch import nn

from attnlib import BlockAttention
from attnlib.course.compare import same
from attnlib.course.compare.porting.block import path_of, shown
from tests.course.compare.modules import HEADS, C, D, Fused, Grouped, InOut, Lists, Rotary


class Own(nn.Module):
    """Any number of heads of any width, q, k and v in any order, biases or none."""

    def __init__(self, width, heads, size, order, merge, bias, scale):
        super().__init__()
        self.order, self.merge, self.heads, self.scale = order, merge, heads, scale
        self.wqkv = nn.Linear(width, 3 * heads * size, bias=bias)
        self.wo = nn.Linear(heads * size, width)

    def forward(self, x):
        pattern = f"b n ({self.order}) -> three b h n d"
        q, k, v = rearrange(self.wqkv(x), pattern, three=3, h=self.heads)
        y = (self.scale * q @ k.mT).softmax(-1) @ v
        return self.wo(rearrange(y, f"b h n d -> b n ({self.merge})"))


def random_parameters(module):
    module.double().eval()
    for parameter in module.parameters():
        parameter.data.normal_(0, 0.5)
    return module


def check(code, f, g, call_f=None, call_g=None):
    """The code, alone in a namespace, on modules of its own."""
    f, g = (random_parameters(copy.deepcopy(module)) for module in (f, g))
    exec(code, {"f": f, "g": g})
    x = torch.randn(2, 7, C, dtype=torch.float64)
    one, other = (call_f or f)(x), (call_g or g)(x)
    one, other = (y[0] if isinstance(y, tuple) else y for y in (one, other))
    torch.testing.assert_close(other, one, rtol=0, atol=1e-10)


ORDERS = st.permutations(["three", "h", "d"]).map(" ".join)


@limits(max_examples=15, suppress_health_check=[HealthCheck.too_slow])
@given(
    st.sampled_from([(1, 4), (2, 3), (3, 4), (4, 2)]),
    ORDERS,
    ORDERS,
    st.sampled_from(["h d", "d h"]),
    st.booleans(),
    st.sampled_from([1.0, 0.5, 3**-0.5]),
)
def test_the_code_makes_g_equal_f_in_any_order_of_heads_and_parts(
    sizes, order, other, merge, bias, scale
):
    f = Own(C, *sizes, order, "h d", bias, 1.0)
    g = Own(C, *sizes, other, merge, True, scale)
    finding = same(f, g)
    assert finding.forth.code is not None, finding
    check(finding.forth.code, f, g)


PAIRS = {
    "interleaved": (Fused, lambda: Fused("h three d")),
    "(in, out)": (InOut, lambda: Fused("d h three")),
    "lists of heads": (Lists, lambda: Fused(bias=False)),
    "shared heads": (Grouped, lambda: Grouped(folded=True)),
    "one part after another": (Fused, lambda: nn.MultiheadAttention(C, HEADS, batch_first=True)),
}


@pytest.mark.parametrize("name", PAIRS)
def test_both_directions_have_code(name):
    f, g = (make() for make in PAIRS[name])
    finding = same(f, g)
    for move in (finding.forth, finding.back):
        if isinstance(move, str):  # one is a special case
            continue
        tree = ast.parse(move.code)
        names = {
            n.name for node in ast.walk(tree) if isinstance(node, ast.Import) for n in node.names
        }
        assert names == {"torch"}
        assert "attnlib" not in move.code
        assert move.difference <= 1e-9


def said(f, g):
    return same(f, g).forth.code.split("no_grad():\n")[1]


def test_what_is_printed_for_an_interleaved_matrix():
    assert said(Fused("h three d", bias=False), Fused(bias=False)) == (
        "    g.qkv.weight[:] = rearrange("
        'f.qkv.weight, "(h three d) c -> (three h d) c", h=3, three=3)\n'
        "    g.proj.weight[:] = f.proj.weight"
    )


def test_a_factor_is_printed_as_a_power():
    code = said(Fused(bias=False), Fused(bias=False, scale=1.0))
    assert "torch.cat([4**-0.5 * f.qkv.weight[:12], f.qkv.weight[12:]])" in code


def test_a_value_bias_goes_on_to_the_output():
    class Unbiased(Fused):
        def __init__(self):
            super().__init__()
            self.qkv = nn.Linear(C, 3 * C, bias=False)

    class Valued(Unbiased):
        def __init__(self):
            super().__init__()
            self.value = nn.Parameter(torch.randn(C))

        def forward(self, x):
            q, k, v = rearrange(self.qkv(x), "b n (three c) -> three b n c", three=3)
            q, k, v = (
                part.unflatten(-1, (HEADS, D)).transpose(1, 2) for part in (q, k, v + self.value)
            )
            y = (q @ k.mT * self.scale).softmax(-1) @ v
            return self.proj(y.transpose(1, 2).flatten(2))

    f, g = Valued(), Unbiased()
    finding = same(f, g)
    assert "g.proj.bias[:] = f.proj.bias + f.proj.weight @ f.value" in finding.forth.code
    check(finding.forth.code, f, g)
    assert "f.value[:] = 0" in finding.back.code


def test_the_pairs_of_rotary_are_printed():
    code = said(Rotary(halves=False), Rotary())
    assert "two)" in code and "(two d)" in code.replace("(h two d)", "(two d)"), code


def test_code_that_cannot_be_written_is_no_code():
    class Folded(nn.Module):
        """Rows in an order that no einops has."""

        def __init__(self):
            super().__init__()
            self.inner = BlockAttention(C, HEADS)
            self.order = torch.tensor([4, 0, 2, 11, 1, 3, 5, 7, 6, 8, 10, 9])

        def forward(self, x):
            q, k, v = self.inner.qkv(x).chunk(3, -1)
            q, k, v = (
                part[..., self.order].unflatten(-1, (HEADS, D)).transpose(1, 2)
                for part in (q, k, v)
            )
            y = (q @ k.mT).softmax(-1) @ v
            return self.inner.proj(y.transpose(1, 2).flatten(2))

    move = same(BlockAttention(C, HEADS), Folded()).forth
    assert move.code is None
    assert "inner.qkv.weight" in move.text and "convert" in move.text


@pytest.mark.parametrize(
    ("factor", "text"),
    [(8**-0.5, "8**-0.5"), (8**0.5, "8**0.5"), (3.0, "3"), (-1.0, "-1"), (0.25, "16**-0.5")],
)
def test_a_factor_reads_as_what_it_is(factor, text):
    assert shown(factor) == text
    assert abs(eval(text) - factor) < 1e-12


def test_a_parameter_of_a_list_has_brackets():
    assert path_of("f", "heads.0.weight") == "f.heads[0].weight"
