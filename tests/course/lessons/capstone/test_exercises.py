"""The checks name the known wrong answers, and take every right way to write it."""

import math

import pytest
import torch
import torch.nn.functional as F
from einops import rearrange

from attnlib import merge_heads, segment_slices
from attnlib.course.lessons import exercise
from attnlib.course.lessons.capstone import buggy

WRONG_MERGES = {
    "Not written yet": lambda out: None,
    "It must be a function, and is str": "b g h n d -> b g n (d h)",
    "stopped with RuntimeError": lambda out: out.view(-1, 7),
    "the merge as it came": buggy.SuspectBlocks.merge,
    "the merge as it came, 'h d'": merge_heads,
    "inside (N, D, H): make the last two axes one": lambda out: out.permute(0, 1, 3, 4, 2),
    "behind the tokens, (N, H, D): go on": lambda out: out.transpose(2, 3),
    "bring the heads behind the tokens, then join": lambda out: out.reshape(
        *out.shape[:2], out.shape[3], -1
    ),
    "D came to the front of N": lambda out: out.permute(0, 1, 4, 2, 3).reshape(
        *out.shape[:2], out.shape[3], -1
    ),
    "The columns moved the other way round": lambda out: rearrange(
        merge_heads(out), "b g n (d h) -> b g n (h d)", d=out.shape[-1]
    ),
    "The heads were reversed": lambda out: merge_heads(out.flip(-3), "d h"),
    "The columns are in reversed order": lambda out: merge_heads(out, "d h").flip(-1),
    "Transposed": lambda out: out.permute(0, 1, 4, 2, 3).flatten(2, 3),
    "You take the mean of the heads": lambda out: out.mean(-3),
    "joined with the tokens": lambda out: torch.cat(out.unbind(2), -2),
    "D and the tokens changed places": lambda out: out.permute(0, 1, 4, 3, 2).flatten(3),
    "the rows must be tokens, (N, C).": lambda out: rearrange(out, "b g h n d -> b g d (n h)"),
    "Numbers of several tokens are mixed": lambda out: out.mT.reshape(
        *out.shape[:2], out.shape[3], -1
    ),
    "The blocks were joined": lambda out: rearrange(out, "b g h n d -> b (g n) (d h)"),
    "The batch is gone": lambda out: merge_heads(out[0], "d h"),
    "but not their gradients": lambda out: merge_heads(out.detach(), "d h"),
    "float64 comes out less exact": lambda out: merge_heads(out.float(), "d h"),
    "The heads are added up": lambda out: sum(out.unbind(2)),
    "one head alone": lambda out: out[:, :, 0],
    "It changes its arguments": lambda out: merge_heads(out.mul_(2) / 2, "d h"),
}


@pytest.mark.parametrize(("words", "answer"), WRONG_MERGES.items(), ids=WRONG_MERGES)
def test_a_wrong_merge_is_named(words, answer):
    verdict = exercise("capstone.merge").check(answer)
    assert not verdict.right
    assert words in verdict


@pytest.mark.parametrize(
    "answer",
    [
        lambda out: merge_heads(out, "d h"),
        lambda out: rearrange(out, "b g h n d -> b g n (d h)"),
        lambda out: out.permute(0, 1, 3, 4, 2).flatten(3),
        lambda out: out.permute(0, 1, 3, 4, 2).reshape(*out.shape[:2], out.shape[3], -1),
        lambda out: torch.stack(out.unbind(2), -1).flatten(-2),
        lambda out: out.transpose(2, 3).mT.flatten(-2),
    ],
)
def test_other_right_merges_pass(answer):
    assert exercise("capstone.merge").check(answer).right


def test_channels_that_went_elsewhere_are_shown_by_their_places():
    tables = exercise("capstone.merge").check(merge_heads).tables
    assert tables.index("b0 g0 h1 n0 d0") < tables.index("b0 g0 h0 n0 d1")


def by_size(size, last=True):
    def owner(length, num_segments):
        number = torch.arange(length) // size(length, num_segments)
        return number.clamp(max=num_segments - 1) if last else number

    return owner


def evenly(length, num_segments):
    size, longer = divmod(length, num_segments)
    sizes = torch.tensor([size + (g < longer) for g in range(num_segments)])
    return torch.arange(num_segments).repeat_interleave(sizes)


def right(length, num_segments):
    return torch.arange(length) // math.ceil(length / num_segments)


WRONG_OWNERS = {
    "Not written yet": lambda length, num_segments: None,
    "must be a function": torch.arange(30) // 8,
    "stopped with TypeError": lambda length: torch.arange(length),
    "the result must be int": lambda length, n: right(length, n).float(),
    "rounded down, and the last segment takes the rest": buggy.SuspectSegments.owner,
    "always be rounded up": by_size(lambda length, n: max(1, round(length / n))),
    "a segment too many": by_size(lambda length, n: length // n, last=False),
    "40 frames in 4 segments are 10 each, not 11": by_size(lambda length, n: length // n + 1),
    "shared out evenly": evenly,
    "frame · G // L": lambda length, n: torch.tensor([i * n // length for i in range(length)]),
    "divide by their size": lambda length, n: torch.arange(length) // n,
    "deals frames out in turn": lambda length, n: torch.arange(length) % n,
    "place inside the segment": lambda length, n: torch.arange(length) % math.ceil(length / n),
    "Four segments are fixed": lambda length, n: right(length, 4),
    "the first frames of the segments": lambda length, n: torch.tensor(
        range(0, length, math.ceil(length / n))
    ),
    "the lengths of the segments": lambda length, n: torch.tensor(
        [(right(length, n) == g).sum() for g in range(n)]
    ),
    "rounded down. (Seen": lambda length, n: (
        (torch.arange(length) / math.ceil(length / n)).ceil().long()
    ),
    "more numbers than there are frames": lambda length, n: torch.arange(n).repeat_interleave(
        math.ceil(length / n)
    ),
    "at the end have no number": lambda length, n: torch.arange(n).repeat_interleave(length // n),
    "counted from the end": lambda length, n: right(length, n).flip(-1),
    "counted from 0": lambda length, n: right(length, n) + 1,
    "where the segments begin": lambda length, n: right(length, n) * math.ceil(length / n),
    "the shape must be (30,), and is (30, 30)": (
        lambda length, n: right(length, n)[:, None] == right(length, n)
    ),
    "length=9, num_segments=4": (
        lambda length, n: evenly(length, n) if length == 9 else right(length, n)
    ),
}


@pytest.mark.parametrize(("words", "answer"), WRONG_OWNERS.items(), ids=WRONG_OWNERS)
def test_a_wrong_rule_is_named(words, answer):
    verdict = exercise("capstone.owner").check(answer)
    assert not verdict.right
    assert words.lower() in verdict.lower()


def by_slices(length, num_segments):
    slices = segment_slices(length, num_segments)
    return torch.cat([torch.full((s.stop - s.start,), g) for g, s in enumerate(slices)])


def by_a_loop(length, num_segments):
    size = (length + num_segments - 1) // num_segments
    return torch.tensor([frame // size for frame in range(length)])


@pytest.mark.parametrize(
    "answer",
    [right, by_slices, by_a_loop, lambda length, n: right(length, n).clamp(max=n - 1).int()],
)
def test_other_right_rules_pass(answer):
    assert exercise("capstone.owner").check(answer).right


def by_powers(scores):
    return scores.exp() / scores.exp().sum(-1, keepdim=True)


def along(dim):
    return lambda q, k: (q @ k.mT).softmax(dim)


WRONG_WEIGHTS = {
    "Not written yet": lambda q, k: None,
    "must be a function": "softmax",
    "stopped with RuntimeError": lambda q, k: (q @ k).softmax(-1),
    "dim=1 of (H, L, L) are the queries": buggy.SuspectFrames.weights,
    "Each *column* sums to 1": along(-2),
    "Count from the end": along(2),
    "the heads, or the batch": along(0),
    "softmax is missing": lambda q, k: q @ k.mT,
    "The map is transposed": lambda q, k: (k @ q.mT).softmax(-1),
    "the right map, transposed": lambda q, k: (k @ q.mT).softmax(-2),
    "The map is transposed:": lambda q, k: (q @ k.mT).softmax(-2).mT,
    "You divide the scores by √D": lambda q, k: F.softmax(q @ k.mT / q.shape[-1] ** 0.5, dim=-1),
    "exp of a score over 88 is infinite": lambda q, k: (
        (q @ k.mT).exp() / (q @ k.mT).exp().sum(-1, keepdim=True)
    ),
    "the largest score of all rows": lambda q, k: by_powers(q @ k.mT - (q @ k.mT).amax()),
    "You cut large scores off": lambda q, k: F.softmax((q @ k.mT).clamp(-80, 80), -1),
    "64 ** 0.5 is the scale of another": lambda q, k: F.softmax(q @ k.mT / 8, -1),
    "8 ** -0.5 is the scale of another": lambda q, k: F.softmax(q @ k.mT / 8**0.5, -1),
    "You divide the scores by D.": lambda q, k: F.softmax(q @ k.mT / k.shape[-1], -1),
    "by the root of the length": lambda q, k: F.softmax(q @ k.mT / k.shape[-2] ** 0.5, -1),
    "the keys of head 0": lambda q, k: F.softmax(q @ k.mT.narrow(-3, 0, 1), -1),
    "The queries meet themselves": lambda q, k: (q @ q.mT).softmax(-1),
    "The keys meet themselves": lambda q, k: (k @ k.mT).softmax(-1),
    "the mean over the heads": lambda q, k: (q @ k.mT).softmax(-1).mean(-3),
    "The sign is turned": lambda q, k: F.softmin(q @ k.mT, -1),
    "Nobody asked for a mask": lambda q, k: torch.where(
        torch.ones(q.shape[-2], k.shape[-2]).tril() > 0, q @ k.mT, -torch.inf
    ).softmax(-1),
    "but not their gradients": lambda q, k: (q.detach() @ k.mT).softmax(-1),
    "float64 comes out less exact": lambda q, k: (q @ k.mT).float().softmax(-1),
    "all pairs of a map together": lambda q, k: (
        (q @ k.mT).exp() / (q @ k.mT).exp().sum((-1, -2), keepdim=True)
    ),
    "without exp": lambda q, k: (q @ k.mT) / (q @ k.mT).sum(-1, keepdim=True),
    "of queries and keys": lambda q, k: q.softmax(-1) @ k.softmax(-1).mT,
    "log_softmax": lambda q, k: F.log_softmax(q @ k.mT, dim=-1),
    "Two softmaxes": lambda q, k: (q @ k.mT).softmax(-2).softmax(-1),
    "It changes its arguments": lambda q, k: (q.mul_(2) @ k.mT / 2).softmax(-1),
    "the value at": lambda q, k: (q @ k.mT * 1.01).softmax(-1),
}


@pytest.mark.parametrize(("words", "answer"), WRONG_WEIGHTS.items(), ids=WRONG_WEIGHTS)
def test_wrong_weights_are_named(words, answer):
    verdict = exercise("capstone.weights").check(answer)
    assert not verdict.right
    assert words.lower() in verdict.lower()


def by_hand(q, k):
    scores = torch.einsum("...id,...jd->...ij", q, k)
    weights = torch.exp(scores - scores.amax(-1, keepdim=True))
    return weights / weights.sum(-1, keepdim=True)


@pytest.mark.parametrize(
    "answer",
    [by_hand, lambda q, k: F.softmax(q @ k.transpose(-2, -1), -1), lambda q, k: along(-2)(k, q).mT],
)
def test_other_right_weights_pass(answer):
    assert exercise("capstone.weights").check(answer).right
