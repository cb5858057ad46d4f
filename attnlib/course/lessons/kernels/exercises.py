"""Two halves of a softmax made one, a window of a map, and the longest map that fits."""

import math

import torch

from attnlib.course.exercises.checking import find_mistake
from attnlib.course.exercises.exercise import Exercise
from attnlib.course.language import N_


def merge(one, other):
    """Two parts, each (most, total, out): of (N,), (N,), (N, Dv) -> the same of all their keys."""
    most = torch.maximum(one[0], other[0])
    level = most.masked_fill(most == -torch.inf, 0)  # no keys in either: −inf − (−inf) is nan
    a, b = (one[0] - level).exp(), (other[0] - level).exp()
    total = a * one[1] + b * other[1]
    out = a[:, None] * one[2] + b[:, None] * other[2]
    return most, total, out


def window_of_map(q, k, lse, scale):
    """(rows, D) queries, (cols, D) keys, (rows,) log-sum-exps -> (rows, cols) weights."""
    scores = scale * q @ k.T
    return (scores - lse[:, None]).exp()


def most_tokens(memory, heads):
    """The largest N for which `heads` maps of N × N float32 weights fit into `memory` bytes."""
    return int((memory / (4 * heads)) ** 0.5)


# Merging


def _part(scores, v):
    most = scores.amax(-1)
    weights = (scores - most[:, None]).exp()
    return most, weights.sum(-1), weights @ v


def _cases_of_merging():
    generator = torch.Generator().manual_seed(0)
    for rows, keys, spread in ((6, (4, 5), 2.0), (3, (1, 7), 2.0), (4, (3, 3), 300.0)):
        sizes = [((rows, count), (count, 3)) for count in keys]
        yield tuple(
            _part(
                spread * torch.randn(of_scores, generator=generator),
                torch.randn(of_values, generator=generator),
            )
            for of_scores, of_values in sizes
        )
    seen = _part(torch.randn(2, 4, generator=generator), torch.randn(4, 3, generator=generator))
    none = (torch.full((2,), -torch.inf), torch.zeros(2), torch.zeros(2, 3))
    yield none, seen
    yield seen, none
    yield none, none
    # No keys for query 0 in the one, for query 1 in the other, for query 2 in neither.
    most, total, out = _part(torch.randn(3, 4, generator=generator), torch.ones(4, 2))
    yield tuple(
        (most.masked_fill(gone, -torch.inf), total * ~gone, out * ~gone[:, None])
        for gone in (torch.tensor([True, False, True]), torch.tensor([False, True, True]))
    )


def _merged(level=None, most=None, totals=(1, 1), outs=(1, 1), turned=False, power=torch.exp):
    """A merge that goes wrong somewhere.

    Args:
        level: what the parts are measured against, one for both or one each; right is the larger.
        most: what is returned as the largest score, where it is not the larger.
        totals, outs: 0 where the total, or the out, of a part is not shrunk.
        turned: shrinks the wrong way round.
        power: in place of exp.
    """

    def merge(one, other):
        larger = torch.maximum(one[0], other[0])
        levels = (level(one, other) if level else larger).expand(2, -1)
        sign = -1 if turned else 1
        total, out = 0, 0
        for place, part in enumerate((one, other)):
            shrink = power(sign * (part[0] - levels[place]))
            total = total + (shrink if totals[place] else 1) * part[1]
            out = out + (shrink[:, None] if outs[place] else 1) * part[2]
        return most(one, other) if most else larger, total, out

    return merge


def _factors(found):
    """A merge whose two factors are found(most of one, most of other, the larger)."""

    def merge(one, other):
        most = torch.maximum(one[0], other[0])
        a, b = found(one[0], other[0], most)
        out = a[:, None] * one[2] + b[:, None] * other[2]
        return most, a * one[1] + b * other[1], out

    return merge


def _weighted(one, other, divided):
    """A merge that takes out to be a mean over the keys of its part."""
    most, total, _ = merge(one, other)
    shares = [(part[0] - most).exp() * part[1] for part in (one, other)]
    out = sum(share[:, None] * part[2] for share, part in zip(shares, (one, other), strict=True))
    return most, total, out / total[:, None] if divided else out


def _then(change):
    """The right merge, and then something that spoils it."""
    return lambda one, other: change(*merge(one, other))


NEITHER, FIRST, SECOND = (0, 0), (1, 0), (0, 1)


def _lse(most, total):
    return most + total.log()


MERGE_MISTAKES = (
    (
        N_(
            "Where neither part had a key, both most are −inf, and −inf − (−inf) is nan. Subtract "
            "some finite number there."
        ),
        _factors(lambda one, other, most: ((one - most).exp(), (other - most).exp())),
        3,
    ),
    (N_("That is the first part as it came."), lambda one, other: one),
    (N_("That is the second part as it came."), lambda one, other: other),
    (
        N_(
            "You add the parts as they are. Each was measured against its own largest score: "
            "shrink both to the larger of the two before you add."
        ),
        _merged(totals=NEITHER, outs=NEITHER),
        2,
    ),
    (
        N_(
            "You shrink total, not out: out is a sum of the same weights, and needs the same "
            "factor."
        ),
        _merged(outs=NEITHER),
        3,
    ),
    (
        N_(
            "You shrink out, not total: total is a sum of the same weights, and needs the same "
            "factor."
        ),
        _merged(totals=NEITHER),
        3,
    ),
    (
        N_("You shrink the first part only. In some rows the second has the smaller most."),
        _merged(totals=FIRST, outs=FIRST),
        2,
    ),
    (
        N_("You shrink the second part only. In some rows the first has the smaller most."),
        _merged(totals=SECOND, outs=SECOND),
        2,
    ),
    (
        N_("The factor is turned round: exp(old most − new most) is never over 1."),
        _merged(turned=True),
        3,
    ),
    (
        N_("You measure both against the smaller most: the sums may overflow."),
        _merged(
            level=lambda one, other: torch.minimum(one[0], other[0]),
            most=lambda one, other: torch.minimum(one[0], other[0]),
        ),
        1,
    ),
    (
        N_("You shrink to the smaller most, and return the larger one."),
        _merged(level=lambda one, other: torch.minimum(one[0], other[0])),
        1,
    ),
    (
        N_("You shrink each part to the other's most: both go to the larger one."),
        _merged(level=lambda one, other: torch.stack([other[0], one[0]])),
        1,
    ),
    (
        N_(
            "total and out fit each other, and most does not: it must be the larger of the two, "
            "row by row."
        ),
        _merged(most=lambda one, other: one[0]),
        1,
    ),
    (
        N_(
            "total and out are right. As most you return the second part's: it must be the larger "
            "of the two, row by row."
        ),
        _merged(most=lambda one, other: other[0]),
        1,
    ),
    (
        N_(
            "most is one number for each row: torch.maximum of the two, not the largest of the "
            "whole table."
        ),
        _merged(
            level=lambda one, other: torch.maximum(one[0], other[0]).max().expand_as(one[0]),
            most=lambda one, other: torch.maximum(one[0], other[0]).max().expand_as(one[0]),
        ),
        1,
    ),
    (
        N_("You add the two most: it is the larger of them."),
        _merged(most=lambda one, other: one[0] + other[0]),
        1,
    ),
    (
        N_("You add the two most: it is the larger of them. And you shrink by that sum."),
        _merged(
            level=lambda one, other: one[0] + other[0], most=lambda one, other: one[0] + other[0]
        ),
        1,
    ),
    (
        N_("You divide out by total. Leave that to the end: more parts may come."),
        _then(lambda most, total, out: (most, total, out / total[:, None])),
    ),
    (
        N_("You take means: total and out are sums."),
        _then(lambda most, total, out: (most, total / 2, out / 2)),
    ),
    (
        N_("The log of total belongs to the log-sum-exp: here total stays a sum."),
        _then(lambda most, total, out: (most, total.log(), out)),
    ),
    (
        N_("As most you return the log-sum-exp, most + log(total)."),
        _then(lambda most, total, out: (most + total.log(), total, out)),
        1,
    ),
    (N_("exp is missing: the factor is exp(old most − new most)."), _merged(power=lambda x: x), 3),
    (
        N_("You take 2 to the power: the factor is exp(old most − new most)."),
        _merged(power=torch.exp2),
        3,
    ),
    (
        N_("The factors are exchanged: each part shrinks by its own, exp(its most − new most)."),
        _factors(lambda one, other, most: ((other - most).exp(), (one - most).exp())),
        3,
    ),
    (
        N_("You measure the second part against the first. Take the larger most for both."),
        _merged(level=lambda one, other: one[0]),
        1,
    ),
    (
        N_("You measure the first part against the second. Take the larger most for both."),
        _merged(level=lambda one, other: other[0]),
        1,
    ),
    (
        N_("You take the mean of both out, weighted by total. They are sums: shrink, and add."),
        lambda one, other: _weighted(one, other, divided=True),
    ),
    (
        N_("You multiply out by total: it holds the weights already. Shrink, and add."),
        lambda one, other: _weighted(one, other, divided=False),
    ),
    (
        N_("You take the larger total and the larger out: they are sums, so add what was shrunk."),
        lambda one, other: tuple(map(torch.maximum, one, other)),
    ),
    (
        N_("You take exp(most), infinite above 88: subtract first, exp(old most − new most)."),
        _factors(lambda one, other, most: (one.exp() / most.exp(), other.exp() / most.exp())),
        3,
    ),
    (
        N_("You take exp(most), infinite above 88: subtract first, exp(old most − new most)."),
        _merged(level=lambda one, other: torch.zeros_like(one[0])),
        3,
    ),
    (
        N_("The order is (most, total, out). Yours begins with total."),
        lambda one, other: tuple(merge(one, other)[place] for place in (1, 0, 2)),
    ),
    (
        N_("That is the log-sum-exp in place of total. total stays a sum, measured against most."),
        lambda one, other: (
            merge(one, other)[0],
            _lse(*merge(one, other)[:2]),
            merge(one, other)[2],
        ),
    ),
    (
        N_("Where neither part had a key, most stays −inf: so later parts know that nothing came."),
        lambda one, other: (
            merge(one, other)[0].masked_fill(merge(one, other)[0] == -torch.inf, 0),
            *merge(one, other)[1:],
        ),
        3,
    ),
)


def _find_mistake_in_merging(answer):
    return find_mistake(answer, merge, list(_cases_of_merging()), MERGE_MISTAKES)


# A window of a map

SIZES = ((4, 4, 9, 3), (3, 5, 8, 4), (6, 2, 7, 2), (1, 6, 6, 5))  # rows, cols, all keys, D


def _cases_of_windows():
    generator = torch.Generator().manual_seed(0)
    for rows, cols, keys, width in SIZES:
        q = torch.randn(rows, width, generator=generator)
        k = torch.randn(keys, width, generator=generator)
        yield q, k[:cols], (0.7 * q @ k.T).logsumexp(-1), 0.7
    # Large scores. The key outside has the largest: in float32 exp(lse) alone is infinite.
    q, k = 1 + torch.rand(2, 3, generator=generator), torch.ones(5, 3)
    k[:4] = 0.3 * torch.rand(4, 3, generator=generator)
    yield _shifted(q, k, 86.0)
    yield _shifted(q, k, 95.0)  # exp(score) too
    yield _shifted(q.double(), k.double(), 1000.0)
    yield _shifted(q.double(), k.double(), -1000.0)


def _shifted(q, k, shift):
    """A case of all keys but the last, where `shift` is added to every score."""
    q = torch.cat([q, torch.ones_like(q[:, :1])], 1)
    k = torch.cat([k, torch.full_like(k[:, :1], shift)], 1)
    return q, k[:-1], (q @ k.T).logsumexp(-1), 1.0


def _scores(q, k, scale):
    return scale * q @ k.T


WINDOW_MISTAKES = (
    # Those of large scores first: there many a mistake gives only zeros.
    (
        N_("float64 only moves the limit: exp overflows at 710. Subtract first, then take exp."),
        lambda q, k, lse, scale: (
            _scores(q, k, scale).double().exp() / lse.double().exp()[:, None]
        ).float(),
        2,
    ),
    (
        N_("exp(scores) and exp(lse) are infinite above 88, or 0: subtract first, then take exp."),
        lambda q, k, lse, scale: _scores(q, k, scale).exp() / lse.exp()[:, None],
        2,
    ),
    (
        N_("exp(scores) and exp(−lse) are infinite, or 0: subtract first, then take exp."),
        lambda q, k, lse, scale: _scores(q, k, scale).exp() * (-lse).exp()[:, None],
        2,
    ),
    (
        N_("You cut large scores off. Subtract lse first: nothing is too large then."),
        lambda q, k, lse, scale: (
            _scores(q, k, scale).clamp(max=80).exp() / lse.clamp(max=80).exp()[:, None]
        ),
        2,
    ),
    (
        N_(
            "You take the softmax of the window. Its rows need not sum to 1: the other keys have "
            "their share, and lse knows it."
        ),
        lambda q, k, lse, scale: _scores(q, k, scale).softmax(-1),
        2,
    ),
    (
        N_("These are the scores: subtract lse, then exp."),
        lambda q, k, lse, scale: _scores(q, k, scale),
        2,
    ),
    (
        N_("exp is missing: these are the logarithms of the weights."),
        lambda q, k, lse, scale: _scores(q, k, scale) - lse[:, None],
        2,
    ),
    (
        N_("lse is missing: exp(scores) does not sum to 1 over all keys."),
        lambda q, k, lse, scale: _scores(q, k, scale).exp(),
        2,
    ),
    (
        N_("The scale is missing: lse is that of scaled scores."),
        lambda q, k, lse, scale: window_of_map(q, k, lse, 1),
        1,
    ),
    (
        N_("You divide by the scale: multiply with it."),
        lambda q, k, lse, scale: window_of_map(q, k, lse, 1 / scale),
        1,
    ),
    (
        N_("You divide by √D as well: the scale you are given is all of it."),
        lambda q, k, lse, scale: window_of_map(q, k, lse, scale / q.shape[-1] ** 0.5),
        1,
    ),
    (
        N_("The scale is 1/√D here, where one is given."),
        lambda q, k, lse, scale: window_of_map(q, k, lse, q.shape[-1] ** -0.5),
        1,
    ),
    (
        N_("You scale lse too: it already belongs to the scaled scores."),
        lambda q, k, lse, scale: (_scores(q, k, scale) - scale * lse[:, None]).exp(),
        2,
    ),
    (
        N_("lse lies along the keys. It belongs to the queries: lse[:, None]."),
        lambda q, k, lse, scale: (_scores(q, k, scale) - lse).exp(),
        3,
    ),
    (
        N_("You divide by lse. It is a logarithm: subtract it before exp."),
        lambda q, k, lse, scale: _scores(q, k, scale).exp() / lse[:, None],
        2,
    ),
    (
        N_("You add lse: subtract it."),
        lambda q, k, lse, scale: (_scores(q, k, scale) + lse[:, None]).exp(),
        2,
    ),
    (
        N_("Keys down, queries across: turn it round, q @ k.T."),
        lambda q, k, lse, scale: window_of_map(q, k, lse, scale).T,
        1,
    ),
    (
        N_(
            "You subtract the row's largest score as well. lse was measured without that: subtract "
            "lse alone."
        ),
        lambda q, k, lse, scale: (
            (_scores(q, k, scale) - _scores(q, k, scale).amax(-1, keepdim=True)).exp()
            / lse.exp()[:, None]
        ),
        2,
    ),
    (
        N_("The scale belongs to q·k. You give it to lse alone."),
        lambda q, k, lse, scale: (q @ k.T - scale * lse[:, None]).exp(),
        1,
    ),
    (
        N_("64 ** -0.5 is the scale of other lessons: use the one that you are given."),
        lambda q, k, lse, scale: window_of_map(q, k, lse, 64**-0.5),
        1,
    ),
    (
        N_("You take 2 to the power: lse was made with exp."),
        lambda q, k, lse, scale: 2 ** (_scores(q, k, scale) - lse[:, None]),
        2,
    ),
    (
        N_("You subtract exp(lse) from exp(scores): subtract first, then take exp."),
        lambda q, k, lse, scale: _scores(q, k, scale).exp() - lse.exp()[:, None],
        2,
    ),
    (
        N_("You subtract lse after exp: subtract it from the scores."),
        lambda q, k, lse, scale: _scores(q, k, scale).exp() - lse[:, None],
        2,
    ),
    (
        N_("Your softmax goes over the queries of the window. Each query has its own lse: use it."),
        lambda q, k, lse, scale: _scores(q, k, scale).softmax(0),
        3,
    ),
    (
        N_(
            "The columns of k became other ones: .T exchanges the axes, a view or reshape does not."
        ),
        lambda q, k, lse, scale: (scale * q @ k.reshape(q.shape[1], -1) - lse[:, None]).exp(),
        1,
    ),
    (
        N_("The sign is turned: exp(scores − lse)."),
        lambda q, k, lse, scale: (lse[:, None] - _scores(q, k, scale)).exp(),
        2,
    ),
)


def _find_mistake_in_window(answer):
    return find_mistake(answer, window_of_map, list(_cases_of_windows()), WINDOW_MISTAKES)


# How long a map may be

# In the first no two of the mistakes below give the same number.
MEMORIES = (
    (24_000_000_000, 12),
    (16 * 2**30, 8),
    (1_000_000, 1),
    (4_095, 4),
    (4_096, 4),
    (48 * 22_360**2 - 1, 12),  # float32 rounds this up
)

TOKENS_MISTAKES = (
    (
        N_("A float32 has 4 bytes: you count 1."),
        lambda memory, heads: math.isqrt(memory // heads),
        1,
    ),
    (
        N_("A float32 has 4 bytes: you count 2."),
        lambda memory, heads: math.isqrt(memory // heads // 2),
        1,
    ),
    (
        N_("A float32 has 4 bytes: you count 8."),
        lambda memory, heads: math.isqrt(memory // heads // 8),
        1,
    ),
    (
        N_("A float32 has 4 bytes: you count 32, which are its bits."),
        lambda memory, heads: math.isqrt(memory // heads // 32),
        1,
    ),
    (
        N_("Each head has a map of its own: divide by heads too."),
        lambda memory, heads: math.isqrt(memory // 4),
        2,
    ),
    (
        N_("The root is missing: a map has N · N weights."),
        lambda memory, heads: memory // (4 * heads),
        2,
    ),
    (
        N_("All heads stand under the root: heads · 4 · N² ≤ memory."),
        lambda memory, heads: math.isqrt(memory // 4) // heads,
        2,
    ),
    (
        N_("The 4 stands under the root too: heads · 4 · N² ≤ memory."),
        lambda memory, heads: math.isqrt(memory // heads) // 4,
        2,
    ),
    (
        N_("heads and 4 stand under the root too: heads · 4 · N² ≤ memory."),
        lambda memory, heads: math.isqrt(memory) // (4 * heads),
        2,
    ),
    (
        N_("You multiply by heads: more heads leave less room for each."),
        lambda memory, heads: math.isqrt(memory * heads // 4),
        2,
    ),
    (
        N_("N must be a whole number, rounded down: one token more does not fit."),
        lambda memory, heads: math.isqrt(memory // (4 * heads)) + 1,
        3,
    ),
    (
        N_("One token more still fits."),
        lambda memory, heads: math.isqrt(memory // (4 * heads)) - 1,
        3,
    ),
    (
        N_("N must be a whole number: round down."),
        lambda memory, heads: (memory / (4 * heads)) ** 0.5,
        3,
    ),
    (
        N_("You take half of it. N · N asks for the square root."),
        lambda memory, heads: memory // (4 * heads) // 2,
        2,
    ),
    (
        N_("You multiply by 4: a float32 has 4 bytes, so fewer fit."),
        lambda memory, heads: math.isqrt(4 * memory // heads),
        2,
    ),
    (
        N_("You multiply by 4 and by heads: both leave less room, so divide."),
        lambda memory, heads: math.isqrt(4 * memory * heads),
        2,
    ),
)


def _find_mistake_in_tokens(answer):
    return find_mistake(answer, most_tokens, MEMORIES, TOKENS_MISTAKES)


EXERCISES = (
    Exercise(
        "kernels.merge",
        N_(
            "Two machines each took half of the keys. Each hands you what a tile loop keeps, a "
            "tuple\n(most, total, out) of tensors (N,), (N,), (N, Dv): the largest score, the sum "
            "of\nexp(scores − most), and the sum of exp(scores − most) · v, for each of N "
            "queries.\nWrite merge(one, other) -> (most, total, out) of all keys together.\n"
            "(A machine that had no keys hands you −inf, 0 and 0. So may both.)"
        ),
        _find_mistake_in_merging,
        (
            N_("most first: row by row the larger of the two, torch.maximum."),
            N_(
                "Each part was measured against its own most. In exp(score − most), what must you "
                "multiply with, to have it measured against the new one?"
            ),
            N_(
                "With exp(old most − new most): total with it as it is, out with it as (N, 1), "
                "[:, None]. Then add the two parts. (−inf − (−inf) is nan: where both are −inf, "
                "subtract 0.)"
            ),
        ),
        merge,
    ),
    Exercise(
        "kernels.window_of_map",
        N_(
            "Write window_of_map(q, k, lse, scale) -> torch.Tensor (rows, cols), weights.\n"
            "q (rows, D) are some of the queries, k (cols, D) some of the keys, lse (rows,) the\n"
            "log-sum-exps of these queries over *all* keys, scale a number times q·k. Scores may\n"
            "be as large as 1000, or as small as −1000."
        ),
        _find_mistake_in_window,
        (
            N_("Form the scores of the window only: scale * q @ k.T."),
            N_("The weights are exp(scores − lse)."),
            N_("Each query has its own lse: give it the shape (rows, 1), lse[:, None]."),
        ),
        window_of_map,
    ),
    Exercise(
        "kernels.most_tokens",
        N_(
            "Write most_tokens(memory: int, heads: int) -> int: the largest number of tokens N "
            "for\nwhich the maps of all heads, N × N float32 weights each, fit into `memory` bytes."
        ),
        _find_mistake_in_tokens,
        (
            N_("A float32 has 4 bytes. How many bytes have the maps of N tokens?"),
            N_("heads · 4 · N² ≤ memory. Solve it for N."),
            N_("Round down, with int(…)."),
        ),
        most_tokens,
    ),
)
