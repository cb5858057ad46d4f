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
    for sentence, mistake in mistakes:
        assert exercise(key).check(mistake).startswith(f"✘ {sentence}")


def by_gather(weights, source):
    return weights.gather(-1, source.expand(len(weights), -1)[..., None]).mean((-2, -1))


def by_one_hot(weights, source):
    ideal = torch.nn.functional.one_hot(source, len(source))
    return (weights * ideal).sum((-2, -1)) / len(source)


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
        ("the shape must be (1,), and is (1, 1)", lambda w, s: weight_on(w, s)[:, None]),
        ("must return a torch.Tensor, and returned list", lambda w, s: weight_on(w, s).tolist()),
        ("Queries and keys are exchanged", lambda w, s: w[:, s, torch.arange(len(s))].mean(-1)),
        ("That is the sum", lambda w, s: by_one_hot(w, s) * len(s)),
        ("mean over all L · L cells", lambda w, s: by_one_hot(w, s) / len(s)),
        ("takes whole columns", lambda w, s: w.index_select(-1, s).mean((1, 2))),
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
        ("stopped with AttributeError", lambda a, b: apart_by_loop(a, b.unknown)),
        ("must return float, and returned str", lambda a, b: "near"),
        ("the result should be", lambda a, b: (a - b).square().mean()),  # a tensor, and wrong
        ("and you count both", lambda a, b: torch.tensor(2 * apart_by_loop(a, b))),
        ("It must be a function", 0.5),
    ],
)
def test_wrong_comparisons_are_named(words, answer):
    assert words in exercise("learning.maps_apart").check(answer)
