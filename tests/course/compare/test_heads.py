"""Parameters in whatever order, one common form, and moves that leave the function as it is."""

import math
from dataclasses import replace

import pytest
import torch
from torch import nn

from attnlib.course.compare import (
    Heads,
    Layout,
    absorb_scale,
    drop_key_bias,
    move_value_bias,
    permute_merge,
    put,
    stack_heads,
    take,
)

C, H, D = 6, 2, 3
BIASES = ("query_bias", "key_bias", "value_bias", "out_bias")


def parameter(*shape):
    return nn.Parameter(torch.randn(*shape, dtype=torch.float64))


def module(**parameters):
    """A module that holds these parameters and does nothing."""
    built = nn.Module()
    for name, parameter in parameters.items():
        built.register_parameter(name, parameter)
    return built


def linears(count, rows, cols):
    return nn.ModuleList(nn.Linear(cols, rows) for _ in range(count)).double()


def one_a_head():
    built = nn.Module()
    for name in ("q", "k", "v"):
        setattr(built, name, linears(H, D, C))
    built.out, built.bias = nn.ParameterList(parameter(C, D) for _ in range(H)), parameter(C)
    return built


def grouped():
    built = nn.Module()
    built.parts = nn.ParameterDict(
        {
            "qkv": parameter(3, 3, H, D, C),
            "bias": parameter(3, 3, H, D),
            "out": parameter(3, C, H * D),
            "out_bias": parameter(3, C),
        }
    )
    return built


# Every way to keep the parameters of one attention: the module, the layout, and what it should
# find: (part, head) -> the matrix or bias, by plain indexing.


def stacked(order):
    return module(
        qkv=parameter(3 * H * D, C),
        bias=parameter(3 * H * D),
        out=parameter(C, H * D),
        out_bias=parameter(C),
    ), Layout(H, 1.0, ("qkv", f"({order}) c"), ("out", "c (h d)"), "bias", "out_bias")


def rows_of(order, part, h):
    """The rows of a stacked matrix that belong to one part of one head."""
    return {
        "three h d": [part * H * D + h * D + d for d in range(D)],
        "h three d": [h * 3 * D + part * D + d for d in range(D)],
        "h d three": [h * D * 3 + d * 3 + part for d in range(D)],
        "three d h": [part * H * D + d * H + h for d in range(D)],
    }[order]


@pytest.mark.parametrize("order", ["three h d", "h three d", "h d three", "three d h"])
def test_one_stacked_matrix_is_read_by_its_pattern(order):
    built, layout = stacked(order)
    heads = take(built, layout)
    for number, part in enumerate(("query", "key", "value")):
        for h in range(H):
            rows = rows_of(order, number, h)
            assert getattr(heads, part)[h].equal(built.qkv[rows])
            assert getattr(heads, f"{part}_bias")[h].equal(built.bias[rows])
    assert heads.scale == layout.scale


@pytest.mark.parametrize("merge", ["h d", "d h"])
def test_the_output_matrix_is_read_by_its_merge_order(merge):
    built, _ = stacked("three h d")
    layout = Layout(H, 1.0, ("qkv", "(three h d) c"), ("out", f"c ({merge})"))
    heads = take(built, layout)
    for h in range(H):
        for d in range(D):
            column = h * D + d if merge == "h d" else d * H + h
            assert heads.out[h, :, d].equal(built.out[:, column])


def test_a_matrix_with_channels_first_is_read_by_its_pattern():
    built = module(qkv=parameter(C, 3 * H * D), bias=parameter(3 * H * D), out=parameter(H * D, C))
    layout = Layout(H, 1.0, ("qkv", "c (three h d)"), ("out", "(h d) c"), "bias")
    heads = take(built, layout)
    assert heads.key[1].equal(built.qkv[:, H * D + D : H * D + 2 * D].mT)
    assert heads.key_bias[1].equal(built.bias[H * D + D : H * D + 2 * D])
    assert heads.out[1].equal(built.out[D:].mT)


def test_three_separate_matrices_and_some_of_their_biases():
    names = ("q", "k", "v")
    built = module(
        **{name: parameter(H * D, C) for name in names}, vb=parameter(H * D), out=parameter(C, 6)
    )
    heads = take(built, Layout(H, 1.0, (names, "(h d) c"), ("out", "c (h d)"), (None, None, "vb")))
    for h in range(H):
        assert heads.query[h].equal(built.q[h * D : (h + 1) * D])
        assert heads.key[h].equal(built.k[h * D : (h + 1) * D])
        assert heads.value[h].equal(built.v[h * D : (h + 1) * D])
        assert heads.value_bias[h].equal(built.vb[h * D : (h + 1) * D])
    assert heads.query_bias is None
    assert heads.key_bias is None
    assert heads.out_bias is None


def a_head_layout():
    return Layout(
        H,
        1.0,
        (("q.{h}.weight", "k.{h}.weight", "v.{h}.weight"), "d c"),
        ("out.{h}", "c d"),
        ("q.{h}.bias", "k.{h}.bias", "v.{h}.bias"),
        "bias",
    )


def test_one_matrix_a_head():
    built = one_a_head()
    heads = take(built, a_head_layout())
    for h in range(H):
        assert heads.query[h].equal(built.q[h].weight)
        assert heads.key[h].equal(built.k[h].weight)
        assert heads.value[h].equal(built.v[h].weight)
        assert heads.key_bias[h].equal(built.k[h].bias)
        assert heads.out[h].equal(built.out[h])
    assert heads.out_bias.equal(built.bias)


def grouped_layout(group):
    return Layout(
        H,
        1.0,
        (tuple(f"parts.qkv[{group}][{part}]" for part in range(3)), "h d c"),
        (f"parts.out[{group}]", "c (h d)"),
        tuple(f"parts.bias[{group}][{part}]" for part in range(3)),
        f"parts.out_bias[{group}]",
    )


def test_a_part_of_a_parameter_is_named_by_its_index():
    built = grouped()
    heads = take(built, grouped_layout(2))
    assert heads.query.equal(built.parts["qkv"][2, 0])
    assert heads.value.equal(built.parts["qkv"][2, 2])
    assert heads.key_bias.equal(built.parts["bias"][2, 1])
    assert heads.out[1].equal(built.parts["out"][2, :, D:])
    assert heads.out_bias.equal(built.parts["out_bias"][2])


WAYS = {
    **{
        order: lambda order=order: stacked(order)
        for order in ("three h d", "h three d", "h d three", "three d h")
    },
    "one a head": lambda: (one_a_head(), a_head_layout()),
    "indices": lambda: (grouped(), grouped_layout(1)),
}


@pytest.mark.parametrize("way", WAYS)
def test_what_is_put_is_what_is_taken(way):
    built, layout = WAYS[way]()
    wanted = take(stacked("three h d")[0], stacked("three h d")[1])  # other random numbers
    put(built, layout, wanted)
    for got, expected in zip(take(built, layout)[:-1], wanted[:-1], strict=True):
        assert got.equal(expected)


@pytest.mark.parametrize("way", WAYS)
def test_putting_what_was_taken_changes_nothing(way):
    built, layout = WAYS[way]()
    before = {name: parameter.detach().clone() for name, parameter in built.named_parameters()}
    put(built, layout, take(built, layout))
    for name, parameter in built.named_parameters():
        assert parameter.equal(before[name])
        assert parameter.requires_grad


def test_putting_one_group_leaves_the_others_alone():
    built = grouped()
    before = {name: parameter.detach().clone() for name, parameter in built.named_parameters()}
    put(built, grouped_layout(1), take(*stacked("three h d")))
    for name, parameter in built.named_parameters():
        assert parameter[0].equal(before[name][0])
        assert parameter[2].equal(before[name][2])
        assert (parameter[1] != before[name][1]).all()


def test_what_is_taken_is_a_copy_without_gradients():
    built, layout = stacked("three h d")
    heads = take(built, layout)
    before = [parameter.detach().clone() for parameter in built.parameters()]
    for part in heads[:-1]:
        assert not part.requires_grad
        part += 1.0
    assert all(
        parameter.equal(was) for parameter, was in zip(built.parameters(), before, strict=True)
    )


def test_a_bias_that_is_not_given_becomes_zero():
    built, layout = stacked("h three d")
    heads = take(built, layout)
    put(built, layout, heads._replace(**dict.fromkeys(BIASES)))
    assert built.bias.count_nonzero() == 0
    assert built.out_bias.count_nonzero() == 0
    assert take(built, layout).query.equal(heads.query)


# Refusals: with nothing written.


def refused(message, change, layout=None):
    built, fitting = stacked("three h d")
    heads = change(take(*stacked("three h d")))
    before = [parameter.detach().clone() for parameter in built.parameters()]
    with pytest.raises(ValueError, match=message):
        put(built, layout or fitting, heads)
    assert all(
        parameter.equal(was) for parameter, was in zip(built.parameters(), before, strict=True)
    )


BARE = Layout(H, 1.0, ("qkv", "(three h d) c"), ("out", "c (h d)"))


@pytest.mark.parametrize(
    ("bias", "said"),
    [
        ("query_bias", "no place for a query bias$"),
        ("key_bias", "no place for a key bias: drop_key_bias first"),
        ("value_bias", "no place for a value bias: move_value_bias first"),
        ("out_bias", "no place for an output bias$"),
    ],
)
def test_a_bias_without_a_place_is_refused(bias, said):
    others = dict.fromkeys(name for name in BIASES if name != bias)
    refused(said, lambda heads: heads._replace(**others), BARE)


def test_another_scale_is_refused_with_the_move_that_helps():
    refused(
        r"scale is 1\.0, the parameters' is 3\*\*-0\.5: absorb_scale first",
        lambda heads: heads._replace(scale=3**-0.5),
    )


def test_rounding_of_the_scale_is_let_through():
    built, layout = stacked("three h d")
    put(built, layout, take(built, layout)._replace(scale=1.0 + 1e-15))


def test_another_number_of_heads_or_width_is_refused():
    refused(
        r"query must be \(2, 3, 6\), got \(1, 6, 6\)",
        lambda heads: heads._replace(query=heads.query.view(1, 6, 6)),
    )
    refused(
        r"out must be \(2, 6, 3\), got \(2, 5, 3\)",
        lambda heads: heads._replace(out=heads.out[:, :5]),
    )
    refused(
        r"out_bias must be \(1, 6\), got \(1, 5\)",
        lambda heads: heads._replace(out_bias=heads.out_bias[:5]),
    )


@pytest.mark.parametrize("name", ["nothing", "qkv.weight", "0"])
def test_a_parameter_that_is_not_there_is_named_beside_those_that_are(name):
    built, _ = stacked("three h d")
    layout = Layout(H, 1.0, (name, "(three h d) c"), ("out", "c (h d)"))
    with pytest.raises(ValueError, match=f"'{name}' is no parameter of Module: qkv, bias, out"):
        take(built, layout)


@pytest.mark.parametrize(
    ("pattern", "heads"),
    [("(three h d)", H), ("(three h d) c x", H), ("(three h d) c", 5), ("(h d) c", H)],
)
def test_a_pattern_that_does_not_fit_is_named(pattern, heads):
    built, _ = stacked("three h d")
    with pytest.raises(ValueError, match=r"^query: qkv is not '.*': .") as error:
        take(built, Layout(heads, 1.0, ("qkv", pattern), ("out", "c (h d)")))
    assert repr(pattern) in str(error.value)


def test_a_bias_whose_pattern_does_not_fit_is_named():
    built = module(qkv=parameter(18, C), bias=parameter(17), out=parameter(C, 6))
    layout = Layout(H, 1.0, ("qkv", "(three h d) c"), ("out", "c (h d)"), "bias")
    with pytest.raises(ValueError, match=r"^query_bias: bias is not '\(three h d\)'"):
        take(built, layout)


# The layout as Python


@pytest.mark.parametrize("scale", [1.0, 0.5, 8**-0.5, 64**-0.5, 4096**-0.5, 5000**-0.5, 0.3, 2])
@pytest.mark.parametrize("way", WAYS)
def test_a_layout_prints_as_the_python_that_makes_it(way, scale):
    layout = WAYS[way]()[1]
    layout = Layout(**{**vars(layout), "scale": scale})
    assert eval(repr(layout)) == layout
    assert eval(repr(layout), {"Layout": Layout}).scale == scale  # to the last bit


def test_a_scale_is_shown_as_what_it_comes_from():
    assert "scale=8**-0.5," in repr(Layout(H, 8**-0.5, ("qkv", ""), ("out", "")))
    assert "scale=1.0," in repr(Layout(H, 1.0, ("qkv", ""), ("out", "")))
    assert "bias" not in repr(BARE)


def test_a_layout_says_where_each_part_is():
    _, layout = stacked("three h d")
    assert layout.place("key") == ("qkv", "(three h d) c", 1)
    assert layout.place("value_bias") == ("bias", "(three h d)", 2)
    assert layout.place("out") == ("out", "c (h d)", None)
    assert layout.place("out_bias") == ("out_bias", "c", None)
    assert a_head_layout().place("key_bias") == ("k.{h}.bias", "d", None)
    assert BARE.place("query_bias") is None
    assert BARE.place("out_bias") is None


# The moves, against the mathematics one number at a time


def plain(heads, x):
    """(L, C) -> (L, C), by loops."""
    length = len(x)
    y = torch.zeros(length, heads.out.shape[1], dtype=torch.float64)
    for h in range(len(heads.query)):
        q, k, v = (
            torch.stack([matrix[h] @ token for token in x])
            for matrix in (heads.query, heads.key, heads.value)
        )
        q, k, v = (
            part if bias is None else part + bias[h]
            for part, bias in ((q, heads.query_bias), (k, heads.key_bias), (v, heads.value_bias))
        )
        for i in range(length):
            powers = [math.exp(heads.scale * float(q[i] @ k[j])) for j in range(length)]
            for j in range(length):
                y[i] += heads.out[h] @ v[j] * powers[j] / sum(powers)
    return y if heads.out_bias is None else y + heads.out_bias


def random_heads(without=(), scale=0.7):
    normal = lambda *shape: torch.randn(*shape, dtype=torch.float64)
    matrices = (normal(H, D, C), normal(H, D, C), normal(H, D, C), normal(H, C, D))
    heads = Heads(*matrices, normal(H, D), normal(H, D), normal(H, D), normal(C), scale)
    return heads._replace(**dict.fromkeys(without))


def same_function(one, other):
    x = torch.randn(5, C, dtype=torch.float64)
    torch.testing.assert_close(plain(other, x), plain(one, x), rtol=0, atol=1e-12)


@pytest.mark.parametrize("without", [(), ("query_bias",)])
@pytest.mark.parametrize("scale", [1.0, 0.25, 3.0])
def test_absorbing_the_scale_leaves_the_function(without, scale):
    heads = random_heads(without)
    moved = absorb_scale(heads, scale)
    assert moved.scale == scale
    assert moved.key.equal(heads.key)
    same_function(heads, moved)


def test_absorbing_the_scale_makes_it_one_unless_told():
    assert absorb_scale(random_heads()).scale == 1.0


@pytest.mark.parametrize("without", [(), ("query_bias",)])
def test_dropping_the_key_bias_leaves_the_function(without):
    heads = random_heads(without)
    assert drop_key_bias(heads).key_bias is None
    same_function(heads, drop_key_bias(heads))


@pytest.mark.parametrize("without", [(), ("out_bias",)])
def test_moving_the_value_bias_leaves_the_function(without):
    heads = random_heads(without)
    moved = move_value_bias(heads)
    assert moved.value_bias is None
    assert moved.out_bias.shape == (C,)
    same_function(heads, moved)


def test_without_a_value_bias_there_is_nothing_to_move():
    heads = random_heads(["value_bias", "out_bias"])
    assert move_value_bias(heads) is heads


def test_the_moves_leave_what_they_are_given():
    heads = random_heads()
    before = [part.clone() for part in heads[:-1]]
    for move in (absorb_scale, drop_key_bias, move_value_bias):
        move(heads)
    assert all(part.equal(was) for part, was in zip(heads[:-1], before, strict=True))


def test_any_other_bias_does_change_the_function():
    # So that the checks above could have failed.
    heads = random_heads()
    x = torch.randn(5, C, dtype=torch.float64)
    for bias in ("query_bias", "value_bias", "out_bias"):
        assert (plain(heads._replace(**{bias: None}), x) - plain(heads, x)).abs().max() > 0.01


def test_stacked_heads_give_the_products_of_each():
    matrices = [torch.randn(D, C, dtype=torch.float64) for _ in range(4)]
    x = torch.randn(C, dtype=torch.float64)
    product = stack_heads(matrices) @ x
    for h, matrix in enumerate(matrices):
        torch.testing.assert_close(product[h * D : (h + 1) * D], matrix @ x)


@pytest.mark.parametrize("lead", [(), (2,)])
@pytest.mark.parametrize(("old", "new"), [("h d", "d h"), ("d h", "h d"), ("h d", "h d")])
def test_the_columns_of_the_output_matrix_move_one_by_one(old, new, lead):
    out = torch.randn(*lead, C, 8)
    column = {"h d": lambda h, d: h * 2 + d, "d h": lambda h, d: d * 4 + h}
    moved = permute_merge(out, 4, old, new)
    for h in range(4):
        for d in range(2):
            assert moved[..., column[new](h, d)].equal(out[..., column[old](h, d)])


@pytest.mark.parametrize(("old", "new", "named"), [("dh", "h d", "old"), ("h d", "hd", "new")])
def test_an_unknown_order_of_merging_is_refused(old, new, named):
    wrong = {"old": old, "new": new}[named]
    said = rf"{named} must be one of \('h d', 'd h'\), got '{wrong}'"
    with pytest.raises(ValueError, match=said):
        permute_merge(torch.zeros(C, 6), H, old, new)


def test_heads_that_do_not_divide_the_columns_are_refused():
    with pytest.raises(ValueError, match="heads=4 must divide the columns of out=6"):
        permute_merge(torch.zeros(C, 6), 4, "h d", "d h")


class FusedAHead(nn.Module):
    """One Linear a head, for its queries, keys and values together."""

    def __init__(self):
        super().__init__()
        self.heads = nn.ModuleList(nn.Linear(6, 9) for _ in range(2))
        self.out = nn.Linear(6, 6)


FUSED = Layout(2, 1.0, ("heads.{h}.weight", "(three d) c"), ("out.weight", "c (h d)"),
               qkv_bias="heads.{h}.bias", out_bias="out.bias")  # fmt: skip


def test_one_linear_a_head_for_all_three_is_read_and_written():
    module = FusedAHead()
    heads = take(module, FUSED)
    assert heads.key[1].equal(module.heads[1].weight[3:6])
    assert heads.value_bias[0].equal(module.heads[0].bias[6:9])
    other = FusedAHead()
    put(other, FUSED, heads)
    assert all(a.equal(b) for a, b in zip(module.parameters(), other.parameters(), strict=True))


@pytest.mark.parametrize(
    ("layout", "said"),
    [
        (replace(FUSED, out_bias="heads.{h}.bias"), "must be one parameter for all heads"),
        (
            replace(FUSED, out=("out.weight[7]", "(h d)")),
            r"'out.weight\[7\]' is no part of out.weight",
        ),
        (
            replace(FUSED, out=("out.weight[a]", "(h d)")),
            r"'out.weight\[a\]' is no part of out.weight",
        ),
    ],
)
def test_a_name_that_leads_nowhere_is_refused(layout, said):
    with pytest.raises(ValueError, match=said):
        take(FusedAHead(), layout)
