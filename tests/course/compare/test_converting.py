"""The state dict for g, of the parameters that f holds; or why there is none."""

import copy

import pytest
import torch
from torch import nn

from attnlib.course.compare import convert
from tests.course.compare.modules import HEADS, C, Fused, Rotary, window


class Kept(Fused):
    """With a buffer, in half the precision of f."""

    def __init__(self):
        super().__init__("h d three")
        self.register_buffer("steps", torch.tensor(7))


def outputs(f, g, length=9):
    x = torch.randn(2, length, C)
    return f.eval()(x), g.eval()(x)


@pytest.mark.parametrize(
    ("f", "g"),
    [
        (lambda: Fused("h three d"), Fused),
        (Fused, Kept),
        (lambda: Rotary(halves=False), Rotary),
        (lambda: Fused(bias=False), Fused),
    ],
)
def test_g_computes_what_f_does_once_it_is_loaded(f, g):
    f, g = f(), g()
    before = [copy.deepcopy(module.state_dict()) for module in (f, g)]
    state = convert(f, g)
    for module, kept in zip((f, g), before, strict=True):
        assert all(value.equal(kept[name]) for name, value in module.state_dict().items())
    g.load_state_dict(state)
    assert {value.dtype for value in g.parameters()} == {torch.float32}
    one, other = outputs(f, g)
    torch.testing.assert_close(other, one, rtol=0, atol=1e-5)


def test_numbers_have_the_type_of_g():
    g = Kept().half()
    state = convert(Fused(), g)
    assert state["qkv.weight"].dtype == torch.float16
    assert state["steps"].equal(torch.tensor(7))


def test_why_there_is_no_move_is_an_error():
    with pytest.raises(ValueError, match="f's parameters do not go into g: it has no place for a"):
        convert(Fused(), Fused(bias=False))
    with pytest.raises(TypeError, match="f must be an nn.Module"):
        convert(print, Fused())


def test_a_window_does_not_matter_to_short_inputs():
    wide = lambda i, j: (i - j).abs() < 20
    f, g = Fused(), Fused("h three d", mask=wide)
    with pytest.raises(ValueError, match="do not go into g"):
        convert(f, g)
    g.load_state_dict(convert(f, g, max_length=20))
    one, other = outputs(f, g, 20)
    torch.testing.assert_close(other, one, rtol=0, atol=1e-5)
    one, other = outputs(f, g, 30)
    assert (one - other).abs().max() > 1e-4
    with pytest.raises(ValueError, match="who sees whom"):
        convert(f, Fused(mask=window), max_length=20)


def test_the_width_may_be_told():
    assert convert(Fused(), nn.MultiheadAttention(C, HEADS), width=C)
