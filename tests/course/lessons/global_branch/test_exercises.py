"""The checks take their solutions, refuse their stubs, and name the known wrong answers."""

import re

import pytest
import torch
from torch.nn import functional as F

from attnlib.course.lessons import exercise
from attnlib.course.lessons.global_branch.exercises import (
    DROPOUT_MISTAKES,
    MAP_MISTAKES,
    SOFTMAX_MISTAKES,
    all_maps,
    dropped,
    stable_softmax,
)


def by_einsum(x, queries, keys):
    q = torch.einsum("lc,hdc->hld", x, torch.stack(queries))
    k = torch.einsum("lc,hdc->hld", x, torch.stack(keys))
    return (q @ k.mT).softmax(-1)


def scores_of(x, queries, keys):
    return torch.stack([x @ q.T @ k @ x.T for q, k in zip(queries, keys, strict=True)])


def last_in_a_loop(x, queries, keys):
    for query, key in zip(queries, keys, strict=True):
        weights = ((x @ query.T) @ (x @ key.T).T).softmax(-1)
    return weights


def closes_over_the_last(x, queries, keys):
    return last_in_a_loop(x, queries, keys).repeat(len(queries), 1, 1)


WRONG_MAPS = {
    "Not written yet": lambda x, queries, keys: None,
    "It must return a torch.Tensor, and returned Size": lambda x, queries, keys: x.shape,
    "the last head's map only": last_in_a_loop,
    "the last head's map H times": closes_over_the_last,
    "the first head's map only": lambda *given: by_einsum(*given)[0],
    "the mean over the heads": lambda *given: by_einsum(*given).mean(0),
    "the sum over the heads": lambda *given: by_einsum(*given).sum(0),
    "torch.stack makes one tensor": lambda *given: list(by_einsum(*given)),
    "torch.cat lays the maps below each other": lambda *given: torch.cat(list(by_einsum(*given))),
    "The heads are the last axis": lambda *given: torch.stack(list(by_einsum(*given)), -1),
    "the softmax is missing": scores_of,
    "runs over the queries": lambda *given: scores_of(*given).softmax(1),
    "One softmax over all heads": lambda *given: scores_of(*given).softmax(0),
    "One softmax over the whole map": lambda x, queries, keys: torch.stack(
        [each.flatten().softmax(0).view(len(x), -1) for each in scores_of(x, queries, keys)]
    ),
    "root of D": lambda x, queries, keys: (
        scores_of(x, queries, keys) / queries[0].shape[0] ** 0.5
    ).softmax(-1),
    "root of C": lambda x, queries, keys: (
        scores_of(x, queries, keys) / x.shape[-1] ** 0.5
    ).softmax(-1),
    "The maps are transposed": lambda *given: by_einsum(*given).transpose(1, 2),
    "Queries and keys are exchanged": lambda x, queries, keys: by_einsum(x, keys, queries),
    "The queries meet themselves": lambda x, queries, keys: by_einsum(x, queries, queries),
    "the matrices of the head are not used": lambda x, queries, keys: torch.stack(
        [(x @ x.T).softmax(-1)] * len(queries)
    ),
    "the shape must be (3, 5, 5), and is (1, 3, 5, 5)": lambda *given: by_einsum(*given)[None],
    "stopped with RuntimeError: mat1 and mat2": lambda x, queries, keys: x @ queries[0],
}


@pytest.mark.parametrize(("words", "answer"), WRONG_MAPS.items(), ids=WRONG_MAPS)
def test_wrong_maps_are_named(words, answer):
    refused("global_branch.all_maps", answer, words)


def test_maps_with_dropout_are_refused():
    with torch.random.fork_rng():
        torch.manual_seed(0)
        verdict = exercise("global_branch.all_maps").check(
            lambda *given: F.dropout(by_einsum(*given), 0.5)
        )
    assert "the value at [0, 0, 0]" in verdict and not verdict.right


def test_heads_that_are_flipped_are_refused():
    refused(
        "global_branch.all_maps", lambda *given: by_einsum(*given).flip(0), "the value at [0, 0, 0]"
    )


def kept(weights, keep):
    return torch.where(keep, weights, 0.0)


WRONG_DROPOUTS = {
    "Not written yet": lambda weights, keep, p, training: None,
    "return the weights as they are": lambda weights, keep, p, training: (
        kept(weights, keep) / (1 - p)
    ),
    "Nothing is dropped in training": lambda weights, keep, p, training: weights,
    "Are training and evaluation exchanged": lambda weights, keep, p, training: (
        weights if training else kept(weights, keep) / (1 - p)
    ),
    "or the mean over many calls shrinks": lambda weights, keep, p, training: (
        kept(weights, keep) if training else weights
    ),
    "is another way, not PyTorch's": lambda weights, keep, p, training: (
        kept(weights, keep) if training else weights * (1 - p)
    ),
    "You shrink the weights in evaluation": lambda weights, keep, p, training: (
        kept(weights, keep) / (1 - p) if training else weights * (1 - p)
    ),
    "Divided by p": lambda weights, keep, p, training: (
        kept(weights, keep) / p if training else weights
    ),
    "Multiplied by p": lambda weights, keep, p, training: (
        kept(weights, keep) * p if training else weights
    ),
    "Multiplied by 1 - p": lambda weights, keep, p, training: (
        kept(weights, keep) * (1 - p) if training else weights
    ),
    "The wrong ones are dropped": lambda weights, keep, p, training: (
        kept(weights, ~keep) / (1 - p) if training else weights
    ),
    "You make the rows sum to 1 again": lambda weights, keep, p, training: (
        F.normalize(kept(weights, keep), p=1, dim=-1) if training else weights
    ),
    "All weights grow": lambda weights, keep, p, training: (
        weights / (1 - p) if training else weights
    ),
    "that of p = 0.5 only": lambda weights, keep, p, training: (
        kept(weights, keep) * 2 if training else weights
    ),
}


@pytest.mark.parametrize(("words", "answer"), WRONG_DROPOUTS.items(), ids=WRONG_DROPOUTS)
def test_a_wrong_dropout_is_named(words, answer):
    refused("global_branch.dropped", answer, words)


def test_dropout_in_place_is_refused():
    def in_place(weights, keep, p, training):
        return weights.mul_(keep).div_(1 - p) if training else weights

    refused("global_branch.dropped", in_place, "It changes its arguments")


def test_dropout_that_draws_its_own_is_refused():
    refused(
        "global_branch.dropped",
        lambda weights, keep, p, training: F.dropout(weights, p, training),
        "the value",
    )


def naive(scores, dim=-1):
    powers = scores.exp()
    return powers / powers.sum(dim, keepdim=True)


WRONG_SOFTMAXES = {
    "Not written yet": lambda scores: None,
    "It must return a torch.Tensor, and returned list": lambda scores: stable_softmax(
        scores
    ).tolist(),
    "infinite / infinite is nan": naive,
    "float64 only moves the limit": lambda scores: naive(scores.double()),
    "Infinite parts were replaced": lambda scores: naive(scores).nan_to_num(0.0),
    "the largest score of all rows": lambda scores: naive(scores - scores.max()),
    "the largest score of each column": lambda scores: stable_softmax(
        scores - scores.max(-2, keepdim=True).values
    ),
    "You subtract the mean": lambda scores: naive(scores - scores.mean(-1, keepdim=True)),
    "You subtract a row's smallest": lambda scores: naive(
        scores - scores.min(-1, keepdim=True).values
    ),
    "You cut large scores off": lambda scores: naive(scores.clamp(max=80)),
    "You divide the scores by the largest": lambda scores: naive(
        scores / scores.abs().max(-1, keepdim=True).values
    ),
    "The rows do not sum to 1": lambda scores: (scores - scores.max(-1, keepdim=True).values).exp(),
    "It sums over the wrong axis": lambda scores: F.softmax(scores, -2),
    "It sums over all rows together": lambda scores: F.softmax(scores.flatten(), 0).view(
        scores.shape
    ),
    "the shape must be (3,": lambda scores: stable_softmax(scores)[:, :1],
    "and is inf or nan": lambda scores: scores * torch.nan,
}


@pytest.mark.parametrize(("words", "answer"), WRONG_SOFTMAXES.items(), ids=WRONG_SOFTMAXES)
def test_a_wrong_softmax_is_named(words, answer):
    refused("global_branch.stable_softmax", answer, words)


def test_a_small_number_below_the_line_does_not_help():
    def with_a_small_number(scores):
        powers = scores.exp()
        return powers / (powers.sum(-1, keepdim=True) + 1e-9)

    refused("global_branch.stable_softmax", with_a_small_number, "infinite / infinite is nan")


def refused(key, answer, words):
    verdict = exercise(key).check(answer)
    assert not verdict.right
    assert words in verdict, verdict


def in_use_first(weights, keep, p, training):
    if training:
        return torch.where(keep, weights / (1 - p), torch.zeros_like(weights))
    return weights.clone()


def masked(weights, keep, p, training):
    return weights.masked_fill(~keep, 0.0) * (1 / (1 - p)) if training else weights


def by_lse(scores):
    return (scores - scores.logsumexp(-1, keepdim=True)).exp()


def row_by_row(scores):
    rows = scores.flatten(0, -2)
    return torch.stack([naive(row - max(row)) for row in rows]).view(scores.shape)


RIGHT = {
    "global_branch.all_maps": [
        by_einsum,
        lambda x, queries, keys: F.softmax(scores_of(x, queries, keys), dim=2),
        lambda x, queries, keys: torch.cat(
            [all_maps(x, [q], [k]) for q, k in zip(queries, keys, strict=True)]
        ),
        lambda x, queries, keys: by_einsum(
            x.double(), [q.double() for q in queries], [k.double() for k in keys]
        ),
    ],
    "global_branch.dropped": [in_use_first, masked],
    "global_branch.stable_softmax": [
        by_lse,
        row_by_row,
        lambda scores: stable_softmax(scores.double()),
        lambda scores: naive(scores - scores.max(-1, keepdim=True).values - 3),
    ],
}
ANSWERS = [(key, answer) for key, answers in RIGHT.items() for answer in answers]


@pytest.mark.parametrize(("key", "answer"), ANSWERS)
def test_other_right_ways_pass(key, answer):
    assert exercise(key).check(answer) == "✔ Right."


NAMES = {
    "global_branch.all_maps": "all_maps",
    "global_branch.dropped": "dropped",
    "global_branch.stable_softmax": "stable_softmax",
}


@pytest.mark.parametrize(
    ("key", "answer"), [(key, answer) for key in NAMES for answer in (None, 3)]
)
def test_what_is_no_function_is_refused(key, answer):
    refused(key, answer, "It must be a function")


@pytest.mark.parametrize(
    ("key", "mistakes", "named"),
    [
        ("global_branch.all_maps", MAP_MISTAKES, WRONG_MAPS),
        ("global_branch.dropped", DROPOUT_MISTAKES, WRONG_DROPOUTS),
        ("global_branch.stable_softmax", SOFTMAX_MISTAKES, WRONG_SOFTMAXES),
    ],
)
def test_every_known_mistake_is_named_as_itself_and_tried_here(key, mistakes, named):
    """None hides behind another that gives the same, and each has a wrong answer above."""
    for sentence, wrong in mistakes:
        assert exercise(key).check(wrong).startswith(f"✘ {sentence} (Seen for ")
        assert any(words in sentence for words in named), sentence


@pytest.mark.parametrize("key", NAMES)
def test_hints_come_one_more_at_a_time(key, capsys):
    task = exercise(key)
    task._shown = 0
    counts = []
    for _ in range(4):
        task.hint()
        counts.append(len(re.findall(r"^\d\. ", capsys.readouterr().out, re.MULTILINE)))
    assert counts == [1, 2, 3, 3]


def test_the_solutions_are_what_they_say():
    """Against PyTorch itself."""
    torch.manual_seed(0)
    scores = torch.randn(2, 3, 4) * 300
    torch.testing.assert_close(stable_softmax(scores), scores.softmax(-1))
    weights = torch.rand(2, 50, 50)
    after = F.dropout(weights, 0.3, training=True)
    torch.testing.assert_close(dropped(weights, after != 0, 0.3, True), after)
    assert dropped(weights, after != 0, 0.3, False) is weights
