"""Rows that sum to one, attention from them, and the scale that fits the numbers."""

import math

import torch

from attnlib.course.exercises.calls import SOFTMAX, Rule
from attnlib.course.exercises.checking import find_mistake
from attnlib.course.exercises.exercise import Exercise
from attnlib.course.exercises.pieces import attend, softmax
from attnlib.course.language import N_

# All of attention in one call, by whatever name.
READY_MADE = frozenset(
    {
        *("scaled_dot_product_attention", "multi_head_attention_forward"),
        *("_scaled_dot_product_attention_math", "_scaled_dot_product_flash_attention_for_cpu"),
    }
)


def softmax_in_a_loop(scores):
    """(N, M) -> (N, M)"""
    weights = torch.zeros_like(scores)
    rows, columns = scores.shape
    for i in range(rows):
        total = sum(math.exp(scores[i, j]) for j in range(columns))
        for j in range(columns):
            weights[i, j] = math.exp(scores[i, j]) / total
    return weights


def attend_in_a_loop(q, k, v, scale, bias):
    """(N, D), (M, D), (M, Dv), a number, (N, M) -> (N, Dv), (N, M)"""
    out, weights = torch.zeros(len(q), v.shape[1]), torch.zeros(len(q), len(k))
    for i in range(len(q)):
        for j in range(len(k)):
            score = scale * (q[i] * k[j]).sum() + bias[i, j]
            weights[i, j] = math.exp(score)
        weights[i] /= weights[i].sum()
        for j in range(len(k)):
            out[i] += weights[i, j] * v[j]
    return out, weights


def fitting_scale(width, s, t):
    """The scale that gives scores of spread 1, where q and k have spreads s and t."""
    return 1 / (s * t * width**0.5)


# The first two are square, where a wrong axis runs and can be named; (2, 3) is to be looked at.
TABLES = ((4, 4), (3, 3, 3), (2, 3), (1, 7), (8, 1), (2, 4, 5), (2, 3, 4, 2))


def _share(powers):
    return powers / powers.sum(-1, keepdim=True)


SIGMOID = N_("You take the sigmoid of each score: softmax takes exp.")

SOFTMAX_MISTAKES = (
    (N_("These are the scores as they came."), lambda scores: scores, 1),
    (N_("You take exp but do not divide: the rows do not sum to 1."), torch.exp, 2),
    (
        N_("You multiply by the sum of the row: divide by it."),
        lambda scores: scores.exp() * scores.exp().sum(-1, keepdim=True),
        2,
    ),
    (
        N_("The columns sum to 1. Each row must: a row is one query."),
        lambda scores: scores.softmax(0),
        2,
    ),
    (
        N_("The whole table sums to 1. Each row must: sum over the last axis only."),
        lambda scores: scores.exp() / scores.exp().sum(),
        2,
    ),
    (
        N_("Axis 1 is the last axis only where there are two. Count from the end: -1."),
        lambda scores: scores.softmax(1),
        2,
    ),
    (
        N_("A whole table sums to 1 where axes stand in front. Each row must: take axis -1."),
        lambda scores: torch.stack([row.exp() / row.exp().sum() for row in scores]),
        2,
    ),
    (
        N_(
            "[:, None] and unsqueeze(1) put the new axis in second place. It must come last: "
            "keepdim=True."
        ),
        lambda scores: scores.exp() / scores.exp().sum(-1)[:, None],
        3,
    ),
    (N_("exp is missing: you divide the scores themselves by their sum."), _share, 1),
    (
        N_("The largest weight of each row is 1. It is the sum that must be 1: divide by it."),
        lambda scores: scores.exp() / scores.exp().amax(-1, keepdim=True),
        2,
    ),
    (
        N_("You divide by the mean of the row, not by its sum."),
        lambda scores: scores.exp() / scores.exp().mean(-1, keepdim=True),
        2,
    ),
    (
        N_("You divide by the number of keys: it is the sum of the row that is needed."),
        lambda scores: scores.exp() / scores.shape[-1],
        2,
    ),
    (
        N_("You take 2 to the power of the score: it is e, so exp."),
        lambda scores: _share(2**scores),
        1,
    ),
    (
        N_("You take 10 to the power of the score: it is e, so exp."),
        lambda scores: _share(10**scores),
        1,
    ),
    (
        N_("The sign is turned: the largest score must get the largest weight."),
        lambda scores: (-scores).softmax(-1),
        1,
    ),
    (
        N_("You take |score|: a negative score must give a smaller weight than 0 does."),
        lambda scores: _share(scores.abs()),
        1,
    ),
    (
        N_("You take exp of |score|: a negative score must give a smaller weight than 0 does."),
        lambda scores: scores.abs().softmax(-1),
        1,
    ),
    (
        N_("You take the square of the score, where exp is needed."),
        lambda scores: _share(scores**2),
        1,
    ),
    (
        N_("The sum has lost its axis: keepdim=True. (You divide column j by the sum of row j.)"),
        lambda scores: scores.exp() / scores.exp().sum(-1),
        3,
    ),
    (
        N_("You divide by the sum of the scores: take exp first, then sum."),
        lambda scores: scores.exp() / scores.sum(-1, keepdim=True),
        1,
    ),
    (
        N_("You take exp of the sum. It is the sum of the powers: exp first, then sum."),
        lambda scores: scores.exp() / scores.sum(-1, keepdim=True).exp(),
        1,
    ),
    (N_("exp comes last: first exp, then divide."), lambda scores: _share(scores).exp(), 1),
    (
        N_("You divide by the length of the row (its norm), not by its sum."),
        lambda scores: scores.exp() / scores.exp().norm(dim=-1, keepdim=True),
        2,
    ),
    (N_("These are the logarithms of the weights."), lambda scores: scores.log_softmax(-1), 1),
    (
        N_("All weight goes to the largest score: that is a hard choice, softmax is a soft one."),
        lambda scores: (scores == scores.amax(-1, keepdim=True)).to(scores.dtype),
        1,
    ),
    (SIGMOID, torch.sigmoid, 1),
    (SIGMOID, lambda scores: _share(scores.sigmoid()), 1),
    (
        N_(
            "Where all scores of a row are far below 0, its weights are lost: a small number is "
            "added to its sum, or takes its place, as in F.normalize. No sum is 0: leave that out."
        ),
        lambda scores: scores.exp() / (scores.exp().sum(-1, keepdim=True) + 1e-6),
    ),
    (
        N_("You subtract the largest score of all. A row far below it is lost: take each row's."),
        lambda scores: _share((scores - scores.amax()).exp()),
    ),
    (
        N_("You subtract the mean of the row. With a score of -inf it is -inf, and gives nan."),
        lambda scores: _share((scores - scores.mean(-1, keepdim=True)).exp()),
    ),
)


def _find_mistake_in_softmax(answer):
    generator = torch.Generator().manual_seed(0)
    cases = [(torch.randn(size, generator=generator),) for size in TABLES]
    shut = torch.randn(3, 5, generator=generator)
    shut[0, 1] = shut[0, 2] = shut[2, 4] = -torch.inf
    far = torch.tensor([[-49.0], [0], [49]]) + torch.rand(3, 5, generator=generator)
    return find_mistake(answer, softmax, [*cases, (shut,), (far,)], SOFTMAX_MISTAKES, trained=True)


def _scores(q, k, scale, bias):
    return scale * q @ k.mT + bias


def _by_weights(weights):
    """Attention with other weights: a function of q, k, scale and bias."""

    def wrong(q, k, v, scale, bias=0):
        found = weights(q, k, scale, bias)
        return found @ v, found

    return wrong


def _by_softmax(scores):
    """Attention with other scores."""
    return _by_weights(lambda *given: scores(*given).softmax(-1))


def _returned(result):
    """Something else made of the right weights: a function of them, q, k, v, scale and bias."""

    def wrong(q, k, v, scale, bias=0):
        return result(_scores(q, k, scale, bias).softmax(-1), q, k, v, scale, bias)

    return wrong


PAIRED = N_("q * k compares query i with key i only. Each query must meet each key: q @ k.mT.")
TURNED = N_("The weights are turned (.T) before they meet v: columns are keys, so they fit.")
LATE = N_("The scale comes after softmax: scale the scores, before it.")
COPIED = N_("You take a scale of this lesson's examples. The one to use is given: `scale`.")

ATTEND_MISTAKES = (
    (
        N_("The scale is missing: multiply q @ k.mT by `scale`."),
        _by_softmax(lambda q, k, scale, bias: q @ k.mT + bias),
        2,
    ),
    (COPIED, _by_softmax(lambda q, k, scale, bias: q @ k.mT / 64**0.5 + bias), 2),
    (COPIED, _by_softmax(lambda q, k, scale, bias: q @ k.mT / 2**0.5 + bias), 2),
    (
        N_("You take 1/√D. The scale to use is given: `scale`."),
        _by_softmax(lambda q, k, scale, bias: q @ k.mT / q.shape[-1] ** 0.5 + bias),
        2,
    ),
    (
        N_("You take `scale` and 1/√D. `scale` alone is meant."),
        _by_softmax(lambda q, k, scale, bias: scale * q @ k.mT / q.shape[-1] ** 0.5 + bias),
        2,
    ),
    (
        N_("You divide by the scale: multiply by it."),
        _by_softmax(lambda q, k, scale, bias: q @ k.mT / scale + bias),
        2,
    ),
    (
        N_("The scale is in twice: once is enough, on q or on k or on the scores."),
        _by_softmax(lambda q, k, scale, bias: scale**2 * q @ k.mT + bias),
        2,
    ),
    (
        N_("You take the root of the scale. It is meant as it is given."),
        _by_softmax(lambda q, k, scale, bias: scale**0.5 * q @ k.mT + bias),
        2,
    ),
    (
        N_("You divide by the root of `scale`, as of D. It is the factor itself: multiply by it."),
        _by_softmax(lambda q, k, scale, bias: q @ k.mT / scale**0.5 + bias),
        2,
    ),
    (LATE, _by_weights(lambda q, k, scale, bias: (q @ k.mT + bias).softmax(-1) * scale), 2),
    (
        LATE,
        lambda q, k, v, scale, bias=0: (
            (q @ k.mT + bias).softmax(-1) @ v * scale,
            (q @ k.mT + bias).softmax(-1),
        ),
        2,
    ),
    (
        N_("The bias is missing: add it to the scores, before softmax."),
        _by_softmax(lambda q, k, scale, bias: scale * q @ k.mT),
        2,
    ),
    (
        N_("You subtract the bias: add it."),
        _by_softmax(lambda q, k, scale, bias: scale * q @ k.mT - bias),
        2,
    ),
    (
        N_("You multiply by the bias: add it."),
        _by_softmax(lambda q, k, scale, bias: scale * q @ k.mT * bias),
        2,
    ),
    (
        N_("The scale multiplies the bias too: first scale, then add the bias."),
        _by_softmax(lambda q, k, scale, bias: scale * (q @ k.mT + bias)),
        2,
    ),
    (
        N_("The bias comes after softmax: add it to the scores, before it."),
        _by_weights(lambda q, k, scale, bias: (scale * q @ k.mT).softmax(-1) + bias),
        2,
    ),
    (
        N_("The bias is turned (.T): its rows are queries, as those of the scores are."),
        _by_softmax(lambda q, k, scale, bias: scale * q @ k.mT + bias.mT),
        2,
    ),
    (
        N_("k is not turned: q @ k compares no query with a key. It is q @ k.mT."),
        _by_softmax(lambda q, k, scale, bias: scale * q @ k + bias),
        1,
    ),
    (
        N_("You turn q in place of k: that compares channels. It is q @ k.mT."),
        _by_softmax(lambda q, k, scale, bias: scale * q.mT @ k + bias),
        1,
    ),
    (PAIRED, _by_softmax(lambda q, k, scale, bias: scale * q * k + bias), 1),
    (PAIRED, _by_softmax(lambda q, k, scale, bias: scale * (q * k).sum(-1) + bias), 1),
    (PAIRED, _by_softmax(lambda q, k, scale, bias: scale * (q * k).sum(-1, True) + bias), 1),
    (
        N_("Queries and keys are exchanged: the rows must be queries, q @ k.mT."),
        _by_softmax(lambda q, k, scale, bias: scale * k @ q.mT + bias),
        1,
    ),
    (
        N_("You turn axes 0 and 1. The last two are meant, however many stand in front: k.mT."),
        _by_softmax(lambda q, k, scale, bias: scale * q @ k.transpose(0, 1) + bias),
        1,
    ),
    (
        N_("You reverse all axes of k. Only the last two change places: k.mT."),
        _by_softmax(
            lambda q, k, scale, bias: scale * q @ k.permute(*reversed(range(k.dim()))) + bias
        ),
        1,
    ),
    (
        N_(
            "Softmax runs over the queries (axis 0): "
            "the weights of a query are shares of its keys, axis -1."
        ),
        _by_weights(lambda *given: _scores(*given).softmax(0)),
        3,
    ),
    (
        N_("Softmax runs over axis 1, which is the last only where there are two: it is -1."),
        _by_weights(lambda *given: _scores(*given).softmax(1)),
        3,
    ),
    (
        N_("Softmax runs over the whole table: each row must sum to 1."),
        _by_weights(lambda *given: _scores(*given).exp() / _scores(*given).exp().sum()),
        3,
    ),
    (
        N_("Softmax is missing: you take the scores themselves as weights."),
        _by_weights(_scores),
        3,
    ),
    (
        N_("exp without the division: the weights of a row must sum to 1."),
        _by_weights(lambda *given: _scores(*given).exp()),
        3,
    ),
    (
        N_("The sum of a row has lost its axis: keepdim=True."),
        _by_weights(lambda *given: _scores(*given).exp() / _scores(*given).exp().sum(-1)),
        3,
    ),
    (
        N_("Softmax is taken twice: once makes weights of scores."),
        _by_softmax(lambda *given: _scores(*given).softmax(-1)),
        3,
    ),
    (TURNED, _returned(lambda weights, q, k, v, *_: (weights.mT @ v, weights)), 3),
    (TURNED, _returned(lambda weights, q, k, v, *_: (weights.mT @ v, weights.mT)), 3),
    (
        N_("The map is turned (.T): its rows are queries, its columns keys."),
        _returned(lambda weights, q, k, v, *_: (weights @ v, weights.mT)),
        3,
    ),
    (
        N_("v is turned (.T): its rows are keys, as the columns of the weights are."),
        _returned(lambda weights, q, k, v, *_: (weights @ v.mT, weights)),
        3,
    ),
    (
        N_("The weights stand on the left of v, for each of their rows makes one output."),
        _returned(lambda weights, q, k, v, *_: (v @ weights, weights)),
        3,
    ),
    (
        N_("weights * v multiplies number by number. The weighted mean is weights @ v."),
        _returned(lambda weights, q, k, v, *_: (weights * v, weights)),
        3,
    ),
    (
        N_("You average the keys: it is the values, v."),
        _returned(lambda weights, q, k, v, *_: (weights @ k, weights)),
        3,
    ),
    (
        N_("You average the queries: it is the values, v."),
        _returned(lambda weights, q, k, v, *_: (weights @ q, weights)),
        3,
    ),
    (
        N_("You sum over the keys without weights."),
        _returned(lambda weights, q, k, v, *_: (torch.ones_like(weights) @ v, weights)),
        3,
    ),
    (
        N_("All keys get the same weight."),
        _by_softmax(lambda *given: 0 * _scores(*given)),
        2,
    ),
    (
        N_("These are the map and the output: the output comes first."),
        _returned(lambda weights, q, k, v, *_: (weights, weights @ v)),
        3,
    ),
    (
        N_("This is the output alone: return the map with it, out first."),
        _returned(lambda weights, q, k, v, *_: weights @ v),
        3,
    ),
    (
        N_("These are the weights: the weighted mean of v is still to come."),
        _returned(lambda weights, *_: weights),
        3,
    ),
    (
        N_("These are the scores: softmax and v are still to come."),
        _returned(lambda weights, q, k, v, scale, bias: _scores(q, k, scale, bias)),
        3,
    ),
    (
        N_("The output is right. The map is to hold the weights, and these are the scores."),
        _returned(lambda weights, q, k, v, *given: (weights @ v, _scores(q, k, *given))),
        3,
    ),
    (
        N_("Each query sees only the keys up to its own place. Nothing forbids it the others."),
        _by_softmax(
            lambda *given: _scores(*given).masked_fill(
                torch.ones_like(_scores(*given)).triu(1) > 0, -math.inf
            )
        ),
        2,
    ),
    (
        N_("A bias of -inf must give the weight 0. Add it as it is: exp(-inf) is 0."),
        _by_softmax(
            lambda q, k, scale, bias: (
                scale * q @ k.mT + torch.nan_to_num(torch.as_tensor(bias), neginf=0.0)
            )
        ),
        2,
    ),
)


def _find_mistake_in_attend(answer):
    generator = torch.Generator().manual_seed(0)

    def case(scale, *shapes):
        q, k, v, *bias = (torch.randn(shape, generator=generator) for shape in shapes)
        return q, k, v, scale, *bias

    cases = [  # the first two are square, where a wrong axis runs and can be named
        case(0.4, (4, 4), (4, 4), (4, 4), (4, 4)),
        case(0.4, (3, 3, 3), (3, 3, 3), (3, 3, 3)),
        case(1, (3, 8), (6, 8), (6, 2), (3, 6)),
        case(0.1, (5, 2), (2, 2), (2, 3)),
        case(0.25, (2, 3, 4), (2, 5, 4), (2, 5, 6), (3, 5)),
        case(1.5, (2, 3, 1, 5), (2, 3, 7, 5), (2, 3, 7, 5), (3, 1, 7)),
    ]
    q, k, *_, shut = cases[2]
    shut.scatter_(-1, (q @ k.mT).topk(2).indices, -torch.inf)  # of the largest scores
    return find_mistake(answer, attend, cases, ATTEND_MISTAKES, trained=True)


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
    (
        N_("The width 64 is fixed in your code: use `width`."),
        lambda width, s, t: 1 / (s * t * 64**0.5),
    ),
    (
        N_("You take √(s² + t²). That is the spread of q + k; for products it is s·t."),
        lambda width, s, t: 1 / (width * (s * s + t * t)) ** 0.5,
    ),
)


def _find_mistake_in_scale(answer):
    return find_mistake(answer, fitting_scale, SPREADS, SCALE_MISTAKES)


EXERCISES = (
    Exercise(
        "by_hand.softmax",
        N_(
            "Write softmax(scores: torch.Tensor) -> torch.Tensor, (…, M) -> (…, M).\n"
            "Each row becomes weights, as on paper: exp of each number, divided by the sum over\n"
            "the row. A row is one query, a column one key; … stands for any axes in front, as\n"
            "N, or H and N: so use the last axis, -1. Scores lie between -50 and 50, or are -inf:\n"
            "there the weight is 0. Do not use PyTorch's softmax, nor attnlib."
        ),
        _find_mistake_in_softmax,
        (
            N_("First all powers at once: scores.exp() has the shape of scores."),
            N_("The sum over a row runs over the last axis: sum(-1)."),
            N_("Give the sums the shape (…, 1), so that each divides its own row: keepdim=True."),
        ),
        softmax,
        loop=softmax_in_a_loop,
        rule=Rule(SOFTMAX),
    ),
    Exercise(
        "by_hand.attend",
        N_(
            "Write attend(q, k, v, scale, bias=0) -> (out, map): all of attention.\n"
            "q (…, N, D) queries, k (…, M, D) keys, v (…, M, Dv) values.\n"
            "The scores are q·k times `scale`, plus `bias`: a table (…, N, M), or 0. Where it is\n"
            "-inf, the weight is 0. Return the output (…, N, Dv), and the map (…, N, M): it\n"
            "holds the weights. … stands for any axes in front, or none.\n"
            "The softmax may be yours, or PyTorch's.\n"
            "Do not use attnlib, nor F.scaled_dot_product_attention."
        ),
        _find_mistake_in_attend,
        (
            N_(
                "The scores are a table (…, N, M): a row for each query. Which product gives that "
                "shape? k.mT exchanges the last two axes, whatever stands in front."
            ),
            N_("scores = scale * q @ k.mT + bias: first the scale, then the bias, then softmax."),
            N_("weights = softmax(scores), over the last axis. Return weights @ v, weights."),
        ),
        attend,
        loop=attend_in_a_loop,
        rule=Rule(READY_MADE),
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
