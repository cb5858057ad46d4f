"""The checks take what is right and name what is not."""

import math
import random

import pytest
import torch

from attnlib import attention
from attnlib.course.lessons import exercise
from attnlib.course.lessons.ranks import exercises
from attnlib.course.lessons.ranks.exercises import bytes_sent, deal
from tests.course.lessons.named import assert_named

# Merging


def summed(out, lse, other, its_lse, new=None):
    """By the sums themselves: right where nothing overflows, and nan where neither had a key."""
    one, two = lse.exp()[:, None], its_lse.exp()[:, None]
    return (out * one + other * two) / (one + two), torch.log(lse.exp() + its_lse.exp())


def by_share(share, new=lambda a, b: torch.logsumexp(torch.stack([a, b]), 0)):
    """A merge whose output is share · out + its share · other; the shares from lse and its_lse."""

    def merge(out, lse, other, its_lse):
        one, two = share(lse, its_lse), share(its_lse, lse)
        return out * one.unsqueeze(-1) + other * two.unsqueeze(-1), new(lse, its_lse)

    return merge


def right(a, b):
    return torch.where(a == -math.inf, 0.0, torch.sigmoid(a - b))


WRONG_MERGES = {
    "Not written yet: it returns None.": lambda *_: None,
    "the first part as it came": lambda out, lse, other, its_lse: (out, lse),
    "the second part as it came": lambda out, lse, other, its_lse: [other, its_lse],
    "You take the mean of the outputs.": by_share(lambda a, b: torch.ones_like(a) / 2),
    "You add the outputs.": by_share(lambda a, b: torch.ones_like(a)),
    "You add the log-sum-exps.": by_share(right, lambda a, b: a + b),
    "you return the larger one": by_share(right, torch.maximum),
    "you return that of the first": by_share(right, lambda a, b: a),
    "you return that of the second": by_share(right, lambda a, b: b),
    "you return the mean of the two": by_share(right, lambda a, b: 0.5 * a + 0.5 * b),
    "Of the second result the logarithm is missing": by_share(
        right, lambda a, b: a.exp() + b.exp()
    ),
    "against the larger log-sum-exp": by_share(lambda a, b: torch.exp(a - torch.maximum(a, b))),
    "and not divided by the sum of both": by_share(lambda a, b: a.exp()),
    "A share is not lse / (lse + its_lse)": by_share(lambda a, b: a / (b + a)),
    "exp is missing": by_share(lambda a, b: a - torch.logaddexp(a, b)),
    "The shares are exchanged": by_share(lambda a, b: right(b, a)),
    "The sign is turned": by_share(lambda a, b: torch.exp(torch.logaddexp(a, b) - a)),
    "You take 2 to the power": by_share(lambda a, b: torch.exp2(a - torch.logaddexp(a, b))),
    "exp(lse) is infinite above 88: subtract first": summed,
    "infinite above 88: torch.logaddexp is": by_share(
        right, lambda a, b: torch.log(a.exp() + b.exp())
    ),
    "one number for the whole table": by_share(
        lambda a, b: torch.sigmoid(a.logsumexp(0) - b.logsumexp(0)).expand_as(a)
    ),
    "The order is (out, lse).": lambda *parts: by_share(right)(*parts)[::-1],
    "the log-sum-exp stays −inf": lambda *parts: (
        by_share(right)(*parts)[0],
        by_share(right)(*parts)[1].clamp(min=-0.0)
        if parts[1].isneginf().all() and parts[3].isneginf().all()
        else by_share(right)(*parts)[1],
    ),
    "−inf − (−inf), like 0 / 0, is nan": by_share(lambda a, b: (a - torch.logaddexp(a, b)).exp()),
    "The output must stay 0 there": by_share(lambda a, b: torch.sigmoid(a - b)),
    "It must return tuple, and returned a torch.Tensor": lambda *parts: by_share(right)(*parts)[0],
    "it stopped with IndexError": lambda out, lse, other, its_lse: lse[:, 1],
}


@pytest.mark.parametrize(("words", "answer"), WRONG_MERGES.items(), ids=WRONG_MERGES)
def test_wrong_merges_are_named(words, answer):
    assert_named("ranks.merge", answer, words)


def row_by_row(out, lse, other, its_lse):
    rows, both = [], []
    for x, a, y, b in zip(out, lse.tolist(), other, its_lse.tolist(), strict=True):
        top = max(a, b)
        powers = [math.exp(each - top) if each > -math.inf else 0.0 for each in (a, b)]
        rows.append((powers[0] * x + powers[1] * y) / (sum(powers) or 1))
        both.append(top + math.log(sum(powers)) if sum(powers) else -math.inf)
    return torch.stack(rows), torch.tensor(both)


@pytest.mark.parametrize(
    "answer", [by_share(right), row_by_row, lambda a, b, c, d: by_share(right)(c, d, a, b)]
)
def test_other_right_merges_pass(answer):
    assert exercise("ranks.merge").check(answer) == "✔ Right."


def test_the_solution_merges_what_attention_gives_for_parts_of_the_keys():
    q, k, v = torch.randn(3, 2, 9, 4, dtype=torch.float64)
    want, map_ = attention(q, k, v)
    parts = []
    for keys in (slice(0, 3), slice(3, 4), slice(4, 9)):
        part, its_map = attention(q, k[:, keys], v[:, keys])
        parts.append((part[0], its_map.lse[0]))
    merged = exercises.merge(*exercises.merge(*parts[0], *parts[1]), *parts[2])
    torch.testing.assert_close(merged, (want[0], map_.lse[0]))


# What travels


def sent(to=lambda ranks: ranks - 1, whole=2, turned=4, of=None, kept=1):
    def bytes_sent(how, ranks, length, heads, width, itemsize):
        own = (of or (lambda n, r, h, d, b: n * h * d * b // r))(
            length, ranks, heads, width, itemsize
        )
        if how in ("gather", "ring"):
            return whole * to(ranks) * own
        return turned * (own * ranks - kept * own) // ranks

    return bytes_sent


def only(how, change):
    return lambda name, *rest: (change if name == how else bytes_sent)(name, *rest)


WRONG_BYTES = {
    "Not written yet: it returns None.": lambda *_: None,
    "You count all ranks, itself too": sent(lambda ranks: ranks, kept=0),
    "nothing is handed on after the last step": only(
        "ring", lambda how, r, n, h, d, b: 2 * r * (n // r * h * d * b)
    ),
    "you count one of the two": sent(whole=1),
    "do not send q": sent(whole=3),
    "A rank holds length // ranks rows": sent(of=lambda n, r, h, d, b: n * h * d * b),
    "multiply by heads too": sent(of=lambda n, r, h, d, b: n // r * d * b),
    "multiply by itemsize": sent(of=lambda n, r, h, d, b: n // r * h * d),
    "four tensors, not three": sent(turned=3),
    "four tensors, not two": sent(turned=2),
    "a rank keeps its own part of each tensor": sent(kept=0),
    "1 / ranks of a tensor, not all": only(
        "heads", lambda how, r, n, h, d, b: 4 * (r - 1) * (n // r * h * d * b)
    ),
    "you count one of them": only(
        "heads", lambda how, r, n, h, d, b: 4 * (n // r * h * d * b) // r
    ),
    "ranks − 1 times, not once": only("ring", lambda how, r, n, h, d, b: 2 * (n // r * h * d * b)),
    "gather and ring send the same": only(
        "gather", lambda how, r, n, h, d, b: 2 * (n // r * h * d * b)
    ),
    "is no whole number": lambda *given: float(bytes_sent(*given)),
}


@pytest.mark.parametrize(("words", "answer"), WRONG_BYTES.items(), ids=WRONG_BYTES)
def test_wrong_counts_of_bytes_are_named(words, answer):
    assert_named("ranks.bytes_sent", answer, words)


# A causal ring without waiting


def snake(length, ranks):
    """There and back again, token by token."""
    rounds = [list(range(n, n + ranks)) for n in range(0, length, ranks)]
    turned = [each[::-1] if number % 2 else each for number, each in enumerate(rounds)]
    return [list(column) for column in zip(*turned, strict=True)]


def shuffled(length, ranks):
    """Any rank may have any of the parts, in any order."""
    chance, dealt = random.Random(length), snake(length, ranks)
    chance.shuffle(dealt)
    return tuple(chance.sample(each, len(each)) for each in dealt)


def token_pairs(length, ranks):
    """Each token with its mirror image, in some order of the pairs that keeps each step equal."""
    half = torch.arange(length // 2).view(-1, ranks)
    half[1::2] = half[1::2].flip(1)
    return [torch.cat([part, length - 1 - part]).numpy() for part in half.T]


@pytest.mark.parametrize("answer", [deal, snake, shuffled, token_pairs])
def test_all_ways_without_waiting_pass(answer):
    assert exercise("ranks.deal").check(answer) == "✔ Right."


def pieces(length, ranks):
    return torch.arange(length).view(ranks, -1)


def unequal_steps(length, ranks):
    """All ranks have as many pairs in all; at single steps they have not."""
    if (length, ranks) != (24, 4):
        return deal(length, ranks)
    return [
        [1, 8, 9, 11, 19, 21],
        [2, 6, 12, 13, 14, 22],
        [3, 4, 7, 15, 17, 23],
        [0, 5, 10, 16, 18, 20],
    ]


WRONG_DEALS = {
    "Not written yet: it returns None.": lambda length, ranks: None,
    "each rank holds tokens in one piece": pieces,
    "each rank holds tokens in one piece. Late tokens": lambda length, ranks: (
        piece.tolist() for piece in pieces(length, ranks)
    ),
    "the tokens are dealt out in turn": lambda length, ranks: (
        torch.arange(length).view(-1, ranks).T
    ),
    "the ranks have unequally many pairs": lambda length, ranks: (
        torch.stack(torch.arange(length).chunk(2 * ranks))
        .view(2, ranks, -1)
        .transpose(0, 1)
        .reshape(ranks, -1)
    ),
    "nobody holds token 6": lambda length, ranks: pieces(length - ranks, ranks),
    "a token is held by two ranks": lambda length, ranks: [range(length)] * ranks,
    "there must be a list for each rank, and there are 1": lambda length, ranks: [range(length)],
    "there is no token 8: they are counted from 0": lambda length, ranks: pieces(length, ranks) + 1,
    "equally many tokens, and they hold 1, 7": lambda length, ranks: [[0], range(1, length)],
    "a list with the tokens of each rank, whole numbers": lambda length, ranks: 5,
    "the tokens of each rank, whole numbers": lambda length, ranks: pieces(length, ranks).double(),
    "all ranks have 75 pairs, and at step 2 of the ring still one waits": unequal_steps,
    "It stopped with KeyError": lambda length, ranks: {}[ranks],
}


@pytest.mark.parametrize(("words", "answer"), WRONG_DEALS.items(), ids=WRONG_DEALS)
def test_wrong_deals_are_named(words, answer):
    assert_named("ranks.deal", answer, words)
