"""The checks take their solutions, refuse their stubs, and name the known wrong answers."""

import math

import numpy as np
import pytest
import torch
from torch.nn import functional

from attnlib import attention
from attnlib.course.lessons import exercise
from attnlib.course.lessons.by_hand import exercises
from attnlib.course.lessons.by_hand.figures import plot_lookup, plot_row, read_lookup
from tests.course.lessons.named import assert_named

WRONG_ROWS = {
    "Not written yet": lambda scores: None,
    "must return a torch.Tensor": lambda scores: scores.softmax(-1).tolist(),
    "scores as they came": lambda scores: scores + 0,
    "exp but do not divide": lambda scores: math.e**scores,
    "The columns sum to 1": lambda scores: scores.exp() / scores.exp().sum(0),
    "The whole table sums to 1": lambda scores: scores.exp() / scores.exp().sum(),
    "exp is missing": lambda scores: scores / scores.sum(-1, keepdim=True),
    "divide by the largest": lambda scores: scores.exp() / scores.exp().max(-1, keepdim=True)[0],
    "divide by the mean": lambda scores: scores.exp() / scores.exp().mean(1)[:, None],
    "divide by the number of keys": lambda scores: scores.exp() / scores.size(1),
    "2 to the power": lambda scores: torch.exp2(scores) / torch.exp2(scores).sum(-1, keepdim=True),
    "10 to the power": lambda scores: 10**scores / (10**scores).sum(-1, keepdim=True),
    "The sign is turned": lambda scores: (-scores).exp() / (-scores).exp().sum(1, keepdim=True),
    "You take |score|": lambda scores: functional.normalize(scores, p=1, dim=-1).abs(),
    "the square of the score": lambda scores: functional.normalize(scores, dim=-1) ** 2,
    "keepdim=True": lambda scores: scores.exp() / scores.exp().sum(1),
    "take exp first, then sum": lambda scores: scores.exp() / scores.sum(1, keepdim=True),
    "exp comes last": lambda scores: (scores / scores.sum(1, keepdim=True)).exp(),
    "(its norm)": lambda scores: functional.normalize(scores.exp(), dim=-1),
    "logarithms of the weights": lambda scores: scores - scores.logsumexp(-1, keepdim=True),
    "a hard choice": lambda scores: functional.one_hot(scores.argmax(-1), scores.shape[-1]).float(),
    "the sigmoid of each score": lambda scores: (
        scores.sigmoid() / scores.sigmoid().sum(-1, keepdim=True)
    ),
    "the shape must be (4, 4), and is (16,)": lambda scores: scores.flatten().softmax(0),
    "scores of shape (4, 4) it stopped with IndexError": lambda scores: scores.softmax(2),
    "the value at [0, 0] should be": lambda scores: torch.zeros_like(scores),
}


@pytest.mark.parametrize(("words", "answer"), WRONG_ROWS.items(), ids=WRONG_ROWS)
def test_wrong_rows_are_named(words, answer):
    assert_named("by_hand.rows_to_weights", answer, words)


def test_rows_that_are_written_in_place_are_told_so():
    def in_place(scores):
        scores.exp_()
        return scores / scores.sum(-1, keepdim=True)

    assert_named("by_hand.rows_to_weights", in_place, "changes its arguments")


def rows_in_a_loop(scores):
    rows = []
    for row in scores:
        powers = [math.exp(score) for score in row]
        rows.append([power / sum(powers) for power in powers])
    return torch.tensor(rows)


RIGHT_ROWS = {
    "softmax": lambda scores: scores.softmax(-1),
    "two axes": lambda scores: scores.softmax(1),
    "less the largest": lambda scores: exercises.rows_to_weights(
        scores - scores.amax(-1, keepdim=True)
    ),
    "None for keepdim": lambda scores: scores.exp() / scores.exp().sum(1)[:, None],
    "turned twice": lambda scores: (scores.exp().T / scores.exp().sum(1)).T,
    "a power of e": lambda scores: torch.e**scores / (torch.e**scores).sum(-1, keepdim=True),
    "by its norm": lambda scores: functional.normalize(scores.exp(), p=1, dim=-1),
    "by logarithms": lambda scores: (scores - scores.exp().sum(-1, keepdim=True).log()).exp(),
    "a loop": rows_in_a_loop,
}


@pytest.mark.parametrize("answer", RIGHT_ROWS.values(), ids=RIGHT_ROWS)
def test_other_right_rows_pass(answer):
    assert exercise("by_hand.rows_to_weights").check(answer) == "✔ Right."


def scaled(scale, dim=-1):
    return lambda q, k, v: torch.softmax(torch.matmul(q, k.mT) * scale(q, k, v), dim) @ v


def root(q):
    return 1 / math.sqrt(q.size(1))


WRONG_LOOKUPS = {
    "Not written yet": lambda q, k, v: None,
    "returned tuple": lambda q, k, v: tuple(q),
    "The scale is missing": lambda q, k, v: (q @ k.T).softmax(-1) @ v,
    "You divide by D:": scaled(lambda q, k, v: 1 / q.size(1)),
    "You multiply by √D": scaled(lambda q, k, v: 1 / root(q)),
    "You divide by D²": scaled(lambda q, k, v: q.size(1) ** -2.0),
    "the root of a number of tokens": scaled(lambda q, k, v: 1 / math.sqrt(len(q))),
    "root of the width of v": scaled(lambda q, k, v: root(v)),
    "Softmax runs over the queries": scaled(lambda q, k, v: root(q), dim=0),
    "Softmax runs over the whole table": lambda q, k, v: (
        (q @ k.T * root(q)).exp() / (q @ k.T * root(q)).exp().sum() @ v
    ),
    "These are the weights": lambda q, k, v: (q @ k.T * root(q)).softmax(-1),
    "These are the scores": lambda q, k, v: root(q) * (k @ q.T).T,
    "Softmax is missing": lambda q, k, v: q * root(q) @ k.T @ v,
    "exp without the division": lambda q, k, v: (q @ k.T * root(q)).exp() @ v,
    "Queries and keys are exchanged": lambda q, k, v: (k @ q.T * root(q)).softmax(-1) @ v,
    "The weights are turned (.T)": lambda q, k, v: (k @ q.T * root(q)).softmax(0) @ v,
    "You average the keys": lambda q, k, v: (q @ k.T * root(q)).softmax(-1) @ k,
    "The scale comes after softmax": lambda q, k, v: (q @ k.T).softmax(-1) @ v * root(q),
    "without weights": lambda q, k, v: torch.ones(len(q), len(k)) @ v,
    "All keys get the same weight": lambda q, k, v: (q @ k.T * 0).softmax(-1) @ v,
    "stopped with RuntimeError": lambda q, k, v: (q @ k / q.size(1) ** 0.5).softmax(-1) @ v,
    "the shape must be (4, 5), and is (1, 4, 5)": lambda q, k, v: attention(
        q[None], k[None], v[None]
    )[0],
}


@pytest.mark.parametrize(("words", "answer"), WRONG_LOOKUPS.items(), ids=WRONG_LOOKUPS)
def test_wrong_lookups_are_named(words, answer):
    assert_named("by_hand.attention_by_hand", answer, words)


def test_a_scale_of_the_number_of_keys_is_found():
    # Where the tokens are as many it cannot be told from that of the queries; neither is right.
    assert_named(
        "by_hand.attention_by_hand", scaled(lambda q, k, v: len(k) ** -0.5), "of a number of tokens"
    )


def test_a_lookup_that_fits_one_width_only_does_not_pass():
    assert_named("by_hand.attention_by_hand", scaled(lambda q, k, v: 3**-0.5), "q of shape (3, 8)")


def lookup_in_a_loop(q, k, v):
    outputs = []
    for query in q:
        scores = torch.stack([(query * key).sum() for key in k]) / len(query) ** 0.5
        weights = scores.exp() / scores.exp().sum()
        outputs.append(sum(weight * value for weight, value in zip(weights, v, strict=True)))
    return torch.stack(outputs)


RIGHT_LOOKUPS = {
    "rows_to_weights": lambda q, k, v: exercises.rows_to_weights(q @ k.T * root(q)) @ v,
    "the queries scaled": lambda q, k, v: (q * root(q) @ k.T).softmax(-1) @ v,
    "softmax of the columns": lambda q, k, v: (k @ q.T * root(q)).softmax(0).T @ v,
    "einsum": lambda q, k, v: torch.einsum(
        "ij, jd -> id", (torch.einsum("id, jd -> ij", q, k) * root(q)).softmax(-1), v
    ),
    "attnlib": lambda q, k, v: attention(q[None], k[None], v[None])[0][0],
    "PyTorch": functional.scaled_dot_product_attention,
    "a loop": lookup_in_a_loop,
}


@pytest.mark.parametrize("answer", RIGHT_LOOKUPS.values(), ids=RIGHT_LOOKUPS)
def test_other_right_lookups_pass(answer):
    assert exercise("by_hand.attention_by_hand").check(answer) == "✔ Right."


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
    "by_hand.rows_to_weights": exercises.ROW_MISTAKES,
    "by_hand.attention_by_hand": exercises.LOOKUP_MISTAKES,
    "by_hand.fitting_scale": exercises.SCALE_MISTAKES,
}


@pytest.mark.parametrize("key", MISTAKES)
def test_every_mistake_that_is_listed_is_told_by_its_own_sentence(key):
    for sentence, wrong in MISTAKES[key]:
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
