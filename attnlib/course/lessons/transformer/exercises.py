"""How much of its weight a head gives to the token before."""

import torch

from attnlib.course.widgets.checking import find_mistake
from attnlib.course.widgets.exercise import Exercise


def on_previous(weights):
    """The mean weight of a query on the token before it, for each head."""
    return weights.diagonal(-1, -2, -1).mean(-1)


ON_PREVIOUS_MISTAKES = {
    "That is the weight on the token *behind*: queries are rows, so take the diagonal below.": (
        lambda weights: weights.diagonal(1, -2, -1).mean(-1)
    ),
    "That is the weight of a token on itself: go one diagonal further down.": (
        lambda weights: weights.diagonal(0, -2, -1).mean(-1)
    ),
    "You divide by N. The first query has no token before it: there are N - 1 others.": (
        lambda weights: weights.diagonal(-1, -2, -1).sum(-1) / weights.shape[-1]
    ),
    "That is the sum over the queries: take the mean, or long sentences seem to have it more.": (
        lambda weights: weights.diagonal(-1, -2, -1).sum(-1)
    ),
    "That is one number for all heads: keep the first axis, H.": (
        lambda weights: weights.diagonal(-1, -2, -1).mean()
    ),
    "The mean over the queries is still to be taken: asked is one number a head.": (
        lambda weights: weights.diagonal(-1, -2, -1)
    ),
    "For the first query you take the last token (index -1): leave it out.": (
        lambda weights: torch.cat([weights.diagonal(-1, -2, -1), weights[:, :1, -1]], dim=-1).mean(
            -1
        )
    ),
}


def _find_mistake_in_on_previous(answer):
    generator = torch.Generator().manual_seed(0)
    cases = [
        (torch.rand(heads, length, length, generator=generator).softmax(-1),)
        for heads, length in ((2, 5), (12, 15), (1, 2), (3, 8))
    ]
    return find_mistake(answer, on_previous, cases, ON_PREVIOUS_MISTAKES)


EXERCISES = (
    Exercise(
        "transformer.on_previous",
        "Write on_previous(weights) -> torch.Tensor:\n"
        "weights (H, N, N), queries down, keys across, N at least 2. The result: H numbers, for\n"
        "each head the weight that a query gives to the token before it, mean over all queries\n"
        "that have one. A head that always looks at the token before gets 1.",
        _find_mistake_in_on_previous,
        (
            "Query i and key i - 1: in the picture that is a line below the diagonal.",
            "weights.diagonal(offset, dim1, dim2) takes such a line out of every head.",
            "weights.diagonal(-1, -2, -1) has the shape (H, N - 1); its last axis are the queries.",
        ),
        on_previous,
    ),
)
