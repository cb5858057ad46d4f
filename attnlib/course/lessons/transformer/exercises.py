"""How much each head looks at the token before."""

import torch

from attnlib.course.exercises.checking import find_mistake
from attnlib.course.exercises.exercise import Exercise
from attnlib.course.language import N_


def on_previous(weights):
    """Mean weight of each query on the token before it, all but the first: (H, N, N) -> (H,)."""
    return weights.diagonal(-1, -2, -1).mean(-1)


def _wrapped(weights):
    """Query 0 takes the last key: in Python, index −1."""
    query = torch.arange(weights.shape[-1])
    return weights[:, query, query - 1].mean(-1)


def _rows_won(weights):
    before = torch.arange(weights.shape[-1] - 1)
    return (weights[:, 1:].argmax(-1) == before).float().mean(-1)


PREVIOUS_MISTAKES = (
    (
        N_("That is the token after it. Query i is row i, and the token before it is key i − 1."),
        lambda weights: weights.diagonal(1, -2, -1).mean(-1),
        3,
    ),
    (
        N_("That is the main diagonal, what each token gives to itself."),
        lambda weights: weights.diagonal(0, -2, -1).mean(-1),
        2,
    ),
    (
        N_(
            "The first query has no token before it. There your index is −1, and Python takes the "
            "last key. Leave that query out."
        ),
        _wrapped,
        1,
    ),
    (
        N_("You divide by N. The first query has no token before it, so there are N − 1."),
        lambda weights: weights.diagonal(-1, -2, -1).sum(-1) / weights.shape[-1],
        2,
    ),
    (
        N_("That is the sum. Take the mean over the queries."),
        lambda weights: weights.diagonal(-1, -2, -1).sum(-1),
    ),
    (
        N_(
            "You take the mean over all cells of those rows, N of them in each. Take one cell a "
            "row."
        ),
        lambda weights: weights.diagonal(-1, -2, -1).mean(-1) / weights.shape[-1],
    ),
    (
        N_(
            "Each row sums to 1, so a mean over all its keys is 1/N whatever the map. Take one key "
            "a row."
        ),
        lambda weights: weights[:, 1:].mean((-2, -1)),
    ),
    (
        N_(
            "That is the column of token 0. The token before query i is key i − 1, another one for "
            "each query."
        ),
        lambda weights: weights[:, 1:, 0].mean(-1),
        1,
    ),
    (
        N_("Two tokens back: the token before query i is key i − 1."),
        lambda weights: weights.diagonal(-2, -2, -1).mean(-1),
        2,
    ),
    (
        N_("You give one number. Each head has its own: the mean is over queries only."),
        lambda weights: weights.diagonal(-1, -2, -1).mean(),
    ),
    (
        N_("You give a number for each query, (H, N − 1). Take their mean."),
        lambda weights: weights.diagonal(-1, -2, -1),
    ),
    (
        N_(
            "You count the queries whose largest weight is on the token before. How large it is "
            "counts."
        ),
        _rows_won,
    ),
    (
        N_("That is the largest of them. Take the mean over the queries."),
        lambda weights: weights.diagonal(-1, -2, -1).amax(-1),
    ),
    (
        N_("diagonal takes the first two axes unless told otherwise: dim1=-2, dim2=-1."),
        lambda weights: weights.diagonal(-1).mean(-1),
        3,
    ),
    (
        N_("Your mean is over the heads. Each head has its own: the mean is over queries only."),
        lambda weights: weights.diagonal(-1, -2, -1).mean(0),
    ),
    (
        N_("You take all tokens before it together. Take only the one just before."),
        lambda weights: weights.tril(-1)[:, 1:].sum(-1).mean(-1),
        1,
    ),
    (
        N_("You take every query with every key. Take one key for each query, i − 1."),
        lambda weights: weights[:, 1:, :-1].mean((-2, -1)),
        1,
    ),
    (
        N_("You add what each token gives to itself. Take only the one just before."),
        lambda weights: (weights.diagonal(-1, -2, -1) + weights.diagonal(0, -2, -1)[:, 1:]).mean(
            -1
        ),
    ),
    (
        N_("That is the last query alone. Take the mean over all queries but the first."),
        lambda weights: weights[:, -1, -2],
    ),
    (
        N_("That is the median. Take the mean over the queries."),
        lambda weights: weights.diagonal(-1, -2, -1).median(-1).values,
    ),
    (
        N_("The last query is left out too. Only the first has no token before it."),
        lambda weights: weights.diagonal(-1, -2, -1)[:, :-1].mean(-1),
        1,
    ),
    (
        N_("You take all tokens before it, and the mean over all cells. Take only the one before."),
        lambda weights: weights.tril(-1).mean((-2, -1)),
        1,
    ),
)


def _random_weights():
    generator = torch.Generator().manual_seed(0)
    sizes = ((3, 5), (1, 4), (12, 15), (2, 3), (5, 2))
    return [(torch.randn(h, n, n, generator=generator).mul(2).softmax(-1),) for h, n in sizes]


EXERCISES = (
    Exercise(
        key="transformer.on_previous",
        task=N_(
            "Which head looks at the token before? Write on_previous(weights).\n"
            "  weights  (H, N, N) one map a head, queries down, keys across\n"
            "  returns  (H,): for each head the mean weight that a query gives to the token\n"
            "           just before it. The first query has none: leave it out.\n"
            "It is tried on random weights."
        ),
        find_mistake=lambda answer: find_mistake(
            answer, on_previous, _random_weights(), PREVIOUS_MISTAKES
        ),
        hints=(
            N_("Draw a map of 4 × 4 on paper, and mark where query 1 has key 0, query 2 key 1, …"),
            N_("It is the line just below the main diagonal, N − 1 cells long."),
            N_(
                "weights.diagonal(offset, dim1=-2, dim2=-1) is (H, cells); an offset of 1 is the "
                "line above the main diagonal. Or take two index tensors: weights[:, rows, "
                "columns]."
            ),
        ),
        answer=on_previous,
    ),
)
