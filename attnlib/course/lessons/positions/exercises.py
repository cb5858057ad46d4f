"""Does a function feel the order of its tokens, and what the two tables depend on."""

import math
from operator import index

import torch
from torch import Tensor

from attnlib.course.exercises.agreeing import PRECISE, agree
from attnlib.course.exercises.calls import Rule
from attnlib.course.exercises.checking import IS_NONE, Mistake, find_mistake
from attnlib.course.exercises.exercise import Exercise
from attnlib.course.exercises.pieces import absolute
from attnlib.course.language import N_, say
from attnlib.positions import RelativePositions


def feels_order(f, x):
    """Does shuffling the tokens do more to f than shuffle its rows? A bool."""
    order = torch.randperm(len(x))
    return not torch.allclose(f(x[order]), f(x)[order])


def _attend(x, added=0.0):
    """(L, C) -> (L, C), with something added to the scores."""
    return (x @ x.mT / x.shape[1] ** 0.5 + added).softmax(-1) @ x


def _places(x):
    """(L, C) an angle for each place and channel."""
    place = torch.arange(len(x), dtype=x.dtype)[:, None]
    return place * 0.5 ** torch.arange(x.shape[1], dtype=x.dtype)


def _distances(x):
    index = torch.arange(len(x))
    return (index[:, None] - index).abs()


def _causal(x):
    return torch.zeros(len(x), len(x), dtype=x.dtype).masked_fill(
        torch.ones(len(x), len(x), dtype=torch.bool).triu(1), -torch.inf
    )


# What f may be; the right answers are those of feels_order.
FUNCTIONS = (
    (N_("attention without positions"), _attend),
    (N_("attention, positions added to the input"), lambda x: _attend(x + _places(x).sin())),
    (N_("attention, positions that matter little"), lambda x: _attend(x + 1e-3 * _places(x).sin())),
    (N_("attention, −|i − j| added to the scores"), lambda x: _attend(x, -_distances(x))),
    (N_("causal attention"), lambda x: _attend(x, _causal(x))),
    (
        N_("attention inside two halves"),
        lambda x: torch.cat([_attend(half) for half in x.chunk(2)]),
    ),
    (N_("x + positions"), lambda x: x + _places(x).sin()),
    (N_("the sine of each number"), torch.sin),
    (N_("each token minus the largest token (channel by channel)"), lambda x: x - x.amax(0)),
    (N_("the mean of all tokens, in every row"), lambda x: x.mean(0).expand(x.shape)),
    (
        N_("a mean with other weights for each place, in every row"),
        lambda x: (_places(x)[:, :1].cos() * x).mean(0).expand(x.shape),
    ),
    (N_("the running sum, x.cumsum(0)"), lambda x: x.cumsum(0)),
    (N_("the mean of both neighbours, in a circle"), lambda x: (x.roll(1, 0) + x.roll(-1, 0)) / 2),
    (N_("the tokens sorted by their first number"), lambda x: x[x[:, 0].argsort()]),
)


def _moved(order):
    """The right test, with an order of its own: a function of the number of tokens."""
    return lambda f, x: not torch.allclose(f(x[order(len(x))]), f(x)[order(len(x))])


def _first_two_exchanged(length):
    return [1, 0, *range(2, length)]


def _compared(one, other):
    """A test that shuffles, then compares `one` with `other`: functions of f, x and order."""

    def test(f, x):
        order = torch.randperm(len(x))
        return not torch.allclose(one(f, x, order), other(f, x, order))

    return test


def _bit_by_bit(f, x):
    order = torch.randperm(len(x))
    return not f(x[order]).equal(f(x)[order])


def _channels(f, x):
    order = torch.randperm(x.shape[1])
    return not torch.allclose(f(x[:, order]), f(x)[:, order])


def _too_few(f, x):
    order = torch.randperm(x.shape[1])
    got, want = f(x[order]), f(x)[order]
    return got.shape != want.shape or not torch.allclose(got, want)


def _loose(f, x):
    order = torch.randperm(len(x))
    return not torch.allclose(f(x[order]), f(x)[order], atol=0.01)


MISTAKES = (
    (
        N_("True and False are exchanged: True means that f *feels* the order."),
        lambda f, x: not feels_order(f, x),
    ),
    (
        N_("It never says True. Is the order that you try another one, and do you compare values?"),
        lambda f, x: False,
    ),
    (N_("It says True for every f."), lambda f, x: True),
    (
        N_(
            "You compare f(x[order]) with f(x): rows that stay in their places. But where the "
            "tokens go, their rows should go too: compare with f(x)[order]."
        ),
        _compared(lambda f, x, order: f(x[order]), lambda f, x, order: f(x)),
    ),
    (
        N_(
            "The two orders do not match: one and the same order, not its inverse and not another "
            "one, belongs on both sides, f(x[order]) and f(x)[order]."
        ),
        _compared(lambda f, x, order: f(x[order]), lambda f, x, order: f(x)[order.argsort()]),
    ),
    (
        N_("f never gets shuffled tokens: compare f(x[order]), not f(x), with f(x)[order]."),
        _compared(lambda f, x, order: f(x), lambda f, x, order: f(x)[order]),
    ),
    (
        N_("You compare sums over the tokens, and a sum does not say which row is whose."),
        _compared(lambda f, x, order: f(x[order]).sum(0), lambda f, x, order: f(x)[order].sum(0)),
    ),
    (
        N_(
            "You only turn the tokens round. With −|i − j| that tells nothing: try another order, "
            "as torch.randperm gives."
        ),
        _moved(lambda length: torch.arange(length).flip(0)),
    ),
    (
        N_(
            "You only move all tokens on by some places, in a circle. Neighbours stay neighbours: "
            "try another order, as torch.randperm gives."
        ),
        _moved(lambda length: torch.arange(length).roll(1)),
    ),
    (
        N_(
            "You only exchange two neighbours. Where attention stays inside halves that tells "
            "nothing: try another order, as torch.randperm gives."
        ),
        _moved(_first_two_exchanged),
    ),
    (
        N_(
            "== (or equal) is too strict: sums in another order are rounded otherwise. Allow for "
            "rounding, as torch.allclose does."
        ),
        _bit_by_bit,
    ),
    (N_("Your tolerance is too wide: positions that matter little are felt as well."), _loose),
    (N_("You shuffle the channels, x[:, order]. The tokens are the rows: x[order]."), _channels),
    (
        N_(
            "The order has as many places as there are channels. It must have as many as there are "
            "tokens, len(x)."
        ),
        _too_few,
    ),
)
SIZES = ((16, 5), (14, 20))


def _of_all(test):
    """x -> what the test says of every function, the random numbers being always the same."""

    def verdicts(x):
        with torch.random.fork_rng(devices=()):
            torch.manual_seed(0)
            return [_as_bool(test(f, x)) for _, f in FUNCTIONS]

    return verdicts


def _as_bool(verdict):
    """A tensor of one bool will do, or NumPy's own kind of bool."""
    try:
        one = verdict.item()
    except (AttributeError, RuntimeError, ValueError):  # neither of the two, or more than one
        return verdict
    return one if isinstance(one, bool) else verdict


def _find_mistake_in_test(answer):
    generator = torch.Generator().manual_seed(0)
    cases = [(torch.randn(*size, generator=generator, dtype=torch.float64),) for size in SIZES]
    mistakes = tuple((sentence, _of_all(mistake)) for sentence, mistake in MISTAKES)
    test = _of_all(answer) if callable(answer) else answer
    return find_mistake(test, _of_all(feels_order), cases, mistakes, named=_named)


def _named(where, places):
    """The name of the function, not its number."""
    name, _ = FUNCTIONS[places[0]]
    return say("{where}, with f = {function}", where=where, function=say(name))


LENGTH = 60


def _find_mistake_in_pairs(answer):
    if answer is None:
        return say(IS_NONE)
    pairs = _as_pairs(answer)
    if pairs is None:
        return say(
            "It must be two pairs of whole numbers, ((i, j), (k, l)), and is {got}.",
            got=repr(answer),
        )
    (i, j), (k, l) = pairs  # noqa: E741 - the letters of the task
    if not all(0 <= frame < LENGTH for frame in (i, j, k, l)):
        return say(
            "Frames are counted from 0 to {last}: {got} goes beyond.",
            last=LENGTH - 1,
            got=repr(answer),
        )
    if (i, j) == (k, l):
        return say("That is the same pair twice.")
    if i == j or k == l:
        return say("The diagonal was shown already: take pairs of two different frames.")
    return _compared_distances(j - i, l - k) or _compared_entries(pairs)


def _compared_distances(first, second):
    told = {"first": first, "second": second}
    if second == -first:
        return say("j − i is {first}, and l − k is {second}: the sign counts.", **told)
    if second != first:
        return say(
            "j − i is {first}, but l − k is {second}: that the table differs then is no wonder.",
            **told,
        )
    return None


def _compared_entries(pairs):
    first, second = RelativePositions(LENGTH, 48)(*torch.tensor(pairs).T).tolist()
    if not abs(first - second) > 1:
        return say(
            "The distances are equal, but the table has {first:.2f} and {second:.2f} there: they "
            "differ by less than 1.",
            first=first,
            second=second,
        )
    return None


def _as_pairs(answer):
    """Two pairs of int, or None. Whole numbers of torch and NumPy will do."""
    try:
        first, second = ((index(i), index(j)) for i, j in answer)
    except (TypeError, ValueError):
        return None
    return first, second


def absolute_by_pairs(length, width, freq):
    table = torch.zeros(length, length, dtype=torch.float64)
    for i in range(length):  # queries
        for j in range(length - length % 2):  # keys; the last of an odd length keeps its zeros
            angle = i / freq ** (2 * (j // 2) / width)
            table[i, j] = math.sin(angle) if j % 2 == 0 else math.cos(angle)
    return table


def _table(angle=None, columns=None, even=torch.sin, odd=torch.cos, empty=True):
    """`absolute`, with one part of it another: the mistakes."""

    def table(length, width, freq):
        last = length if columns is None else columns(length, width)
        i, j = torch.arange(length)[:, None], torch.arange(last)
        angles = (angle or _angle)(i, j, width, freq, length)
        waves = torch.where(j % 2 == 0, even(angles), odd(angles))
        return waves.masked_fill(j >= last - last % 2, 0.0) if empty else waves

    return table


def _angle(i, j, width, freq, length):
    return i / freq ** (2 * (j // 2) / width)


def _parity_of_queries(length, width, freq):
    i, j = torch.arange(length)[:, None], torch.arange(length)
    angle = _angle(i, j, width, freq, length)
    waves = torch.where(i % 2 == 0, angle.sin(), angle.cos())
    return waves.masked_fill(j >= length - length % 2, 0.0)


TABLE_MISTAKES = (
    (
        N_(
            "That is the usual table, with channels across. Here *keys* stand across, so it has as "
            "many columns as rows."
        ),
        _table(columns=lambda length, width: width, empty=False),
        1,
    ),
    (
        N_("The last column is filled. In PGL-SUM's table it stays zero where the length is odd."),
        _table(empty=False),
        3,
    ),
    (
        N_("sin and cos are exchanged: even keys have sin."),
        _table(even=torch.cos, odd=torch.sin),
        2,
    ),
    (N_("The key j decides between sin and cos. Yours asks the query i."), _parity_of_queries, 2),
    (
        N_("Queries and keys are exchanged. Row i is the query, and i is what is divided."),
        lambda *case: absolute(*case).mT,
        1,
    ),
    (
        N_(
            "The exponent is 2⌊j/2⌋ / width, the same for a sin and the cos beside it. Yours is "
            "j / width."
        ),
        _table(lambda i, j, width, freq, length: i / freq ** (j / width)),
        2,
    ),
    (
        N_("The exponent is 2⌊j/2⌋ / width. You forgot the 2 before ⌊j/2⌋."),
        _table(lambda i, j, width, freq, length: i / freq ** ((j // 2) / width)),
        2,
    ),
    (
        N_("The exponent is 2⌊j/2⌋ / width. Yours is 2j / width."),
        _table(lambda i, j, width, freq, length: i / freq ** (2 * j / width)),
        2,
    ),
    (
        N_("You divide the exponent by the length. Divide it by the width."),
        _table(lambda i, j, width, freq, length: i / freq ** (2 * (j // 2) / length)),
        2,
    ),
    (
        N_("The exponent holds the key, 2⌊j/2⌋. Yours holds the query i."),
        _table(lambda i, j, width, freq, length: i / freq ** (2 * (i // 2) / width)),
        2,
    ),
    (
        N_("i is divided, by a power with 2⌊j/2⌋. In yours i and j are exchanged there."),
        _table(lambda i, j, width, freq, length: j / freq ** (2 * (i // 2) / width)),
        1,
    ),
    (
        N_("You multiply i by the power of freq. Divide it."),
        _table(lambda i, j, width, freq, length: i * freq ** (2 * (j // 2) / width)),
        2,
    ),
    (N_("All columns have sin. Odd keys have cos."), _table(odd=torch.sin), 2),
    (N_("All columns have cos. Even keys have sin."), _table(even=torch.cos), 2),
    (
        N_("Queries are counted from 0. Yours begin with 1."),
        _table(lambda i, j, width, freq, length: _angle(i + 1, j, width, freq, length)),
        1,
    ),
    (
        N_("10000 is fixed in your code: use freq."),
        _table(lambda i, j, width, freq, length: _angle(i, j, width, 10000, length)),
    ),
    (
        N_("The last column is always zero. It must be zero for odd lengths only."),
        lambda length, *rest: absolute(length, *rest).index_fill(
            1, torch.tensor([length - 1]), 0.0
        ),
        3,
    ),
    (
        N_("The last row is zero. For odd lengths it must be the last *column*."),
        lambda length, *rest: (
            _table(empty=False)(length, *rest)
            * (torch.arange(length) < length - length % 2)[:, None]
        ),
        3,
    ),
    (
        N_("That is the relative table. Here only i is divided, by freq^(2⌊j/2⌋ / width)."),
        lambda length, width, freq: RelativePositions(length, width, freq)(
            torch.arange(length)[:, None], torch.arange(length)
        ),
        2,
    ),
    (
        N_("// rounds the exponent down. Only j / 2 is rounded: 2 * (j // 2) / width."),
        _table(lambda i, j, width, freq, length: i / freq ** (2 * (j // 2) // width)),
        2,
    ),
    (
        N_("j − i is divided, as in a relative table. Here it is i alone."),
        _table(lambda i, j, width, freq, length: _angle(j - i, j, width, freq, length)),
        2,
    ),
)
TABLES = ((7, 12, 100), (6, 4, 10), (9, 5, 50.0), (12, 48, 10000), (2, 2, 3))
ONE_FRAME = ((1, 3, 10000),)  # after the others: it shows nothing


def _find_mistake_in_table(answer):
    return (
        find_mistake(answer, absolute, TABLES, TABLE_MISTAKES)
        or find_mistake(answer, absolute, ONE_FRAME, TABLE_MISTAKES)
        or _rough(answer)
    )


def _rough(answer):
    """Whether it is less exact than a table in float64."""
    for case in TABLES:
        got = answer(*case)
        if not isinstance(got, Tensor):
            kind = type(got).__name__
            return Mistake(say("It must return a torch.Tensor, and returned {kind}.", kind=kind))
        if got.dtype != torch.float64:
            return Mistake(
                say(
                    "The table is right, but it must be float64, and is {dtype}: "
                    "torch.arange(length, dtype=torch.float64).",
                    dtype=got.dtype,
                ),
                1,
            )
        if not agree(got, absolute(*case), PRECISE):
            return Mistake(
                say(
                    "The table is float64, but its numbers are only as exact as float32. Begin "
                    "with float64 for i and for j: torch.arange(length, dtype=torch.float64)."
                ),
                1,
            )
    return None


EXERCISES = (
    Exercise(
        "positions.absolute",
        N_(
            "Write absolute(length: int, width: int, freq: float) -> torch.Tensor,\n"
            "(length, length), float64: PGL-SUM's absolute table. Query i and key j get\n"
            "sin (j even) or cos (j odd) of i / freq^(2⌊j/2⌋ / width).\n"
            "Where length is odd, the last column is zero. Write it without attnlib."
        ),
        _find_mistake_in_table,
        (
            N_(
                "Queries go down, keys across: index = torch.arange(length, dtype=torch.float64), "
                "i = index[:, None], j = index."
            ),
            N_(
                "angle = i / freq ** (2 * (j // 2) / width); then torch.where(j % 2 == 0, …, …). "
                "`sinusoids` above is the same with channels in place of keys."
            ),
            N_("At the end: if length % 2, set table[:, -1] = 0."),
        ),
        absolute,
        loop=absolute_by_pairs,
        rule=Rule(),
    ),
    Exercise(
        "positions.feels_order",
        N_(
            "Write feels_order(f, x: torch.Tensor) -> bool.\n"
            "f takes tokens (L, C) and returns rows (L, C); x is such an input, in float64.\n"
            "Return False if shuffled tokens give the same rows, shuffled the same way, up to\n"
            "rounding. Return True if they give anything else: then f feels the order."
        ),
        _find_mistake_in_test,
        (
            N_(
                "torch.randperm(len(x)) gives a random order; x[order] are the tokens in that "
                "order."
            ),
            N_("Two things are to be compared: f of the shuffled tokens, and the shuffled f(x)."),
            N_(
                "torch.allclose says that they are equal up to rounding. And that means False here."
            ),
        ),
        feels_order,
    ),
    Exercise(
        "positions.pairs",
        N_(
            "PGL-SUM's relative table for L = 60: RelativePositions(60, 48)(i, j).\n"
            "Find two pairs of frames, ((i, j), (k, l)), with the same j − i = l − k, "
            "whose entries\n"
            "differ by more than 1. Off the diagonal: i ≠ j."
        ),
        _find_mistake_in_pairs,
        (
            N_("Choose a distance, say 5, and look at all pairs (i, i + 5)."),
            N_("index = torch.arange(60); make the table from index[:, None] and index."),
            N_("table.diagonal(5) are the entries of the pairs (0, 5), (1, 6), (2, 7), …"),
        ),
        "((7, 12), (9, 14))",
    ),
)
