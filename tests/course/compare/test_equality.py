"""With the parameters they hold: equal or not, which head is which, and which matrix is off."""

import copy

import pytest
import torch
from torch import nn

from attnlib.course.compare import Unreadable, attentions, equal
from tests.course.compare.modules import HEADS, ByHand, C, D, Fused, Rotary, causal


def twins():
    torch.manual_seed(0)
    f = Fused()
    return f, copy.deepcopy(f)


def rows(module, part, head):
    """Those of queries, keys or values of one head."""
    return module.qkv.weight.data.view(3, HEADS, D, C)[part, head]


class Block(nn.Module):
    def __init__(self):
        super().__init__()
        self.norm, self.attention = nn.LayerNorm(C), Fused()
        self.mlp = nn.Sequential(nn.Linear(C, 2 * C), nn.GELU(), nn.Linear(2 * C, C))

    def forward(self, x):
        x = x + self.attention(self.norm(x))
        return x + self.mlp(x)


class Model(nn.Module):
    """Takes numbers of words."""

    def __init__(self, layers):
        super().__init__()
        self.words = nn.Embedding(20, C)
        self.blocks = nn.ModuleList(Block() for _ in range(layers))

    def forward(self, words):
        x = self.words(words)
        for block in self.blocks:
            x = block(x)
        return x


def test_a_copy_is_equal_and_every_head_is_itself():
    found = equal(*twins())
    assert found.equal
    assert found.layers[0].heads == tuple(range(HEADS))
    assert repr(found) == "EQUAL? yes (0e+00)."


def test_parameters_that_differ_but_multiply_to_the_same_are_equal():
    f, g = twins()
    turn = torch.linalg.qr(torch.randn(D, D))[0]
    for part in (0, 1):
        rows(g, part, 2)[:] = turn @ rows(f, part, 2)
        bias = g.qkv.bias.data.view(3, HEADS, D)[part, 2]
        bias[:] = turn @ bias
    rows(g, 2, 1)[:] *= 4
    g.qkv.bias.data.view(3, HEADS, D)[2, 1] *= 4
    g.proj.weight.data.view(C, HEADS, D)[:, 1] /= 4
    assert equal(f, g).equal


def test_heads_that_changed_places_are_found():
    f, g = twins()
    order = [2, 0, 1]
    g.qkv.weight.data = f.qkv.weight.data.view(3, HEADS, D, C)[:, order].reshape(3 * C, C)
    g.qkv.bias.data = f.qkv.bias.data.view(3, HEADS, D)[:, order].flatten()
    g.proj.weight.data = f.proj.weight.data.view(C, HEADS, D)[:, order].flatten(1)
    found = equal(f, g)
    assert found.equal
    assert [order[head] for head in found.layers[0].heads] == [0, 1, 2]


@pytest.mark.parametrize(("part", "letter"), list(enumerate("qkv")))
def test_the_matrix_that_is_off_is_named(part, letter):
    f, g = twins()
    rows(g, part, 1)[:] *= 1.5
    found = equal(f, g)
    assert not found.equal
    assert f"no: head 1, W_{letter}: g holds" in found.sentence
    agree = ", ".join(name for name in "qkvo" if name != letter)
    assert found.sentence.endswith(f"{agree} agree.")


def test_a_scale_that_is_in_the_weights_twice_is_named():
    f, g = twins()
    g.qkv.weight.data[C : 2 * C] *= D**0.5
    g.qkv.bias.data[C : 2 * C] *= D**0.5
    assert equal(f, g).sentence == (
        "no: every head, W_k: g holds 2 · f (√4: scaled twice). q, v, o agree."
    )


def test_an_output_bias_that_is_off_is_named():
    f, g = twins()
    g.proj.bias.data += 1
    assert "output bias" in equal(f, g).sentence
    assert equal(f, g).sentence.endswith("q, k, v, o agree.")


@pytest.mark.parametrize(
    ("f", "g", "said"),
    [
        (Fused, lambda: Fused(scale=1.0), "every head, the scale is 0.5 in f, 1 in g. q, k, v, o"),
        (lambda: ByHand(-2), ByHand, "the weights sum to 1 over another axis. q, k, v, o agree."),
        (lambda: Rotary(False), Rotary, "every head, positions turn queries and keys in another"),
        (
            Fused,
            lambda: Fused(merge="d h"),
            "W_o: the same numbers in another order. q, k, v agree",
        ),
        (Fused, lambda: Fused("h three d"), "the same numbers in another order"),
        (
            Fused,
            lambda: Fused(mask=causal),
            "every head, who sees whom is not the same. q, k, v, o",
        ),
    ],
)
@pytest.mark.parametrize("seed", [0, 1])
def test_of_one_and_the_same_parameters_none_is_said_to_be_another(f, g, said, seed):
    torch.manual_seed(seed)
    f, g = f(), g()
    g.load_state_dict(f.state_dict())
    found = equal(f, g)
    assert not found.equal
    assert said in found.sentence
    assert "another." not in found.sentence.replace("another axis.", "")
    assert "bias" not in found.sentence


class Lost(Fused):
    """The transpose before the merge is missing."""

    def forward(self, x):
        q, k, v = self.qkv(x).unflatten(-1, (3, HEADS, D)).permute(2, 0, 3, 1, 4)
        return self.proj(nn.functional.scaled_dot_product_attention(q, k, v).reshape(x.shape))


def test_what_was_not_read_is_told_as_it_is():
    f, g = Fused(), Lost()
    g.load_state_dict(f.state_dict())
    assert " apart; in g what the heads give for one token goes on to " in equal(f, g).sentence


class Late(Fused):
    """Its mask comes after the softmax."""

    def forward(self, x):
        q, k, v = self.qkv(x).unflatten(-1, (3, HEADS, D)).permute(2, 0, 3, 1, 4)
        y = (q @ k.mT).softmax(-1).tril() @ v
        return self.proj(y.transpose(1, 2).flatten(2))


def test_rotary_heads_are_compared_with_their_turns():
    torch.manual_seed(0)
    f = Rotary()
    g = copy.deepcopy(f)
    assert equal(f, g).equal
    assert not equal(f, Rotary(halves=False)).equal


def test_the_first_layer_of_a_model_that_is_off_is_named():
    torch.manual_seed(0)
    f = Model(4)
    g = copy.deepcopy(f)
    assert equal(f, g).sentence == "layers 0–3 yes (0e+00); only attentions were compared."
    for number in (2, 3):
        rows(g.blocks[number].attention, 1, 0)[:] *= 2
    found = equal(f, g)
    assert (found.equal, found.first) == (False, 2)
    assert found.sentence.startswith(
        "no. Layers 0–1 yes (0e+00); first difference layer 2, head 0, W_k: g holds"
    )
    assert equal(f, Model(3)).sentence == "no: f has 4 attentions, g has 3."


def test_what_is_inside_a_model_is_listed_with_its_names():
    found = attentions(Model(2))
    assert [name for name, _ in found] == ["blocks.0.attention", "blocks.1.attention"]
    assert all(reading.whole for _, reading in found)
    assert [name for name, _ in attentions(Fused())] == [""]
    assert attentions(nn.Sequential(nn.Linear(3, 3))) == []


def test_bad_input_is_named():
    with pytest.raises(Unreadable, match="no attention was found in g: .*no weights that sum to 1"):
        equal(Fused(), nn.Linear(C, C))
    with pytest.raises(Unreadable, match="no attention was found in g: weights .* are changed"):
        equal(Fused(), Late())
    with pytest.raises(Unreadable, match="no attention was found in f: f must hold parameters"):
        equal(nn.Softmax(-1), Fused())
    with pytest.raises(TypeError, match="g must be an nn.Module.*got function"):
        equal(Fused(), lambda x: x)
    with pytest.raises(TypeError, match="model must be an nn.Module, got int"):
        attentions(3)
