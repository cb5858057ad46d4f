"""Rows that sum to one, attention from them, and the scale that fits the numbers."""

import torch

from attnlib.course.language import N_
from attnlib.course.widgets.checking import find_mistake
from attnlib.course.widgets.exercise import Exercise


def rows_to_weights(scores):
    """(N, M) scores -> (N, M) weights: the softmax of each row."""
    powers = scores.exp()
    return powers / powers.sum(-1, keepdim=True)


def attention_by_hand(q, k, v):
    """(N, D), (M, D), (M, Dv) -> (N, Dv): softmax(q kᵀ / √D) v."""
    scores = q @ k.T / q.shape[-1] ** 0.5
    return scores.softmax(-1) @ v


def fitting_scale(width, s, t):
    """The scale that gives scores of spread 1, where q and k have spreads s and t."""
    return 1 / (s * t * width**0.5)


# A square table comes first, where a wrong axis runs and can be named.
TABLES = ((4, 4), (3, 5), (6, 2), (1, 7))


def _share(powers, dim):
    return powers / powers.sum(dim, keepdim=True)


ROW_MISTAKES = (
    (N_("These are the scores as they came."), lambda scores: scores),
    (N_("You take exp but do not divide: the rows do not sum to 1."), torch.exp),
    (
        N_("The columns sum to 1. Each row must: a row is one query."),
        lambda scores: scores.softmax(0),
    ),
    (
        N_("The whole table sums to 1. Each row must: sum over the last axis only."),
        lambda scores: _share(scores.exp(), (0, 1)),
    ),
    (
        N_("exp is missing: you divide the scores themselves by their sum."),
        lambda scores: _share(scores, -1),
    ),
    (
        N_("You divide by the largest of the row, not by the sum of the row."),
        lambda scores: scores.exp() / scores.exp().amax(-1, keepdim=True),
    ),
    (
        N_("You divide by the mean of the row, not by its sum."),
        lambda scores: scores.exp() / scores.exp().mean(-1, keepdim=True),
    ),
    (
        N_("You divide by the number of keys: it is the sum of the row that is needed."),
        lambda scores: scores.exp() / scores.shape[-1],
    ),
    (
        N_("You take 2 to the power of the score: it is e, so exp."),
        lambda scores: _share(2**scores, -1),
    ),
    (
        N_("You take 10 to the power of the score: it is e, so exp."),
        lambda scores: _share(10**scores, -1),
    ),
    (
        N_("The sign is turned: the largest score must get the largest weight."),
        lambda scores: (-scores).softmax(-1),
    ),
    (
        N_("You take |score|: a negative score must give a smaller weight than 0 does."),
        lambda scores: _share(scores.abs(), -1),
    ),
    (
        N_("You take the square of the score, where exp is needed."),
        lambda scores: _share(scores**2, -1),
    ),
    (
        N_("The sum has lost its axis: keepdim=True. (You divide column j by the sum of row j.)"),
        lambda scores: scores.exp() / scores.exp().sum(-1),
    ),
    (
        N_("You divide by the sum of the scores: take exp first, then sum."),
        lambda scores: scores.exp() / scores.sum(-1, keepdim=True),
    ),
    (N_("exp comes last: first exp, then divide."), lambda scores: _share(scores, -1).exp()),
    (
        N_("You divide by the length of the row (its norm), not by its sum."),
        lambda scores: scores.exp() / scores.exp().norm(dim=-1, keepdim=True),
    ),
    (N_("These are the logarithms of the weights."), lambda scores: scores.log_softmax(-1)),
    (
        N_("All weight goes to the largest score: that is a hard choice, softmax is a soft one."),
        lambda scores: (scores == scores.amax(-1, keepdim=True)).to(scores.dtype),
    ),
    (
        N_("You take the sigmoid of each score: softmax takes exp."),
        lambda scores: _share(scores.sigmoid(), -1),
    ),
)


def _find_mistake_in_rows(answer):
    generator = torch.Generator().manual_seed(0)
    cases = [(torch.randn(size, generator=generator),) for size in TABLES]
    return find_mistake(answer, rows_to_weights, cases, ROW_MISTAKES)


# N, M, D, Dv; all tokens are as many in the first, where a wrong axis runs and can be named.
LOOKUPS = ((4, 4, 3, 5), (3, 6, 8, 2), (1, 7, 5, 5), (5, 2, 2, 3))


def _scaled(scale):
    """Attention whose scale is a function of q and k, in place of D^-½."""
    return lambda q, k, v: (scale(q, k) * q @ k.T).softmax(-1) @ v


def _root(q):
    return q.shape[-1] ** -0.5


LOOKUP_MISTAKES = (
    (N_("The scale is missing: divide the scores by √D."), _scaled(lambda q, k: 1)),
    (N_("You divide by D: it is its square root, √D."), _scaled(lambda q, k: 1 / q.shape[-1])),
    (N_("You multiply by √D: divide by it."), _scaled(lambda q, k: q.shape[-1] ** 0.5)),
    (
        N_("You divide by D²: it is the square root, D**0.5."),
        _scaled(lambda q, k: q.shape[-1] ** -2),
    ),
    (
        N_("You divide by the root of a number of tokens: it is √D, the width of q and k."),
        _scaled(lambda q, k: q.shape[0] ** -0.5),
    ),
    (
        N_("You divide by the root of the width of v: it is √D, the width of q and k."),
        lambda q, k, v: (q @ k.T * v.shape[-1] ** -0.5).softmax(-1) @ v,
    ),
    (
        N_(
            "Softmax runs over the queries (axis 0): "
            "each query must share out over its keys, axis -1."
        ),
        lambda q, k, v: (q @ k.T * _root(q)).softmax(0) @ v,
    ),
    (
        N_("Softmax runs over the whole table: each row must sum to 1."),
        lambda q, k, v: (q @ k.T * _root(q)).flatten().softmax(0).view(len(q), len(k)) @ v,
    ),
    (
        N_("These are the weights: the weighted mean of v is still to come."),
        lambda q, k, v: (q @ k.T * _root(q)).softmax(-1),
    ),
    (
        N_("These are the scores: softmax and v are still to come."),
        lambda q, k, v: q @ k.T * _root(q),
    ),
    (
        N_("Softmax is missing: you take the scores themselves as weights."),
        lambda q, k, v: q @ k.T * _root(q) @ v,
    ),
    (
        N_("exp without the division: the weights of a row must sum to 1."),
        lambda q, k, v: (q @ k.T * _root(q)).exp() @ v,
    ),
    (
        N_("Queries and keys are exchanged: the rows must be queries, q @ k.T."),
        lambda q, k, v: (k @ q.T * _root(q)).softmax(-1) @ v,
    ),
    (
        N_(
            "The weights are turned (.T) before they meet v: "
            "columns are keys, so they fit as they are."
        ),
        lambda q, k, v: (q @ k.T * _root(q)).softmax(-1).T @ v,
    ),
    (
        N_("You average the keys: it is the values, v."),
        lambda q, k, v: (q @ k.T * _root(q)).softmax(-1) @ k,
    ),
    (
        N_("The scale comes after softmax: scale the scores, before it."),
        lambda q, k, v: (q @ k.T).softmax(-1) * _root(q) @ v,
    ),
    (N_("You sum over the keys without weights."), lambda q, k, v: v.sum(0).expand(len(q), -1)),
    (N_("All keys get the same weight."), lambda q, k, v: v.mean(0).expand(len(q), -1)),
)


def _find_mistake_in_lookup(answer):
    generator = torch.Generator().manual_seed(0)
    cases = [
        tuple(torch.randn(size, generator=generator) for size in ((n, d), (m, d), (m, dv)))
        for n, m, d, dv in LOOKUPS
    ]
    return find_mistake(answer, attention_by_hand, cases, LOOKUP_MISTAKES)


# In the first, no two of the mistakes below give the same number.
SPREADS = ((64, 0.5, 3.0), (64, 1.0, 1.0), (49, 2.0, 1.0), (7, 1.0, 3.0), (48, 0.02, 0.3))

SCALE_MISTAKES = (
    (N_("That is 1/D: the spread of q·k grows as √D, not as D."), lambda width, s, t: 1 / width),
    (
        N_("That is 1/(s·t·D): the spread of q·k grows as √D, not as D."),
        lambda width, s, t: 1 / (s * t * width),
    ),
    (N_("That is √D: divide by it."), lambda width, s, t: width**0.5),
    (
        N_("That is the spread of q·k itself: the scale must undo it, 1 over that."),
        lambda width, s, t: s * t * width**0.5,
    ),
    (
        N_("That is 1/√D, which fits spreads of 1 only: s and t are missing."),
        lambda width, s, t: width**-0.5,
    ),
    (N_("The width is missing: q·k is a sum of D products."), lambda width, s, t: 1 / (s * t)),
    (N_("The scale is 1 here, so q·k keeps its own spread."), lambda width, s, t: 1.0),
    (
        N_("You multiply by s·t: larger q and k need a smaller scale."),
        lambda width, s, t: s * t * width**-0.5,
    ),
    (N_("Spreads multiply: it is s·t, not s + t."), lambda width, s, t: 1 / ((s + t) * width**0.5)),
    (
        N_("Only D stands under the root: s and t are spreads, not variances."),
        lambda width, s, t: (s * t * width) ** -0.5,
    ),
    (
        N_("You take s² and t²: spreads, not variances, multiply with √D."),
        lambda width, s, t: 1 / (s * s * t * t * width**0.5),
    ),
    (
        N_("That is 1 over the variance of q·k: its spread is the root of that."),
        lambda width, s, t: 1 / (s * s * t * t * width),
    ),
    (N_("The spread t of k is missing."), lambda width, s, t: 1 / (s * width**0.5)),
    (N_("The spread s of q is missing."), lambda width, s, t: 1 / (t * width**0.5)),
    (
        N_("That is s/(t·√D): both spreads make q·k larger, so divide by both."),
        lambda width, s, t: s / (t * width**0.5),
    ),
    (
        N_("That is t/(s·√D): both spreads make q·k larger, so divide by both."),
        lambda width, s, t: t / (s * width**0.5),
    ),
)


def _find_mistake_in_scale(answer):
    return find_mistake(answer, fitting_scale, SPREADS, SCALE_MISTAKES)


EXERCISES = (
    Exercise(
        "by_hand.rows_to_weights",
        N_(
            "Write rows_to_weights(scores: torch.Tensor) -> torch.Tensor, (N, M) -> (N, M).\n"
            "A row is one query, a column one key. Each row becomes weights, as on paper: exp of\n"
            "each number, divided by the sum over the row. Do not use torch.softmax."
        ),
        _find_mistake_in_rows,
        (
            N_("First all powers at once: scores.exp() has the shape of scores."),
            N_("The sum over a row runs over the last axis: sum(-1)."),
            N_("Give the sums the shape (N, 1), so that each divides its own row: keepdim=True."),
        ),
        rows_to_weights,
    ),
    Exercise(
        "by_hand.attention_by_hand",
        N_(
            "Write attention_by_hand(q, k, v), all torch.Tensor, with the scale 1/√D:\n"
            "q (N, D) queries, k (M, D) keys, v (M, Dv) values -> (N, Dv) outputs.\n"
            "Do not use attnlib. For the softmax you may use .softmax(…) or your rows_to_weights."
        ),
        _find_mistake_in_lookup,
        (
            N_(
                "The scores are a table (N, M): a row for each query. "
                "Which product gives that shape?"
            ),
            N_("D is the last size of q: q.shape[-1]. Scale before the softmax."),
            N_("Softmax over the keys, axis -1. Then (N, M) @ (M, Dv) is the weighted mean."),
        ),
        attention_by_hand,
    ),
    Exercise(
        "by_hand.fitting_scale",
        N_(
            "Write fitting_scale(width: int, s: float, t: float) -> float.\n"
            "q and k have `width` random entries each, mean 0; "
            "those of q have the spread (standard\n"
            "deviation) s, those of k the spread t. Return the scale that gives scores of spread 1."
        ),
        _find_mistake_in_scale,
        (
            N_("With s = t = 1 it is the scale of the formula. What is that for a width of 64?"),
            N_("Twice as large a q makes q·k twice as large, and so its spread."),
            N_("The spread of q·k is s · t · √width. The scale must undo it."),
        ),
        fitting_scale,
    ),
)
