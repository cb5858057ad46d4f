"""The checks take their solutions, refuse their stubs, and name the known wrong answers."""

import math

import numpy as np
import pytest
import torch
from einops import einsum, reduce
from torch.nn import functional

from attnlib import attention
from attnlib.course.lessons import exercise
from attnlib.course.lessons.by_hand import exercises
from attnlib.course.lessons.by_hand.figures import plot_lookup, plot_row, read_lookup
from tests.course.lessons.named import assert_named


def powers_by_sums(sums):
    """exp of the scores, divided by a function of them."""
    return lambda scores: scores.exp() / sums(scores.exp())


WRONG_SOFTMAX = {
    "Not written yet": lambda scores: None,
    "must return a torch.Tensor": lambda scores: scores.softmax(-1).tolist(),
    "scores as they came": lambda scores: scores + 0,
    "exp but do not divide": lambda scores: math.e**scores,
    "It is the sum that must be 1": lambda scores: (scores - scores.amax(-1, True)).exp(),
    "You multiply by the sum": lambda scores: scores.exp() * scores.exp().sum(-1)[..., None],
    "softmax takes exp": lambda scores: 1 / (1 + (-scores).exp()),
    "[:, None] and unsqueeze(1)": powers_by_sums(lambda powers: powers.sum(-1).unsqueeze(1)),
    "or takes its place, as in F.normalize": lambda scores: functional.normalize(
        scores.exp(), p=1, dim=-1
    ),
    "The columns sum to 1": powers_by_sums(lambda powers: powers.sum(-2, keepdim=True)),
    "The whole table sums to 1": powers_by_sums(lambda powers: powers.sum()),
    "Axis 1 is the last axis only": powers_by_sums(lambda powers: powers.sum(1, keepdim=True)),
    "A whole table sums to 1": lambda scores: torch.stack(
        [row.exp() / sum(score.exp() for score in row.flatten()) for row in scores]
    ),
    "put the new axis in second place": powers_by_sums(lambda powers: powers.sum(-1)[:, None]),
    "exp is missing": lambda scores: scores / scores.sum(-1, keepdim=True),
    "The largest weight of each row is 1": powers_by_sums(
        lambda powers: powers.max(-1, keepdim=True)[0]
    ),
    "divide by the mean": powers_by_sums(lambda powers: powers.mean(-1)[..., None]),
    "divide by the number of keys": lambda scores: scores.exp() / scores.size(1),
    "2 to the power": lambda scores: torch.exp2(scores) / torch.exp2(scores).sum(-1, keepdim=True),
    "10 to the power": lambda scores: 10**scores / (10**scores).sum(-1, keepdim=True),
    "The sign is turned": lambda scores: (-scores).exp() / (-scores).exp().sum(-1, keepdim=True),
    "You take |score|": lambda scores: functional.normalize(scores, p=1, dim=-1).abs(),
    "You take exp of |score|": lambda scores: scores.abs().softmax(-1),
    "the square of the score": lambda scores: functional.normalize(scores, dim=-1) ** 2,
    "keepdim=True. (You divide": powers_by_sums(lambda powers: powers.sum(1)),
    "take exp first, then sum": lambda scores: scores.exp() / scores.sum(-1, keepdim=True),
    "You take exp of the sum": lambda scores: (scores - scores.sum(-1, keepdim=True)).exp(),
    "exp comes last": lambda scores: (scores / scores.sum(-1, keepdim=True)).exp(),
    "(its norm)": lambda scores: functional.normalize(scores.exp(), dim=-1),
    "logarithms of the weights": lambda scores: scores - scores.logsumexp(-1, keepdim=True),
    "a hard choice": lambda scores: functional.one_hot(scores.argmax(-1), scores.shape[-1]).float(),
    "the sigmoid of each score": lambda scores: (
        scores.sigmoid() / scores.sigmoid().sum(-1, keepdim=True)
    ),
    "a small number is added to its sum": powers_by_sums(
        lambda powers: powers.sum(-1, keepdim=True) + 1e-9
    ),
    "the largest score of all": lambda scores: exercises.softmax(scores - scores.max()),
    "You subtract the mean of the row": lambda scores: exercises.softmax(
        scores - scores.mean(-1, keepdim=True)
    ),
    "the shape must be (4, 4), and is (16,)": lambda scores: scores.flatten().softmax(0),
    "scores of shape (4, 4) it stopped with IndexError": lambda scores: scores.softmax(2),
    "the value at [0, 0] should be": lambda scores: torch.zeros_like(scores),
    "float64 comes out less exact": lambda scores: exercises.softmax(scores.float()).to(scores),
    "not their gradients": lambda scores: exercises.softmax(scores.detach()),
}


@pytest.mark.parametrize(("words", "answer"), WRONG_SOFTMAX.items(), ids=WRONG_SOFTMAX)
def test_a_wrong_softmax_is_named(words, answer):
    assert_named("by_hand.softmax", answer, words)


def test_powers_that_are_written_in_place_are_told_so():
    def in_place(scores):
        scores.exp_()
        return scores / scores.sum(-1, keepdim=True)

    assert_named("by_hand.softmax", in_place, "changes its arguments")


def row_by_row(scores):
    rows = [row.exp() / sum(score.exp() for score in row) for row in scores.flatten(0, -2)]
    return torch.stack(rows).view(scores.shape)


RIGHT_SOFTMAX = {
    "less the largest": lambda scores: powers_by_sums(lambda powers: powers.sum(-1, keepdim=True))(
        scores - scores.amax(-1, keepdim=True)
    ),
    "None for keepdim": powers_by_sums(lambda powers: powers.sum(-1)[..., None]),
    "turned twice": lambda scores: (scores.exp().mT / scores.exp().sum(-1)[..., None, :]).mT,
    "a power of e": lambda scores: torch.e**scores / (torch.e**scores).sum(-1, keepdim=True),
    "by its norm": lambda scores: functional.normalize(scores.exp(), p=1, dim=-1, eps=0),
    "by logarithms": lambda scores: (scores - scores.exp().sum(-1, keepdim=True).log()).exp(),
    "by einsum": powers_by_sums(lambda powers: torch.einsum("...m -> ...", powers).unsqueeze(-1)),
    "by einops": powers_by_sums(lambda powers: reduce(powers, "... m -> ... 1", "sum")),
    "by ones": powers_by_sums(lambda powers: powers @ torch.ones_like(powers[..., :1, :]).mT),
    "a loop": row_by_row,
}


@pytest.mark.parametrize("answer", RIGHT_SOFTMAX.values(), ids=RIGHT_SOFTMAX)
def test_another_right_softmax_passes(answer):
    assert exercise("by_hand.softmax").check(answer).right


def test_a_softmax_of_another_file_is_not_taken_for_a_ready_made_one():
    file = {"__name__": "homework"}
    exec("def softmax(scores):\n    return scores.exp() / scores.exp().sum(-1, True)\n", file)
    assert exercise("by_hand.softmax").check(file["softmax"]).right


READY_SOFTMAX = {
    "a method": lambda scores: scores.softmax(-1),
    "torch": lambda scores: torch.softmax(scores, -1),
    "functional": lambda scores: functional.softmax(scores, dim=-1),
    "special": lambda scores: torch.special.softmax(scores, -1),
    "a module": torch.nn.Softmax(-1),
    "a kernel": lambda scores: torch.ops.aten._softmax(scores, -1, False),
    "its logarithm": lambda scores: scores.log_softmax(-1).exp(),
    "of the negative": lambda scores: functional.softmin(-scores, dim=-1),
}


@pytest.mark.parametrize("answer", READY_SOFTMAX.values(), ids=READY_SOFTMAX)
def test_a_softmax_that_is_not_written_is_refused(answer):
    assert_named("by_hand.softmax", answer, "and that is what you are to write")


def weighed(scores, dim=-1):
    """Attention by a function of q, k, scale and bias, and its softmax over that axis."""

    def answer(q, k, v, scale, bias=0):
        weights = torch.softmax(scores(q, k, scale, bias), dim)
        return torch.matmul(weights, v), weights

    return answer


def scored(q, k, scale, bias):
    return torch.matmul(q, k.transpose(-2, -1)) * scale + bias


def given(found):
    """Something made of the right weights, v and k."""

    def answer(q, k, v, scale, bias=0):
        return found(scored(q, k, scale, bias).softmax(-1), v, k)

    return answer


def no_softmax(q, k, v, scale, bias=0):
    return scored(q, k, scale, bias) @ v, scored(q, k, scale, bias)


def powers_alone(q, k, v, scale, bias=0):
    powers = scored(q, k, scale, bias).exp()
    return powers @ v, powers


def scaled_late(q, k, v, scale, bias=0):
    weights = scale * (q @ k.mT + bias).softmax(-1)
    return weights @ v, weights


def output_scaled(q, k, v, scale, bias=0):
    weights = (q @ k.mT + bias).softmax(-1)
    return scale * (weights @ v), weights


def bias_late(q, k, v, scale, bias=0):
    weights = (scale * q @ k.mT).softmax(-1) + bias
    return weights @ v, weights


def scores_for_a_map(q, k, v, scale, bias=0):
    scores = scored(q, k, scale, bias)
    return exercises.softmax(scores) @ v, scores


WRONG_ATTEND = {
    "Not written yet": lambda q, k, v, scale, bias=0: None,
    "The scale is missing": weighed(lambda q, k, scale, bias: q @ k.mT + bias),
    "this lesson's examples": weighed(lambda q, k, scale, bias: q @ k.mT / 64**0.5 + bias),
    "examples. The one to use": weighed(lambda q, k, scale, bias: q @ k.mT * 2**-0.5 + bias),
    "You take 1/√D": weighed(lambda q, k, scale, bias: q @ k.mT / math.sqrt(q.size(-1)) + bias),
    "`scale` and 1/√D": weighed(
        lambda q, k, scale, bias: scale * q @ k.mT * q.size(-1) ** -0.5 + bias
    ),
    "You divide by the scale": weighed(lambda q, k, scale, bias: q @ k.mT / scale + bias),
    "The scale is in twice": weighed(lambda q, k, scale, bias: (q * scale) @ (k * scale).mT + bias),
    "the root of the scale": weighed(lambda q, k, scale, bias: q @ k.mT * math.sqrt(scale) + bias),
    "the root of `scale`, as of D": weighed(lambda q, k, scale, bias: q @ k.mT / scale**0.5 + bias),
    "The scale comes after softmax": scaled_late,
    "after softmax: scale the scores": output_scaled,
    "The bias is missing": weighed(lambda q, k, scale, bias: scale * q @ k.mT),
    "You subtract the bias": weighed(lambda q, k, scale, bias: scored(q, k, scale, -bias)),
    "You multiply by the bias": weighed(lambda q, k, scale, bias: scored(q, k, scale, 0) * bias),
    "The scale multiplies the bias": weighed(lambda q, k, scale, bias: scale * (bias + q @ k.mT)),
    "The bias comes after softmax": bias_late,
    "The bias is turned": weighed(lambda q, k, scale, bias: scored(q, k, scale, bias.mT)),
    "k is not turned": weighed(lambda q, k, scale, bias: q @ k * scale + bias),
    "You turn q in place of k": weighed(lambda q, k, scale, bias: scale * q.mT @ k + bias),
    "query i with key i only": weighed(lambda q, k, scale, bias: scale * (q * k).sum(1) + bias),
    "Each query must meet each key": weighed(lambda q, k, scale, bias: q * k * scale + bias),
    "Queries and keys are exchanged": weighed(lambda q, k, scale, bias: scored(k, q, scale, bias)),
    "You turn axes 0 and 1": weighed(
        lambda q, k, scale, bias: q @ k.transpose(1, 0) * scale + bias
    ),
    "You reverse all axes": weighed(
        lambda q, k, scale, bias: scale * q @ (k.mT if k.dim() == 2 else k.permute(2, 1, 0)) + bias
    ),
    "Softmax runs over the queries": weighed(scored, -2),
    "Softmax runs over axis 1": weighed(scored, 1),
    "Softmax runs over the whole table": lambda q, k, v, scale, bias=0: (
        given(lambda weights, v, k: (weights @ v, weights))(q, k, v, scale, bias)
        if k.dim() > 2
        else whole_table(q, k, v, scale, bias)
    ),
    "Softmax is missing": no_softmax,
    "exp without the division": powers_alone,
    "The sum of a row has lost its axis": lambda q, k, v, scale, bias=0: (
        (weights := (x := scored(q, k, scale, bias).exp()) / x.sum(-1)) @ v,
        weights,
    ),
    "Softmax is taken twice": weighed(lambda *all_of_it: scored(*all_of_it).softmax(-1)),
    "The weights are turned (.T)": given(lambda weights, v, k: (weights.mT @ v, weights)),
    "before they meet v": given(lambda weights, v, k: (weights.mT @ v, weights.mT)),
    "The map is turned": given(lambda weights, v, k: (weights @ v, weights.mT)),
    "v is turned (.T)": given(lambda weights, v, k: (weights @ v.mT, weights)),
    "The weights stand on the left of v": given(lambda weights, v, k: (v @ weights, weights)),
    "weights * v multiplies": given(lambda weights, v, k: (weights * v, weights)),
    "You average the keys": given(lambda weights, v, k: (weights @ k, weights)),
    "You average the queries": lambda q, k, v, scale, bias=0: given(
        lambda weights, v, k: (weights @ q, weights)
    )(q, k, v, scale, bias),
    "without weights": given(lambda weights, v, k: (v.sum(-2).expand_as(v), weights)),
    "All keys get the same weight": weighed(lambda *all_of_it: torch.zeros(4, 4)),
    "the output comes first": given(lambda weights, v, k: (weights, weights @ v)),
    "This is the output alone": given(lambda weights, v, k: weights @ v),
    "These are the weights": given(lambda weights, v, k: weights),
    "These are the scores": lambda q, k, v, scale, bias=0: scored(q, k, scale, bias),
    "The map is to hold the weights": scores_for_a_map,
    "it stopped with TypeError": lambda q, k, v, scale, bias: weighed(scored)(q, k, v, scale, bias),
    "stopped with RuntimeError": lambda q, k, v, scale, bias=0: weighed(scored)(q, k, v.mT[:2], 1),
    "in result 1, the shape must be (4, 4), and is (1, 4, 4)": given(
        lambda weights, v, k: (weights @ v, weights[None])
    ),
    "there must be 2 results, and there are 3": given(
        lambda weights, v, k: (weights @ v, weights, v)
    ),
    "float64 comes out less exact": given(
        lambda weights, v, k: ((weights.float() @ v.float()).to(v), weights)
    ),
    "not their gradients": given(lambda weights, v, k: (weights.detach() @ v, weights)),
}


def whole_table(q, k, v, scale, bias=0):
    weights = scored(q, k, scale, bias).flatten().softmax(0).view(len(q), len(k))
    return weights @ v, weights


@pytest.mark.parametrize(("words", "answer"), WRONG_ATTEND.items(), ids=WRONG_ATTEND)
def test_a_wrong_attend_is_named(words, answer):
    assert_named("by_hand.attend", answer, words)


def test_a_bias_that_is_turned_off_by_a_small_number_is_seen():
    """-inf must give 0; clamped to -10 it does not."""
    clamped = weighed(
        lambda q, k, scale, bias: scored(q, k, scale, torch.as_tensor(bias).clamp(-10))
    )
    assert_named("by_hand.attend", clamped, "bias of shape (3, 6)")


def query_by_query(q, k, v, scale, bias=0):
    """For plain axes; the others one after the other."""
    if max(q.dim(), k.dim()) > 2:
        bias = torch.as_tensor(bias).broadcast_to(*q.shape[:-1], k.shape[-2])
        pairs = [query_by_query(*each, scale, b) for *each, b in zip(q, k, v, bias, strict=True)]
        return tuple(map(torch.stack, zip(*pairs, strict=True)))
    rows = []
    for query, added in zip(q, torch.as_tensor(bias).expand(len(q), len(k)), strict=True):
        powers = torch.stack([(scale * query.dot(key)).exp() for key in k]) * added.exp()
        rows.append(powers / powers.sum())
    return torch.stack([sum(w * x for w, x in zip(row, v, strict=True)) for row in rows]), (
        torch.stack(rows)
    )


RIGHT_ATTEND = {
    "PyTorch's softmax": weighed(scored),
    "the queries scaled": weighed(lambda q, k, scale, bias: (q * scale) @ k.mT + bias),
    "the keys scaled": weighed(lambda q, k, scale, bias: q @ (k * scale).mT + bias),
    "the bias first": weighed(lambda q, k, scale, bias: bias + q @ k.mT * scale),
    "softmax of the columns": lambda q, k, v, scale, bias=0: (
        (weights := scored(q, k, scale, bias).mT.softmax(-2).mT) @ v,
        weights,
    ),
    "no bias but a given one": lambda q, k, v, scale, bias=None: weighed(scored)(
        q, k, v, scale, 0 if bias is None else bias
    ),
    "a list": lambda q, k, v, scale, bias=0: [*weighed(scored)(q, k, v, scale, bias)],
    "einsum": weighed(
        lambda q, k, scale, bias: torch.einsum("...id, ...jd -> ...ij", q, k) * scale + bias
    ),
    "einops": weighed(
        lambda q, k, scale, bias: einsum(q, k, "... i d, ... j d -> ... i j") * scale + bias
    ),
    "a large broadcast": weighed(
        lambda q, k, scale, bias: (q[..., None, :] * k[..., None, :, :]).sum(-1) * scale + bias
    ),
    "a loop": query_by_query,
}


@pytest.mark.parametrize("answer", RIGHT_ATTEND.values(), ids=RIGHT_ATTEND)
def test_another_right_attend_passes(answer):
    assert exercise("by_hand.attend").check(answer).right


def with_the_map(attended):
    """The output of something ready-made, and the map by hand."""

    def answer(q, k, v, scale, bias=0):
        weights = scored(q, k, scale, bias).softmax(-1)
        mask = torch.as_tensor(bias).to(q).broadcast_to(weights.shape)
        return attended(q, k, v, scale, mask), weights

    return answer


def in_attnlib(q, k, v, scale, bias):
    q, k, v, bias = (x if x.dim() > 2 else x[None] for x in (q, k, v, bias))
    return attention(q, k, v, scale=scale, bias=bias)[0]


READY_ATTEND = {
    "functional": lambda q, k, v, scale, bias: functional.scaled_dot_product_attention(
        q, k, v, attn_mask=bias, scale=scale
    ),
    "a kernel": lambda q, k, v, scale, bias: torch.ops.aten.scaled_dot_product_attention(
        q, k, v, attn_mask=bias, scale=scale
    ),
    "attnlib": lambda q, k, v, scale, bias: in_attnlib(q, k, v, scale, bias).reshape(
        *q.shape[:-1], v.shape[-1]
    ),
}


@pytest.mark.parametrize("attended", READY_ATTEND.values(), ids=READY_ATTEND)
def test_an_attend_that_is_not_written_is_refused(attended):
    assert_named("by_hand.attend", with_the_map(attended), "and that is what you are to write")


def test_of_two_results_the_one_that_differs_is_shown():
    turned = given(lambda weights, v, k: (weights @ v, weights.mT))
    assert "(3, 6)" in exercise("by_hand.attend").check(turned).tables
    wide = given(lambda weights, v, k: (2 * weights @ v, weights))
    assert "(3, 2)" in exercise("by_hand.attend").check(wide).tables


def test_the_loops_give_what_the_solutions_give():
    generator = torch.Generator().manual_seed(0)
    q, k, v, bias = (
        torch.randn(n, d, generator=generator) for n, d in ((3, 4), (5, 4), (5, 2), (3, 5))
    )
    torch.testing.assert_close(exercises.softmax_in_a_loop(bias), exercises.softmax(bias))
    looped = exercises.attend_in_a_loop(q, k, v, 0.3, bias)
    torch.testing.assert_close(looped, exercises.attend(q, k, v, 0.3, bias))


WRONG_SCALES = {
    "Not written yet": lambda width, s, t: None,
    "must return float, and returned str": lambda width, s, t: "1/√D",
    "That is 1/D:": lambda width, s, t: 1 / width,
    "That is 1/(s·t·D)": lambda width, s, t: 1 / (width * s * t),
    "That is √D": lambda width, s, t: math.sqrt(width),
    "the spread of q·k itself": lambda width, s, t: math.sqrt(width) * s * t,
    "fits spreads of 1 only": lambda width, s, t: 1 / math.sqrt(width),
    "The width is missing": lambda width, s, t: 1 / s / t,
    "The scale is 1 here": lambda width, s, t: 1,
    "You multiply by s·t": lambda width, s, t: s * t / math.sqrt(width),
    "it is s·t, not s + t": lambda width, s, t: 1 / (s + t) / math.sqrt(width),
    "Only D stands under the root": lambda width, s, t: 1 / math.sqrt(s * t * width),
    "the variance of q·k": lambda width, s, t: 1 / (width * s**2 * t**2),
    "You take s² and t²": lambda width, s, t: 1 / (s**2 * t**2 * math.sqrt(width)),
    "The spread t of k is missing": lambda width, s, t: 1 / (s * math.sqrt(width)),
    "The spread s of q is missing": lambda width, s, t: 1 / (t * math.sqrt(width)),
    "That is s/(t·√D)": lambda width, s, t: s / t / math.sqrt(width),
    "That is t/(s·√D)": lambda width, s, t: t / s / math.sqrt(width),
    "the result should be 0.08333, and is 0.01389": lambda width, s, t: 0.5 / 36,
    "width=64, s=1.0, t=1.0 the result should be": lambda width, s, t: 0.125 / 1.5,
    "width=49, s=2.0, t=1.0": lambda width, s, t: 0.125 / s / t,
}


@pytest.mark.parametrize(("words", "answer"), WRONG_SCALES.items(), ids=WRONG_SCALES)
def test_wrong_scales_are_named(words, answer):
    assert_named("by_hand.fitting_scale", answer, words)


def test_other_right_scales_pass():
    def by_variances(width, s, t):
        return (width * s**2 * t**2) ** -0.5

    def as_a_tensor(width, s, t):
        return 1 / (s * t * torch.tensor(width).sqrt())

    assert exercise("by_hand.fitting_scale").check(by_variances).right
    assert exercise("by_hand.fitting_scale").check(as_a_tensor).right


def test_the_fitting_scale_gives_scores_of_spread_one():
    torch.manual_seed(0)
    q, k = 0.3 * torch.randn(400, 48), 5 * torch.randn(400, 48)
    scores = exercises.fitting_scale(48, 0.3, 5.0) * q @ k.T
    assert scores.std().item() == pytest.approx(1, abs=0.02)


MISTAKES = {
    "by_hand.softmax": exercises.SOFTMAX_MISTAKES,
    "by_hand.attend": exercises.ATTEND_MISTAKES,
    "by_hand.fitting_scale": exercises.SCALE_MISTAKES,
}


@pytest.mark.parametrize("key", MISTAKES)
def test_every_mistake_that_is_listed_is_told_by_its_own_sentence(key):
    for sentence, wrong, *_ in MISTAKES[key]:
        assert_named(key, wrong, sentence)


# The pictures of the lookup


@pytest.fixture
def lookup():
    """Ten keys of three classes; key 8 gets the largest weight, class 1 the vote."""
    keys = torch.arange(10.0)[:, None, None].expand(10, 2, 3) / 10
    labels = torch.tensor([0, 1, 1, 1, 1, 0, 0, 2, 8, 8])
    weights = torch.tensor([0.05, 0.12, 0.13, 0.14, 0.16, 0.06, 0.07, 0.01, 0.18, 0.08])
    vote = torch.zeros(9).index_add(0, labels, weights)
    return torch.full((2, 3), 0.5), keys, labels, weights, vote


def test_a_lookup_shows_the_query_its_eight_largest_keys_and_the_vote(lookup):
    query, keys, labels, weights, vote = lookup
    figure = plot_lookup(*lookup)
    first, *eight, bars = figure.get_axes()
    np.testing.assert_array_equal(first.images[0].get_array(), query)
    order = [8, 4, 3, 2, 1, 9, 6, 5]
    drawn = [axis.images[0].get_array()[0, 0] for axis in eight]
    assert drawn == pytest.approx([key / 10 for key in order])
    assert eight[0].get_title() == "an 8: 0.1800"
    assert eight[1].get_title() == "a 1: 0.1600"
    assert {axis.images[0].get_clim() for axis in (first, *eight)} == {(0, 1)}
    assert [bar.get_height() for bar in bars.patches] == pytest.approx(vote.tolist())
    (winner,) = {bar.get_facecolor() for bar in bars.patches[1:2]}
    assert [bar.get_facecolor() == winner for bar in bars.patches] == [False, True, *[False] * 7]


def test_the_sentence_reads_out_the_largest_weight_and_the_vote(lookup):
    assert read_lookup(*lookup[2:]) == (
        "The largest weight is 0.1800, 1.8 times the mean; it goes to key 8, an 8. "
        "The vote is for 1, with 0.550; next is 8 with 0.260."
    )


def test_a_lookup_of_numbers_that_do_not_fit_is_refused(lookup):
    query, keys, labels, weights, vote = lookup
    with pytest.raises(ValueError, match="must be as many, got 10, 9 and 10"):
        plot_lookup(query, keys, labels[:9], weights, vote)
    with pytest.raises(ValueError, match="keys must be at least 8, got 7"):
        plot_lookup(query, keys[:7], labels[:7], weights[:7], vote)


def test_a_row_of_pictures_has_a_title_above_each():
    pictures = [torch.zeros(2, 2), torch.ones(3, 2)]
    figure = plot_row(pictures, ["one", "two\nlines"])
    assert [axis.get_title() for axis in figure.axes] == ["one", "two\nlines"]
    for axis, picture in zip(figure.axes, pictures, strict=True):
        np.testing.assert_array_equal(axis.images[0].get_array(), picture)
        assert axis.images[0].get_clim() == (0, 1)
    with pytest.raises(ValueError, match="titles must be one for each picture, got 1 for 2"):
        plot_row(pictures, ["one"])
    with pytest.raises(ValueError, match="titles must be one for each picture, got 0 for 0"):
        plot_row([], [])
