"""Right answers pass however written, wrong ones are named."""

from itertools import permutations

import pytest
import torch

from attnlib.course.experiments import locality
from attnlib.course.lessons import exercise
from attnlib.course.lessons.learning.exercises import (
    APART_MISTAKES,
    SEEN_MISTAKES,
    WEIGHT_MISTAKES,
    maps_apart,
    pixels_seen,
    weight_on,
)
from attnlib.course.models.nest import NestClassifier

KEYS = {
    "learning.weight_on": "weight_on",
    "learning.pixels_seen": "pixels_seen",
    "learning.maps_apart": "maps_apart",
}


@pytest.mark.parametrize(
    ("key", "mistakes"),
    [
        ("learning.weight_on", WEIGHT_MISTAKES),
        ("learning.pixels_seen", SEEN_MISTAKES),
        ("learning.maps_apart", APART_MISTAKES),
    ],
    ids=KEYS,
)
def test_every_known_mistake_is_called_by_its_own_name(key, mistakes):
    for sentence, mistake, *_ in mistakes:
        assert exercise(key).check(mistake).startswith(f"✘ {sentence}")


def by_gather(weights, source):
    return weights.gather(-1, source.expand(len(weights), -1)[..., None]).mean((-2, -1))


def by_one_hot(weights, source):
    ideal = torch.nn.functional.one_hot(source, len(source))
    return (weights * ideal).sum((-2, -1)) / len(source)


def by_one_hot_weights(weights, source):
    return (weights * torch.nn.functional.one_hot(source, len(source))).sum(-1)


def by_loop(weights, source):
    return torch.stack(
        [torch.stack([head[i, j] for i, j in enumerate(source)]).mean() for head in weights]
    )


@pytest.mark.parametrize("answer", [by_gather, by_one_hot, by_loop])
def test_other_right_ways_to_weigh_pass(answer):
    assert exercise("learning.weight_on").check(answer).right


@pytest.mark.parametrize(
    ("words", "answer"),
    [
        ("the shape must be (3,), and is (3, 1)", lambda w, s: weight_on(w, s)[:, None]),
        ("Queries and keys are exchanged", lambda w, s: w[:, s, torch.arange(len(s))].mean(-1)),
        ("That is the sum", lambda w, s: by_one_hot(w, s) * len(s)),
        ("mean over all L · L cells", lambda w, s: by_one_hot(w, s) / len(s)),
        ("takes whole columns", lambda w, s: w.index_select(-1, s).mean((1, 2))),
        ("takes whole columns", lambda w, s: w[..., s].mean(-1)),
        ("takes whole rows", lambda w, s: w[:, s].mean((1, 2))),
        ("the query is i", lambda w, s: torch.stack([head[s, s].mean() for head in w])),
        ("Your mean is over the heads", lambda w, s: by_one_hot_weights(w, s).mean(0)),
        ("the largest weight of each query", lambda w, s: w.max(-1).values.mean(-1)),
        ("You take logarithms", lambda w, s: by_one_hot_weights(w, s).log().mean(1)),
        ("1 minus the mean", lambda w, s: 1 - by_one_hot(w, s)),
        ("It must be a function", torch.zeros(3)),
    ],
)
def test_wrong_ways_to_weigh_are_named(words, answer):
    assert words in exercise("learning.weight_on").check(answer)


def seen_by_steps(cell, side, block):
    tokens = {t for t in (2 * cell - 1, 2 * cell, 2 * cell + 1) if 0 <= t < side}
    tokens = {t + d for t in tokens for d in (-1, 0, 1) if 0 <= t + d < side}
    blocks = {t // block for t in tokens}
    return [min(blocks) * block, max(blocks) * block + block - 1]


def test_another_right_way_to_look_passes():
    assert exercise("learning.pixels_seen").check(seen_by_steps).right


@pytest.mark.parametrize(
    ("words", "answer"),
    [
        ("That is where it stands", lambda cell, side, block: [2 * cell, 2 * cell + 1]),
        ("You give the whole edge", lambda cell, side, block: (0, side - 1)),
        ("(first, last)", lambda *case: seen_by_steps(*case)[::-1]),
        (
            "at the start only",
            lambda c, side, b: (seen_by_steps(c, side, b)[0], min(2 * c + 2, side - 1)),
        ),
        ("at the end only", lambda c, side, b: (max(2 * c - 2, 0), seen_by_steps(c, side, b)[1])),
        ("one block of level 1", lambda c, side, b: (2 * c // b * b, 2 * c // b * b + b - 1)),
        ("at place 2 · c", lambda c, side, b: (max(c - 2, 0) // b * b, (c + 2) // b * b + b - 1)),
        (
            "where the last block begins",
            lambda c, side, b: (seen_by_steps(c, side, b)[0], min(2 * c + 2, side - 1) // b * b),
        ),
        (
            "not how many there are",
            lambda *case: (seen_by_steps(*case)[0], len(range(*seen_by_steps(*case))) + 1),
        ),
        (
            "numbers of blocks",
            lambda c, side, b: (max(2 * c - 2, 0) // b, min(2 * c + 2, side - 1) // b),
        ),
        (
            "/ does not round",
            lambda c, side, b: (
                max(2 * c - 2, 0) / b * b,
                min(2 * c + 2, side - 1) / b * b + b - 1,
            ),
        ),
        ("there must be 2 results, and there are 3", lambda *case: (*pixels_seen(*case), 0)),
        ("must return tuple, and returned int", lambda *case: pixels_seen(*case)[0]),
        ("in result 1, the result should be", lambda *case: (pixels_seen(*case)[0], 99)),
    ],
)
def test_wrong_looks_are_named(words, answer):
    assert words in exercise("learning.pixels_seen").check(answer)


@pytest.mark.parametrize(("side", "levels", "block"), [(8, 2, 4), (16, 3, 4), (24, 2, 12)])
def test_the_network_has_seen_what_the_exercise_says(side, levels, block):
    """Columns of pixels are changed one after the other: which tokens of level 2 feel it?"""
    torch.manual_seed(0)
    arguments = {**locality.SMALL, "img_size": side, "num_levels": levels, "embed_dims": 16}
    network = NestClassifier(**arguments).double().eval()
    with torch.no_grad():
        for parameter in network.parameters():
            parameter += 0.5 * torch.randn_like(parameter)
    tokens = []
    network.levels[1].pool.register_forward_hook(lambda _module, _x, y: tokens.append(y))
    x = torch.rand(1, 1, side, side).double()
    changed = x.repeat(side, 1, 1, 1)
    for column in range(side):
        changed[column, :, :, column] += 1
    with torch.no_grad():
        network(x)
        network(changed)
    plain, moved = tokens
    felt = ((moved - plain).abs().amax((1, 3)) > 1e-9).T  # (cell, pixel column)
    for cell, columns in enumerate(felt):
        first, last = pixels_seen(cell, side, block)
        assert columns.nonzero().flatten().tolist() == list(range(first, last + 1))


def apart_by_loop(one, other):
    found = []
    for order in permutations(other):
        rows = [(a - b).abs().sum(-1) / 2 for a, b in zip(one, order, strict=True)]
        found.append(torch.stack(rows).mean().item())
    return min(found)


@pytest.mark.parametrize("kind", [float, torch.tensor])
def test_another_right_way_to_compare_passes(kind):
    assert exercise("learning.maps_apart").check(lambda *maps: kind(apart_by_loop(*maps))).right


def test_maps_that_differ_in_the_order_of_heads_alone_are_not_apart():
    one = torch.randn(3, 5, 5).softmax(-1)
    assert maps_apart(one, one[[1, 2, 0]]) == 0
    nothing_shared = torch.eye(4)[None], torch.eye(4).flip(0)[None]
    assert maps_apart(*nothing_shared) == 1


@pytest.mark.parametrize(
    ("words", "answer"),
    [
        ("You compare head 0 with head 0", lambda a, b: (a - b).abs().sum(-1).mean() / 2),
        ("and you count both", lambda a, b: 2 * apart_by_loop(a, b)),
        ("and do not take half", lambda a, b: (a - b).abs().sum(-1).mean()),
        ("Take half of their sum", lambda a, b: 2 * apart_by_loop(a, b) / a.shape[-1]),
        ("You sum over heads and queries", lambda a, b: apart_by_loop(a, b) * a[..., 0].numel()),
        ("sum all absolute differences", lambda a, b: 2 * apart_by_loop(a, b) * a[..., 0].numel()),
        (
            "the nearest pair of heads alone",
            lambda a, b: min((x - y).abs().sum(-1).mean() / 2 for x in a for y in b),
        ),
        (
            "on in a circle",
            lambda a, b: min((a - b.roll(k, 0)).abs().sum(-1).mean() / 2 for k in range(len(a))),
        ),
        ("lies at the same keys", lambda a, b: 1 - apart_by_loop(a, b)),
        (
            "You take squares",
            lambda a, b: min(
                ((a - torch.stack(order)) ** 2).sum(-1).mean() for order in permutations(b)
            ),
        ),
        (
            "the length of the difference",
            lambda a, b: min(
                (a - torch.stack(order)).norm(dim=-1).mean() / 2 for order in permutations(b)
            ),
        ),
        ("stopped with AttributeError", lambda a, b: apart_by_loop(a, b.unknown)),
        ("must return float, and returned str", lambda a, b: "near"),
        ("the result should be", lambda a, b: (a - b).square().mean()),  # a tensor, and wrong
        ("and you count both", lambda a, b: torch.tensor(2 * apart_by_loop(a, b))),
        ("It must be a function", 0.5),
    ],
)
def test_wrong_comparisons_are_named(words, answer):
    assert words in exercise("learning.maps_apart").check(answer)
