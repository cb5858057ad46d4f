"""Labels say of every number which parameter it is, in whatever order."""

import re
from pathlib import Path

import pytest
import torch
from hypothesis import given
from hypothesis import settings as limits
from hypothesis import strategies as st
from torch import nn

from attnlib.course import compare
from attnlib.course.compare.reading.labels import flat, origins, place
from attnlib.course.compare.reading.read import read
from tests.course.compare.modules import C, Fused


class Shuffled(Fused):
    """The rows of qkv in any order at all."""

    def __init__(self, order):
        super().__init__(bias=False)
        self.qkv.register_forward_hook(lambda module, x, rows: rows[..., torch.tensor(order)])


@limits(max_examples=10)
@given(st.permutations(range(3 * C)))
def test_any_order_of_the_rows_is_undone(order):
    module = Shuffled(order)
    (attention,) = read(module).attentions
    parts = [attention.origins[name].index for name in ("query", "key", "value")]
    places = torch.stack(parts).flatten(0, 2)  # (3·H·D, C); qkv.weight comes first
    assert torch.equal(places, torch.tensor(order)[:, None] * C + torch.arange(C))


def test_a_place_has_the_name_of_its_parameter():
    module = Fused()
    names = [place(module, label) for label in (0, 3 * C * C - 1, 3 * C * C)]
    assert names == ["qkv.weight[0, 0]", f"qkv.weight[{3 * C - 1}, {C - 1}]", "qkv.bias[0]"]
    with pytest.raises(IndexError, match="past the last"):
        place(module, len(flat(module)))


@pytest.mark.parametrize(
    ("formula", "index", "unit", "composite"),
    [
        (lambda p: p, [0, 1, 2], [1.0, 1, 1], False),
        (lambda p: -3 * p.flip(0), [2, 1, 0], [-3.0, -3, -3], False),
        (lambda p: p * 0 + 1, [-1, -1, -1], [1.0, 1, 1], False),
        (lambda p: p * p.flip(0), [-1, -1, -1], [1.0, 1, 1], True),
        (lambda p: p + p[0], [0, -1, -1], [2.0, 1, 1], True),
    ],
)
def test_of_one_parameter_of_none_or_of_several(formula, index, unit, composite):
    module = nn.ParameterList([nn.Parameter(torch.randn(3, dtype=torch.float64))])
    before = flat(module)
    origin = origins(module, lambda: {"part": formula(module[0].detach()).clone()})["part"]
    assert origin.index.tolist() == index
    assert origin.unit.tolist() == unit
    assert origin.composite == composite
    assert torch.equal(flat(module), before)


def test_the_reader_knows_no_module_by_its_name():
    rooms = ("calling", "seeing", "reading", "moving", "judging", "porting")
    house = Path(compare.__file__).parent
    text = "\n".join(p.read_text("utf-8") for room in rooms for p in (house / room).glob("*.py"))
    assert text.count("\n") > 4000
    names = "timm|transformers|huggingface|vit_pytorch|x_transformers|bert|gpt|llama|mistral"
    names += "|qwen|neox|t5|swin|nest|pglsum|dino|minGPT|d2l|uvadlc|local_attention|Multihead"
    names += "|BlockAttention|SelfAttention|GlobalLocal"
    found = re.findall(rf"\b\w*(?:{names})\w*", re.sub(r"nn\.MultiheadAttention", "", text), re.I)
    assert found == []
