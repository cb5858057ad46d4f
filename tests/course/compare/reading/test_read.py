"""A module read is the module: its parts give its scores, and its origins its parameters."""

import pytest
import torch
from torch import nn

from attnlib import BlockAttention, GlobalLocalAttention, SelfAttention
from attnlib.course.compare.calling.unreadable import Unreadable
from attnlib.course.compare.reading.attention import PARTS
from attnlib.course.compare.reading.labels import flat, place
from attnlib.course.compare.reading.read import read
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
    Product,
    Residual,
    Rotary,
    Separate,
    Tabled,
    causal,
    window,
)

WHOLE = {
    "fused": Fused,
    "fused, interleaved": lambda: Fused("h three d"),
    "fused, merged d h": lambda: Fused("h d three", merge="d h", bias=False),
    "fused, causal": lambda: Fused(mask=causal),
    "fused, window": lambda: Fused(mask=window),
    "separate": Separate,
    "in, out": InOut,
    "lists": Lists,
    "grouped": Grouped,
    "grouped, folded": lambda: Grouped(folded=True),
    "by hand": ByHand,
    "tabled": Tabled,
    "rotary": Rotary,
    "rotary, complex": lambda: Rotary(halves=False),
    "nn, batch first": lambda: nn.MultiheadAttention(C, HEADS, batch_first=True),
    "nn, sequence first": lambda: nn.MultiheadAttention(C, HEADS, bias=False),
    "blocks": lambda: BlockAttention(C, HEADS, qkv_bias=True),
    "frames": lambda: SelfAttention(C, C, heads=HEADS),
    "frames, positions": lambda: SelfAttention(C, C, heads=HEADS, pos_enc="relative"),
}


@pytest.fixture(scope="module", params=WHOLE)
def reading(request):
    torch.manual_seed(0)
    module = WHOLE[request.param]()
    for parameter in module.parameters():  # biases too, which often start at zero
        nn.init.normal_(parameter, std=C**-0.5)
    return read(module)


def test_all_of_it_is_read(reading):
    assert reading.whole, (reading.left, [each.left for each in reading.attentions])


def test_its_parts_compute_what_it_computes(reading):
    length = reading.call.length
    x = torch.randn(2, length, reading.call.width, dtype=torch.float64)
    told = 0
    for part in reading.attentions:
        weights = part.scores(x).softmax(-1)
        v = torch.einsum("hdc,blc->hbld", part.value, x) + part.value_bias[:, None, None]
        told = told + torch.einsum("hcd,hbld->blc", part.out, weights @ v)
    y = reading.call.run(x)
    torch.testing.assert_close(told + reading.attentions[0].out_bias, y, rtol=0, atol=1e-8)


def test_its_origins_give_its_parts(reading):
    numbers = flat(reading.call.module)
    for attention in reading.attentions:
        for name in PARTS:
            origin, part = attention.origins[name], getattr(attention, name)
            assert not origin.composite
            told = origin.unit * numbers[origin.index]
            known = origin.index >= 0
            torch.testing.assert_close(told[known], part[known], rtol=0, atol=1e-10)
            assert (known.all() or not known.any()) or name == "out"


def test_no_entry_of_query_key_and_value_is_elsewhere(reading):
    for attention in reading.attentions:
        for name in ("query", "key", "value"):
            assert (attention.origins[name].index >= 0).all(), name


@pytest.mark.parametrize(
    ("make", "scale"),
    [
        (Fused, D**-0.5),
        (lambda: Fused(scale=1 / D), 1 / D),
        (lambda: nn.MultiheadAttention(C, HEADS), D**-0.5),
        (Lists, 1.0),
        (ByHand, D**-0.5),
        (Grouped, 3**-0.5),
        (lambda: BlockAttention(C, HEADS), D**-0.5),
    ],
)
def test_the_scale_is_that_of_the_code_wherever_it_is_applied(make, scale):
    for attention in read(make()).attentions:
        assert attention.scale == pytest.approx(scale, rel=1e-12)
        assert attention.origins["query"].factor == pytest.approx(1.0)


def test_heads_that_are_computed_one_by_one_are_one_attention():
    (attention,) = read(Lists()).attentions
    assert attention.query.shape == (HEADS, D, C)
    assert attention.out.shape == (HEADS, C, D)


def test_who_sees_nobody_is_no_obstacle():
    (attention,) = read(Fused(mask=lambda i, j: i < j)).attentions
    assert torch.equal(attention.seen[0], torch.ones(7, 7).triu(1) > 0)


def test_who_sees_whom():
    (plain,), (later,), (near,) = (
        read(Fused(mask=mask)).attentions for mask in (None, causal, window)
    )
    assert plain.seen.all() and not plain.causal
    assert later.causal
    i = torch.arange(near.seen.shape[-1])
    assert torch.equal(near.seen, window(i[:, None], i).expand_as(near.seen))


def test_a_causal_mask_is_given_where_asked_for():
    (attention,) = read(Separate(), causal=True).attentions
    assert attention.causal


@pytest.mark.parametrize(("dim", "axis"), [(-1, "keys"), (-2, "queries"), (1, "heads")])
def test_the_axis_over_which_weights_sum_to_1(dim, axis):
    (attention,) = read(ByHand(dim)).attentions
    assert attention.axis == axis


def test_a_rotary_turn_is_a_rotation_at_each_place():
    (attention,) = read(Rotary()).attentions
    turn = attention.query_turn
    one = torch.eye(D, dtype=torch.float64).expand_as(turn)
    torch.testing.assert_close(turn @ turn.mT, one, rtol=0, atol=1e-8)
    torch.testing.assert_close(turn[:, 0], one[:, 0], rtol=0, atol=1e-8)
    angle = torch.tensor(3.0).cos().double()  # of the first pair, at the fourth place
    torch.testing.assert_close(turn[:, 3, 0, 0], angle.expand(HEADS), rtol=0, atol=1e-6)


def test_shared_keys_are_the_same_parameters():
    (attention,) = read(Grouped()).attentions
    key = attention.origins["key"].index
    assert torch.equal(key[0], key[1]) and torch.equal(key[2], key[3])
    assert not torch.equal(key[0], key[2])


def test_the_places_of_a_table_are_told_through_what_a_softmax_hides():
    reading = read(Tabled())
    (attention,) = reading.attentions
    origin, numbers = attention.origins["table"], flat(reading.call.module)
    told = origin.unit * numbers[origin.index]
    told = told - told.mean(-1, keepdim=True)
    torch.testing.assert_close(told, attention.table, rtol=0, atol=1e-9)
    names = {
        place(reading.call.module, int(label)).split("[")[0] for label in origin.index.unique()
    }
    assert names == {"table"}
    assert len(origin.index.unique()) == 17 * HEADS


def test_several_attentions_are_each_read():
    reading = read(GlobalLocalAttention(8, 8, heads=2, num_segments=2, fusion="add"))
    assert [each.tokens.tolist() for each in reading.attentions] == [
        [0, 1, 2, 3, 4, 5, 6],
        [0, 1, 2, 3],
        [4, 5, 6],
    ]
    assert [each.heads for each in reading.attentions] == [2, 4, 4]
    assert reading.whole and reading.unread == ()


def test_parameters_that_were_not_met_are_named(reading):
    assert reading.unread == ()
    assert read(Capped()).unread == ()
    assert read(Product()).unread == ()
    assert read(Product()).folded == ("proj.weight", "proj.bias", "last.weight")
    assert "norm.weight" in read(Normed()).unread


@pytest.mark.parametrize(
    ("make", "said"),
    [
        (Normed, "queries are not linear in x"),
        (Capped, "the scores are not scale · q·k"),
        (lambda: nn.TransformerEncoderLayer(C, HEADS, batch_first=True), "parameters: linear1"),
    ],
)
def test_what_is_not_of_the_form_is_named(make, said):
    reading = read(make())
    assert not reading.whole
    named = [*reading.left, *(text for each in reading.attentions for text in each.left)]
    assert any(said in text for text in named), named


def test_what_goes_past_the_attention_is_read():
    one = torch.eye(C, dtype=torch.float64)
    for make, expected in ((Residual, one), (Fused, 0 * one)):
        (attention,) = read(make()).attentions
        torch.testing.assert_close(attention.rest, expected, rtol=0, atol=1e-12)


def test_a_product_of_matrices_is_composite():
    (attention,) = read(Product()).attentions
    assert attention.origins["out"].composite
    assert not attention.origins["value"].composite


@pytest.mark.parametrize("make", [lambda: nn.Linear(C, C), lambda: nn.Conv1d(C, C, 1)])
def test_no_attention_is_said(make):
    with pytest.raises(Unreadable, match="no attention found|no way to call"):
        read(make())
