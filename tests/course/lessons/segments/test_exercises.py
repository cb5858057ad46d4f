"""The checks take their solutions, refuse their stubs, and name the known wrong answers."""

import math

import numpy as np
import pytest
import torch
from torch import nn

from attnlib import GlobalLocalAttention, SelfAttention, segment_slices
from attnlib.course.lessons import exercise
from attnlib.course.lessons.segments.exercises import (
    CUTTING_MISTAKES,
    LOCAL_CASES,
    LOCAL_MISTAKES,
    boundaries,
    boundaries_by_counting,
    local_branch,
    local_branch_by_frames,
    next_width,
    unused,
)
from tests.course.lessons.named import assert_named


def pairs(edges):
    return list(zip(edges, edges[1:], strict=False))


def by_size(size):
    """Boundaries of segments that are size(length, num_segments) long."""

    def cut(length, n):
        return pairs([min(g * size(length, n), length) for g in range(n + 1)])

    return cut


def as_tensor_split(length, n):
    parts = torch.arange(length).tensor_split(n)
    return pairs([0, *torch.tensor([len(part) for part in parts]).cumsum(0).tolist()])


def rest_to_the_last(length, n):
    size = length // n
    return [*((g * size, (g + 1) * size) for g in range(n - 1)), ((n - 1) * size, length)]


def from_range(length, n):
    """Forgets the empty ones."""
    size = math.ceil(length / n)
    return [(start, min(start + size, length)) for start in range(0, length, size)]


WRONG_BOUNDARIES = {
    "Not written yet": lambda length, n: None,
    "belong to nobody: round up": by_size(lambda length, n: length // n),
    "the last segment takes the rest": rest_to_the_last,
    "as torch.tensor_split does": as_tensor_split,
    "You cut at number · length // num_segments": lambda length, n: pairs(
        [g * length // n for g in range(n + 1)]
    ),
    "+ 1 is too long where num_segments divides length": by_size(lambda length, n: length // n + 1),
    "taken for the length of a segment": lambda length, n: [
        (start, min(start + n, length)) for start in range(0, length, n)
    ],
    "An empty segment must be in the list": from_range,
    "A stop lies beyond the last frame": lambda length, n: [
        (g * -(-length // n), (g + 1) * -(-length // n)) for g in range(n)
    ],
    "An empty segment starts beyond": lambda length, n: [
        (g * -(-length // n), min((g + 1) * -(-length // n), length)) for g in range(n)
    ],
    "stop is the first frame *behind*": lambda length, n: [
        (start, stop - 1) for start, stop in boundaries(length, n)
    ],
    "not how long it is": lambda length, n: [
        (start, stop - start) for start, stop in boundaries(length, n)
    ],
    "These are the lengths": lambda length, n: [b - a for a, b in boundaries(length, n)],
    "counted from 0": lambda length, n: [(a + 1, b + 1) for a, b in boundaries(length, n)],
    "fixed at 4": lambda length, n: boundaries(length, 4),
    "and returned slice": segment_slices,
    "there must be 4 results, and there are 5": lambda length, n: [*boundaries(length, n), (0, 0)],
    "Round it up. (Seen for length=10": by_size(lambda length, n: max(1, round(length / n))),
    "For length=10, num_segments=4 it stopped with ValueError": lambda length, n: (
        torch.arange(length).view(n, -1).tolist() if length % n == 0 else int("3, 3, 3, 1")
    ),
    "0.0 is no whole number": lambda length, n: [
        (min(g * float(np.ceil(length / n)), length), min((g + 1) * -(-length // n), length))
        for g in range(n)
    ],
    "0.0 is no whole number: // and": lambda length, n: [
        (float(start), float(stop)) for start, stop in boundaries(length, n)
    ],
    "a slice takes whole numbers only": lambda length, n: torch.tensor(
        boundaries(length, n), dtype=torch.float64
    ),
    "it calls segment_slices": lambda length, n: [
        (piece.start, piece.stop) for piece in segment_slices(length, n)
    ],
}


@pytest.mark.parametrize(("words", "answer"), WRONG_BOUNDARIES.items(), ids=WRONG_BOUNDARIES)
def test_wrong_boundaries_are_named(words, answer):
    verdict = exercise("segments.boundaries").check(answer)
    assert not verdict.right
    assert words in verdict, verdict


def by_clamping_lists(length, n):
    size = math.ceil(length / n)
    return [[min(g * size, length), min(g * size + size, length)] for g in range(n)]


def by_walking(length, n):
    found, start = [], 0
    for _ in range(n):
        stop = min(length, start + (length + n - 1) // n)
        found.append((start, stop))
        start = stop
    return tuple(found)


def in_whole_numbers_of_numpy(length, n):
    edges = np.minimum(np.arange(n + 1) * -(-length // n), length)
    return list(zip(edges, edges[1:], strict=False))


@pytest.mark.parametrize(
    "answer",
    [by_clamping_lists, by_walking, in_whole_numbers_of_numpy, boundaries_by_counting],
)
def test_other_right_boundaries_pass(answer):
    assert exercise("segments.boundaries").check(answer).right


@pytest.mark.parametrize(
    ("key", "mistakes"),
    [("segments.boundaries", CUTTING_MISTAKES), ("segments.local_branch", LOCAL_MISTAKES)],
    ids=["boundaries", "local_branch"],
)
def test_every_known_mistake_is_called_by_its_own_name(key, mistakes):
    for sentence, mistake, *_ in mistakes:
        assert exercise(key).check(mistake).startswith(f"✘ {sentence}")


def of_each(x, branches):
    """What each branch makes of its segment; nothing of an empty one."""
    pairs = zip(branches, boundaries(len(x), len(branches)), strict=True)
    return [branch(x[start:stop]) for branch, (start, stop) in pairs if start < stop]


def into_an_empty_tensor(x, branches):
    """Right, but for the branches of empty segments, which are called."""
    out = torch.empty_like(x)
    for branch, (start, stop) in zip(branches, boundaries(len(x), len(branches)), strict=True):
        out[start:stop] = branch(x[start:stop])
    return out


WRONG_LOCAL_BRANCHES = {
    "Not written yet": lambda x, branches: None,
    "It must be a function, and is str": "branches",
    "through the first branch": lambda x, branches: torch.cat(
        [branches[0](x[start:stop]) for start, stop in boundaries(len(x), len(branches))]
    ),
    "in reversed order: segment 0": lambda x, branches: local_branch(x, list(reversed(branches))),
    "the first frames come first": lambda x, branches: torch.cat(of_each(x, branches)[::-1]),
    "frames at the end belong to nobody": lambda x, branches: torch.cat(
        [
            branch(x[g * (len(x) // len(branches)) :][: len(x) // len(branches)])
            for g, branch in enumerate(branches)
        ]
    ),
    "as torch.tensor_split does": lambda x, branches: torch.cat(
        [branch(part) for branch, part in zip(branches, x.tensor_split(len(branches)), strict=True)]
    ),
    "G is how many segments there are": lambda x, branches: torch.cat(
        [branch(part) for branch, part in zip(branches, x.split(len(branches)), strict=False)]
    ),
    "Each branch sees all of x": lambda x, branches: torch.cat(
        [
            branch(x)[start:stop]
            for branch, (start, stop) in zip(
                branches, boundaries(len(x), len(branches)), strict=True
            )
        ]
    ),
    "the results are added": lambda x, branches: torch.stack([f(x) for f in branches]).sum(0),
    "one frame at a time": lambda x, branches: torch.stack(
        [branches[i // -(-len(x) // len(branches))](row[None])[0] for i, row in enumerate(x)]
    ),
    "no branch is called": lambda x, branches: x.clone(),
    "a list of segments": of_each,
    "torch.stack makes a new axis": lambda x, branches: torch.stack(of_each(x, branches)),
    "side by side": lambda x, branches: torch.cat(of_each(x, branches), dim=-1),
    "an empty segment is handed to its branch": into_an_empty_tensor,
    "not their gradients": lambda x, branches: local_branch(x.detach(), branches),
    "less exact than it went in": lambda x, branches: local_branch(x.float(), branches),
    "changes its arguments": lambda x, branches: x.copy_(local_branch(x.clone(), branches)),
    "it calls segment_slices": lambda x, branches: torch.cat(
        [
            branch(x[part])
            for branch, part in zip(branches, segment_slices(len(x), len(branches)), strict=True)
            if part.start < part.stop
        ]
    ),
    "branches=4 it stopped with TypeError": lambda x, branches: branches(x),
}


@pytest.mark.parametrize(
    ("words", "answer"), WRONG_LOCAL_BRANCHES.items(), ids=WRONG_LOCAL_BRANCHES
)
def test_a_wrong_local_branch_is_named(words, answer):
    assert_named("segments.local_branch", answer, words)


def by_split(x, branches):
    parts = x.split(math.ceil(len(x) / len(branches)))  # no more than there are frames
    return torch.cat([branch(part) for branch, part in zip(branches, parts, strict=False)])


def by_places(x, branches):
    out, size = torch.zeros_like(x), -(-len(x) // len(branches))
    for g, branch in enumerate(branches):
        if g * size < len(x):
            out[g * size : (g + 1) * size] = branch(x[g * size : (g + 1) * size])
    return out


def by_rows(x, branches):
    return torch.stack([row for part in of_each(x, branches) for row in part])


@pytest.mark.parametrize("answer", [by_split, by_places, by_rows, local_branch_by_frames])
def test_other_right_local_branches_pass(answer):
    assert exercise("segments.local_branch").check(answer).right


def test_a_segment_that_is_empty_is_among_the_cases():
    empty = [(n, g) for n, _, g in LOCAL_CASES if boundaries(n, g)[-1] == (n, n)]
    assert (9, 4) in empty
    assert (3, 5) in empty


def test_the_hint_of_a_mistake_that_is_no_number_is_told():
    task = exercise("segments.local_branch")
    assert "start < stop" in task.hints[task.refuse(into_an_empty_tensor).hint - 1]


@pytest.mark.parametrize("length", [10, 9, 3])
def test_the_local_branch_is_that_of_the_library(length):
    module = GlobalLocalAttention(6, 16, num_segments=4, fusion="add").local_attention.eval()
    parts = nn.ModuleList(Alone(qkv, out) for qkv, out in zip(module.qkv, module.out, strict=True))
    x = torch.randn(length, 6)
    assert torch.allclose(local_branch(x, parts.eval()), module(x)[0], atol=1e-6)


class Alone(nn.Module):
    """One set of parameters."""

    def __init__(self, qkv, out):
        super().__init__()
        self.inside = SelfAttention(6, len(out.mT), heads=4)
        self.inside.load_state_dict({"qkv.weight": qkv, "out.weight": out})

    def forward(self, x):
        return self.inside(x)[0]


def those(keep):
    return lambda length, n: [g for g in range(n) if keep(g, length, n, math.ceil(length / n))]


WRONG_UNUSED = {
    "Not written yet": lambda length, n: None,
    "wanted are the others": those(lambda g, length, n, size: g * size < length),
    "counted from 0": lambda length, n: [g + 1 for g in unused(length, n)],
    "rounded up, not down: ⌈": those(lambda g, length, n, size: g * (length // n) >= length),
    "never 0 while there are frames": lambda length, n: [
        g for g, (a, b) in enumerate(by_size(lambda length, n: length // n)(length, n)) if a == b
    ],
    "although there are more frames than segments": those(lambda g, length, n, size: g >= length),
    "is empty as well: >=, not >": those(lambda g, length, n, size: g * size > length),
    "A short segment is not an empty one": those(
        lambda g, length, n, size: min((g + 1) * size, length) - g * size < size
    ),
    "More than the last one": lambda length, n: unused(length, n)[-1:],
    "Not the frames that are missing": lambda length, n: list(
        range(length, n * math.ceil(length / n))
    ),
    "must return list, and returned int": lambda length, n: len(unused(length, n)),
    "stopped with ZeroDivisionError": lambda length, n: list(range(length // (length // n), n)),
}


@pytest.mark.parametrize(("words", "answer"), WRONG_UNUSED.items(), ids=WRONG_UNUSED)
def test_wrong_unused_sets_are_named(words, answer):
    verdict = exercise("segments.unused").check(answer)
    assert not verdict.right
    assert words in verdict, verdict


def test_other_right_unused_sets_pass():
    def from_boundaries(length, n):
        return [g for g, (start, stop) in enumerate(boundaries(length, n)) if start == stop]

    assert exercise("segments.unused").check(from_boundaries).right
    assert (
        exercise("segments.unused")
        .check(those(lambda g, length, n, size: g * size >= length))
        .right
    )


@pytest.mark.parametrize(("length", "num_segments"), [(9, 4), (10, 4), (10, 7), (1, 4), (5, 8)])
def test_the_sets_called_unused_are_those_without_a_gradient(length, num_segments):
    module = GlobalLocalAttention(6, 4 * num_segments, num_segments=num_segments, fusion="add")
    module.eval()(torch.randn(length, 6))[0].square().sum().backward()
    met = module.local_attention.out.grad.flatten(1).any(1)
    assert (~met).nonzero().flatten().tolist() == unused(length, num_segments)


def upwards(width, n):
    while width // n % 4:
        width += 1
    return width


def downwards(width, n):
    while width // n % 4:
        width -= 1
    return width


WRONG_WIDTHS = {
    "Not written yet": lambda width, n: None,
    "as it came": lambda width, n: width,
    "the width of one segment": lambda width, n: next_width(width, n) // n,
    "look upwards": downwards,
    "num_segments need not divide the width": lambda width, n: math.ceil(width / n) * n,
    "but it is output_size // num_segments that must be one": lambda width, n: (
        math.ceil(width / 4) * 4
    ),
    "but is not the smallest": lambda width, n: math.ceil(width / (4 * n)) * 4 * n,
    "begin there": lambda width, n: next_width(width + 1, n),
    "four heads need at least one channel each": upwards,
    "the result should be 264, and is 288": lambda width, n: math.ceil(width / 96) * 96,
}


@pytest.mark.parametrize(("words", "answer"), WRONG_WIDTHS.items(), ids=WRONG_WIDTHS)
def test_wrong_widths_are_named(words, answer):
    verdict = exercise("segments.next_width").check(answer)
    assert not verdict.right
    assert words in verdict, verdict


def test_another_right_width_passes():
    def counted(width, n):
        wide = -(-(width // n) // 4) * 4  # of a segment, rounded up to a multiple of 4
        return max(width, max(wide, 4) * n)

    assert exercise("segments.next_width").check(counted).right


@pytest.mark.parametrize(("width", "num_segments"), [(257, 3), (265, 3), (3, 4), (100, 8), (48, 2)])
def test_the_next_width_is_the_first_that_the_module_takes(width, num_segments):
    def taken(width):
        try:
            GlobalLocalAttention(8, width, num_segments=num_segments, fusion="add")
        except ValueError:
            return False
        return True

    found = next_width(width, num_segments)
    assert [taken(each) for each in range(width, found + 1)] == [False] * (found - width) + [True]
