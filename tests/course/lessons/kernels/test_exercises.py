"""The checks take what is right and name what is not; its pictures are right."""

import math
import operator
from functools import reduce

import numpy as np
import pytest
import torch

from attnlib import attention
from attnlib.course.lessons import exercise
from attnlib.course.lessons.kernels import exercises, tiles
from attnlib.course.lessons.kernels.costs import Cost
from attnlib.course.lessons.kernels.figures import plot_costs, plot_pixel_rows, read_costs
from tests.course.lessons.named import assert_named

# Merging two parts


def larger(one, other):
    return torch.where(one[0] > other[0], one[0], other[0])


def by_hand(one, other, factor=None, out_factor=None, most=larger):
    """A merge whose factors for total and for out are functions of a part and the new most."""
    new = larger(one, other).clamp(min=-1e30)  # of two that had no keys
    factor = factor or (lambda part, new: torch.exp(part[0] - new))
    out_factor = out_factor or factor
    return (
        most(one, other),
        sum(factor(part, new) * part[1] for part in (one, other)),
        sum(out_factor(part, new)[:, None] * part[2] for part in (one, other)),
    )


def ones(part, new):
    return torch.ones_like(new)


def only(number):
    """Shrinks that part of the two only, told by which is passed first."""

    def merge(one, other):
        new = larger(one, other)
        factors = [torch.ones_like(new), torch.ones_like(new)]
        factors[number] = ((one, other)[number][0] - new).exp()
        pairs = list(zip(factors, (one, other), strict=True))
        return (
            new,
            sum(f * part[1] for f, part in pairs),
            sum(f[:, None] * part[2] for f, part in pairs),
        )

    return merge


def in_one(change):
    """The right merge, changed."""
    return lambda one, other: change(*by_hand(one, other))


WRONG_MERGES = {
    "Not written yet: it returns None.": lambda one, other: None,
    "the first part as it came": lambda one, other: tuple(one),
    "the second part as it came": lambda one, other: list(other),
    "You add the parts as they are.": lambda one, other: by_hand(one, other, ones),
    "You shrink total, not out": lambda one, other: by_hand(one, other, None, ones),
    "You shrink out, not total": lambda one, other: by_hand(
        one, other, ones, lambda part, new: (part[0] - new).exp()
    ),
    "You shrink the first part only.": only(0),
    "You shrink the second part only.": only(1),
    "The factor is turned round": lambda one, other: by_hand(
        one, other, lambda part, new: (new - part[0]).exp()
    ),
    "against the smaller most": lambda one, other: (
        torch.minimum(one[0], other[0]),
        sum((p[0] - torch.minimum(one[0], other[0])).exp() * p[1] for p in (one, other)),
        sum((p[0] - torch.minimum(one[0], other[0])).exp()[:, None] * p[2] for p in (one, other)),
    ),
    "You shrink to the smaller most, and return the larger": lambda one, other: by_hand(
        one, other, lambda part, new: (part[0] - torch.minimum(one[0], other[0])).exp()
    ),
    "to the other's most": lambda one, other: by_hand(
        one, other, lambda part, new: (part[0] - (other if part is one else one)[0]).exp()
    ),
    "and most does not": lambda one, other: by_hand(one, other, most=lambda one, other: one[0]),
    "you return the second part's": lambda one, other: by_hand(
        one, other, most=lambda one, other: other[0]
    ),
    "not the largest of the whole table": lambda one, other: by_hand(
        one,
        other,
        lambda part, new: (part[0] - new.max()).exp(),
        most=lambda one, other: torch.full_like(one[0], max(one[0].max(), other[0].max())),
    ),
    "You add the two most: it is the larger of them. (": lambda one, other: by_hand(
        one, other, most=lambda one, other: one[0] + other[0]
    ),
    "And you shrink by that sum": lambda one, other: by_hand(
        one,
        other,
        lambda part, new: (part[0] - one[0] - other[0]).exp(),
        most=lambda one, other: one[0] + other[0],
    ),
    "You divide out by total.": in_one(
        lambda most, total, out: (most, total, out / total[:, None])
    ),
    "You take means": in_one(lambda most, total, out: (most, 0.5 * total, 0.5 * out)),
    "The log of total": in_one(lambda most, total, out: (most, total.log(), out)),
    "you return the log-sum-exp": in_one(lambda most, total, out: (most + total.log(), total, out)),
    "exp is missing": lambda one, other: by_hand(one, other, lambda part, new: part[0] - new),
    "You take 2 to the power": lambda one, other: by_hand(
        one, other, lambda part, new: torch.exp2(part[0] - new)
    ),
    "The factors are exchanged": lambda one, other: by_hand(
        one, other, lambda part, new: ((other if part is one else one)[0] - new).exp()
    ),
    "the second part against the first": lambda one, other: by_hand(
        one, other, lambda part, new: (part[0] - one[0]).exp()
    ),
    "the first part against the second": lambda one, other: by_hand(
        one, other, lambda part, new: (part[0] - other[0]).exp()
    ),
    "the mean of both out": lambda one, other: by_hand(
        one,
        other,
        None,
        lambda part, new: (part[0] - new).exp() * part[1] / by_hand(one, other)[1],
    ),
    "You multiply out by total": lambda one, other: by_hand(
        one, other, None, lambda part, new: (part[0] - new).exp() * part[1]
    ),
    "the larger total and the larger out": lambda one, other: [
        torch.where(a > b, a, b) for a, b in zip(one, other, strict=True)
    ],
    "−inf − (−inf) is nan": lambda one, other: by_hand(
        one, other, lambda part, new: (part[0] - larger(one, other)).exp()
    ),
    "infinite above 88: subtract first": lambda one, other: by_hand(
        one, other, lambda part, new: part[0].exp() / new.exp()
    ),
    "You take exp(most), infinite": lambda one, other: by_hand(
        one, other, lambda part, new: part[0].exp()
    ),
    "there must be 3 results, and there are 2": in_one(lambda most, total, out: (most, total)),
    "It must return tuple, and returned a torch.Tensor": in_one(lambda most, total, out: out),
    "in result 1, the shape must be (6,), and is (6, 3)": in_one(
        lambda most, total, out: (most, out, total)
    ),
    "it stopped with IndexError": lambda one, other: by_hand(
        one, other, lambda part, new: new[:, 1]
    ),
}


@pytest.mark.parametrize(("words", "answer"), WRONG_MERGES.items(), ids=WRONG_MERGES)
def test_wrong_merges_are_named(words, answer):
    assert_named("kernels.merge", answer, words)


def test_a_merge_that_overflows_does_not_pass():
    def by_powers(one, other):
        new = larger(one, other)
        total = sum(p[0].exp() * p[1] for p in (one, other)) / new.exp()
        out = sum(p[0].exp()[:, None] * p[2] for p in (one, other)) / new.exp()[:, None]
        return new, total, out

    assert_named("kernels.merge", by_powers, "infinite above 88: subtract first")


def test_a_merge_that_makes_nan_of_a_part_without_keys_does_not_pass():
    def by_the_difference(one, other):
        new, apart = larger(one, other), (one[0] - other[0]).abs()
        first = one[0] >= other[0]
        a, b = torch.where(first, 0 * apart, -apart).exp(), torch.where(first, -apart, 0 * apart)
        b = b.exp()
        out = a[:, None] * one[2] + b[:, None] * other[2]
        return new, a * one[1] + b * other[1], out

    assert_named("kernels.merge", by_the_difference, "one of shapes (2,), (2,), (2, 3)")


@pytest.mark.parametrize("place", [0, 1])
def test_a_merge_that_fails_where_one_of_the_two_had_no_keys_does_not_pass(place):
    def nan_of_nothing(*parts):
        most, total, out = by_hand(*parts)
        return most, total + 0 * parts[place][0], out

    assert_named("kernels.merge", nan_of_nothing, "in result 1, the value at [0] should be")


def by_log_sum_exps(one, other):
    most = torch.maximum(one[0], other[0])
    new = most.nan_to_num(neginf=0.0)
    lse = torch.logaddexp(one[0] + one[1].log(), other[0] + other[1].log())
    shares = [(part[0] - new).exp() for part in (one, other)]
    return [most, (lse - new).exp(), shares[0][:, None] * one[2] + shares[1][:, None] * other[2]]


def row_by_row(one, other):
    rows = []
    for (a, s, x), (b, r, y) in zip(zip(*one, strict=True), zip(*other, strict=True), strict=True):
        new = max(a, b)
        left, right = (math.exp(m - new) if m > -math.inf else 0 for m in (a, b))
        rows.append((new, left * s + right * r, left * x + right * y))
    return tuple(map(torch.stack, zip(*rows, strict=True)))


RIGHT_MERGES = {
    "by hand": by_hand,
    "by log-sum-exps": by_log_sum_exps,
    "row by row": row_by_row,
    "turned round": lambda one, other: by_hand(other, one),
}


@pytest.mark.parametrize("answer", RIGHT_MERGES.values(), ids=RIGHT_MERGES)
def test_other_right_merges_pass(answer):
    assert exercise("kernels.merge").check(answer) == "✔ Right."


def test_a_merge_that_changes_its_arguments_is_told_so():
    def change(one, other):
        result = by_hand(one, other)
        one[1].zero_()
        return result

    assert_named("kernels.merge", change, "It changes its arguments")


def test_in_the_first_case_each_part_is_the_smaller_one_somewhere():
    one, other = next(exercises._cases_of_merging())
    assert (one[0] > other[0]).any() and (one[0] < other[0]).any()


def test_the_solution_merges_what_the_tile_loop_keeps():
    q, k, v = torch.randn(3, 9, 4, dtype=torch.float64)
    parts = []
    for keys in (slice(0, 2), slice(2, 7), slice(7, 9)):
        *_, last = tiles.walk(q, k[keys], v[keys], scale=0.5, tile=20)
        parts.append((last.most, last.total, last.out))
    most, total, out = reduce(exercises.merge, parts)
    want, map_ = attention(q[None], k[None], v[None], scale=0.5, backend="eager")
    torch.testing.assert_close(out / total[:, None], want[0])
    torch.testing.assert_close(most + total.log(), map_.lse[0])


# A window of a map


def window(q, k, lse, scale):
    return torch.exp(scale * q @ k.mT - lse.unsqueeze(-1))


def changed(change):
    """The right window, from changed arguments."""
    return lambda q, k, lse, scale: window(*change(q, k, lse, scale))


WRONG_WINDOWS = {
    "Not written yet": lambda q, k, lse, scale: None,
    "You take the softmax of the window.": lambda q, k, lse, scale: torch.softmax(
        scale * q @ k.T, dim=1
    ),
    "These are the scores": lambda q, k, lse, scale: (k @ q.T * scale).T,
    "exp is missing": lambda q, k, lse, scale: (q @ k.T * scale) - lse.view(-1, 1),
    "lse is missing": lambda q, k, lse, scale: torch.exp(scale * q @ k.T),
    "The scale is missing": changed(lambda q, k, lse, scale: (q, k, lse, 1.0)),
    "You divide by the scale": changed(lambda q, k, lse, scale: (q, k, lse, 1 / scale)),
    "You divide by √D as well": changed(
        lambda q, k, lse, scale: (q / math.sqrt(q.shape[1]), k, lse, scale)
    ),
    "The scale is 1/√D here": changed(
        lambda q, k, lse, scale: (q, k, lse, 1 / math.sqrt(q.shape[1]))
    ),
    "You scale lse too": changed(lambda q, k, lse, scale: (q, k, scale * lse, scale)),
    "lse lies along the keys": lambda q, k, lse, scale: torch.exp(scale * q @ k.T - lse),
    "You divide by lse": lambda q, k, lse, scale: torch.exp(scale * q @ k.T) / lse[:, None],
    "exp(lse) are infinite above 88": lambda q, k, lse, scale: (
        torch.exp(scale * q @ k.T) / torch.exp(lse)[:, None]
    ),
    "exp(−lse) are infinite": lambda q, k, lse, scale: (
        torch.exp(scale * q @ k.T) * torch.exp(-lse)[:, None]
    ),
    "float64 only moves the limit": lambda q, k, lse, scale: (
        torch.exp(scale * q.double() @ k.double().T) / torch.exp(lse.double())[:, None]
    ).to(q.dtype),
    "You cut large scores off": lambda q, k, lse, scale: (
        torch.exp((scale * q @ k.T).clamp(max=80)) / torch.exp(lse.clamp(max=80))[:, None]
    ),
    "the row's largest score as well": lambda q, k, lse, scale: torch.exp(
        scale * q @ k.T - (scale * q @ k.T).max(-1, keepdim=True).values - lse[:, None]
    ),
    "You give it to lse alone": lambda q, k, lse, scale: torch.exp(q @ k.T - scale * lse[:, None]),
    "64 ** -0.5 is the scale of other lessons": changed(
        lambda q, k, lse, scale: (q, k, lse, 1 / 8)
    ),
    "You take 2 to the power": lambda q, k, lse, scale: torch.exp2(scale * q @ k.T - lse[:, None]),
    "You subtract exp(lse) from exp(scores)": lambda q, k, lse, scale: (
        torch.exp(scale * q @ k.T) - torch.exp(lse)[:, None]
    ),
    "You subtract lse after exp": lambda q, k, lse, scale: (
        torch.exp(scale * q @ k.T) - lse[:, None]
    ),
    "over the queries of the window": lambda q, k, lse, scale: torch.softmax(scale * q @ k.T, 0),
    "a view or reshape does not": lambda q, k, lse, scale: torch.exp(
        scale * q @ k.reshape(k.shape[::-1]) - lse[:, None]
    ),
    "You add lse": changed(lambda q, k, lse, scale: (q, k, -lse, scale)),
    "Keys down, queries across": lambda q, k, lse, scale: window(q, k, lse, scale).mT,
    "The sign is turned": lambda q, k, lse, scale: 1 / window(q, k, lse, scale),
    "the shape must be (4, 4), and is (1, 4, 4)": lambda q, k, lse, scale: window(
        q[None], k, lse, scale
    ),
}


@pytest.mark.parametrize(("words", "answer"), WRONG_WINDOWS.items(), ids=WRONG_WINDOWS)
def test_wrong_windows_are_named(words, answer):
    assert_named("kernels.window_of_map", answer, words)


def test_a_window_that_knows_no_other_keys_does_not_pass():
    def own_lse(q, k, lse, scale):
        return window(q, k, (scale * q @ k.T).logsumexp(-1), scale)

    assert_named("kernels.window_of_map", own_lse, "You take the softmax of the window.")


RIGHT_WINDOWS = {
    "subtracted": window,
    "turned twice": lambda q, k, lse, scale: (scale * k @ q.T - lse).exp().T,
    "einsum": lambda q, k, lse, scale: (
        torch.einsum("id, jd -> ij", q, k) * scale - lse.reshape(-1, 1)
    ).exp(),
}


@pytest.mark.parametrize("answer", RIGHT_WINDOWS.values(), ids=RIGHT_WINDOWS)
def test_other_right_windows_pass(answer):
    assert exercise("kernels.window_of_map").check(answer) == "✔ Right."


def test_the_solution_is_the_window_of_a_map():
    q, k = torch.randn(2, 1, 12, 4)
    _, map_ = attention(q, k, k, scale=0.3)
    window = exercises.window_of_map(q[0, 2:5], k[0, 6:11], map_.lse[0, 2:5], 0.3)
    torch.testing.assert_close(window, map_.window(slice(2, 5), slice(6, 11))[0])


# How long a map may be

WRONG_TOKENS = {
    "Not written yet": lambda memory, heads: None,
    "you count 1.": lambda memory, heads: int((memory / heads) ** 0.5),
    "you count 2.": lambda memory, heads: int((memory / heads / 2) ** 0.5),
    "you count 8.": lambda memory, heads: int((memory / heads / 8) ** 0.5),
    "which are its bits": lambda memory, heads: int((memory / heads / 32) ** 0.5),
    "Each head has a map of its own": lambda memory, heads: int((memory / 4) ** 0.5),
    "The root is missing": lambda memory, heads: memory // 4 // heads,
    "All heads stand under the root": lambda memory, heads: int((memory / 4) ** 0.5 / heads),
    "The 4 stands under the root too": lambda memory, heads: int((memory / heads) ** 0.5 / 4),
    "heads and 4 stand under the root": lambda memory, heads: int(memory**0.5 / 4 / heads),
    "You multiply by heads": lambda memory, heads: int((memory / 4 * heads) ** 0.5),
    "You take half of it": lambda memory, heads: memory // (8 * heads),
    "You multiply by 4: a float32": lambda memory, heads: int((4 * memory / heads) ** 0.5),
    "You multiply by 4 and by heads": lambda memory, heads: int((4 * memory * heads) ** 0.5),
    "One token more still fits": lambda memory, heads: math.ceil((memory / 4 / heads) ** 0.5) - 1,
    "(Seen for memory=23998540799": lambda memory, heads: int(
        torch.tensor(memory / 4 / heads).sqrt()  # in float32
    ),
    "one token more does not fit": lambda memory, heads: math.ceil((memory / 4 / heads) ** 0.5),
    "whole number: round down": lambda memory, heads: math.sqrt(memory / 4 / heads),
}


@pytest.mark.parametrize(("words", "answer"), WRONG_TOKENS.items(), ids=WRONG_TOKENS)
def test_wrong_lengths_are_named(words, answer):
    assert_named("kernels.most_tokens", answer, words)


def test_a_length_that_is_rounded_to_the_nearest_does_not_pass():
    def nearest(memory, heads):
        return round((memory / 4 / heads) ** 0.5) if memory < 5000 else right(memory, heads)

    right = exercises.most_tokens
    assert_named(
        "kernels.most_tokens",
        nearest,
        "one token more does not fit. (Seen for memory=4095, heads=4.)",
    )


def by_counting(memory, heads):
    tokens = 0
    while heads * 4 * (tokens + 1) ** 2 <= memory:
        tokens += 1
    return tokens


RIGHT_TOKENS = {
    "by counting": by_counting,
    "int of the root": lambda memory, heads: int((memory / heads / 4) ** 0.5),
    "floor": lambda memory, heads: math.floor(math.sqrt(memory / (4 * heads))),
}


@pytest.mark.parametrize("answer", RIGHT_TOKENS.values(), ids=RIGHT_TOKENS)
def test_other_right_lengths_pass(answer):
    assert exercise("kernels.most_tokens").check(answer) == "✔ Right."


# All three


MISTAKES = {
    "kernels.merge": exercises.MERGE_MISTAKES,
    "kernels.window_of_map": exercises.WINDOW_MISTAKES,
    "kernels.most_tokens": exercises.TOKENS_MISTAKES,
}


@pytest.mark.parametrize("key", MISTAKES)
def test_every_mistake_that_is_listed_is_told_by_its_own_sentence(key):
    for sentence, wrong, *_ in MISTAKES[key]:
        assert_named(key, wrong, sentence)


# The pictures

COSTS = [
    Cost(8, length, what, length**2 / 1e6, length * 1024, None)
    for length in (64, 256, 1024)
    for what in ("out", "out + map", "out + weights")
]
COSTS[-1] = Cost(8, 1024, "out + weights", None, None, "more than 60 s")


def test_costs_are_drawn_as_measured_and_what_was_not_run_is_left_out():
    figure = plot_costs(COSTS, "a machine, 2 threads")
    seconds, memory = figure.axes
    for axis, read in (
        (seconds, operator.attrgetter("seconds")),
        (memory, lambda c: c.bytes / 2**20),
    ):
        assert (axis.get_xscale(), axis.get_yscale()) == ("log", "log")
        assert len(axis.lines) == 3
        for line in axis.lines:
            measured = [c for c in COSTS if c.what == line.get_label() and c.not_run is None]
            want = [(c.length, read(c)) for c in measured]
            np.testing.assert_allclose(line.get_xydata(), want)
    assert "a machine, 2 threads" in figure.get_suptitle()
    labels = [text.get_text() for text in seconds.get_legend().get_texts()]
    assert labels == ["out", "out + map", "out + weights"]


def test_the_table_tells_what_was_measured_to_two_digits():
    rows = [
        Cost(8, 4096, "out", 1.234, 3 * 2**20, None),
        Cost(8, 4096, "out + map", 0.1234, 123 * 2**20, None),
        Cost(8, 4096, "out + weights", None, None, "more than 60 s"),
        Cost(8, 64, "out", 0.00056, 4096, None),
    ]
    head, short, long = read_costs(rows).splitlines()
    assert head.split("  ")[0] == "tokens"
    assert short.split() == ["64", "0.56", "ms,", "<", "1", "MiB"]
    assert long.endswith(" not run: more than 60 s")
    assert "1.2 s, 3 MiB" in long and "120 ms, 120 MiB" in long
    assert long.index("1.2 s, 3 MiB") + len("1.2 s, 3 MiB") == head.index("out ") + len("out")


def test_no_costs_are_refused():
    with pytest.raises(ValueError, match="costs must hold at least one measurement, got none"):
        plot_costs([], "a machine")


def test_rows_of_a_map_are_laid_out_as_the_picture_on_one_scale():
    picture, rows = torch.rand(4, 6, 3), torch.rand(2, 4, 6)
    figure = plot_pixel_rows(picture, [(1, 5), (3, 0)], rows)
    shown, *panels = figure.axes[:3]
    np.testing.assert_array_equal(shown.images[0].get_array(), picture)
    marks = [line.get_xydata()[0].tolist() for line in shown.lines]
    assert marks == [[5, 1], [0, 3]]  # column, row
    for axis, row, mark in zip(panels, rows, marks, strict=True):
        np.testing.assert_array_equal(axis.images[0].get_array(), row)
        assert axis.images[0].get_clim() == (0, pytest.approx(rows.max().item()))
        assert axis.lines[0].get_xydata()[0].tolist() == mark


def test_rows_that_do_not_fit_the_picture_are_refused():
    with pytest.raises(ValueError, match=r"rows must be \(1, 4, 6\) to fit .* got \(2, 4, 6\)"):
        plot_pixel_rows(torch.rand(4, 6, 3), [(0, 0)], torch.rand(2, 4, 6))
