"""The checks take their solutions, refuse their stubs, and name the known wrong answers."""

import pytest
import torch
from einops import rearrange
from torch import nn

from attnlib.course import compare
from attnlib.course.lessons import exercise
from attnlib.course.lessons.detective.exercises import ANSWERS, PATTERN, Stranger

WRONG_MATRICES = {
    "Not written yet": lambda out, heads: None,
    "returned Size": lambda out, heads: out.shape,
    "as it came": lambda out, heads: out,
    "The other way round, or H and D exchanged": lambda out, heads: rearrange(
        out, "c (h d) -> c (d h)", h=heads
    ),
    "The rows changed places": lambda out, heads: rearrange(out, "(d h) c -> (h d) c", h=heads),
    "The rows changed places. They are": lambda out, heads: rearrange(
        out, "(h d) c -> (d h) c", h=heads
    ),
    "Rows and columns both changed places": lambda out, heads: rearrange(
        out, "(e g) (d h) -> (g e) (h d)", h=heads, g=heads
    ),
    "were reversed": lambda out, heads: out.flip(1),
    "The matrix is transposed": lambda out, heads: out.T,
    "transposed: it must stay (C, H·D)": lambda out, heads: rearrange(
        out, "c (d h) -> (h d) c", h=heads
    ),
    "now merge them again": lambda out, heads: out.view(len(out), -1, heads).mT,
    "told apart, but not exchanged": lambda out, heads: out.view(len(out), -1, heads),
    "The heads came to the front": lambda out, heads: rearrange(out, "c (d h) -> h c d", h=heads),
    "Numbers of several rows are mixed": lambda out, heads: (
        out.view(len(out), -1, heads).transpose(0, 1).reshape(out.shape)
    ),
    "C must stay the first axis": lambda out, heads: rearrange(
        out, "c (d h) -> h c d", h=heads
    ).reshape(out.shape),
    "in reversed order: head 0 comes first": lambda out, heads: torch.cat(
        [out[:, head::heads] for head in reversed(range(heads))], 1
    ),
    "The number of heads is fixed": lambda out, heads: rearrange(out, "c (d h) -> c (h d)", h=6),
    "in your code: use `heads`": lambda out, heads: rearrange(out, "c (d h) -> c (h d)", h=2),
    "the shape must be (12, 12), and is (144,)": lambda out, heads: out.flatten(),
    "the value at [0, 0] should be -1.126, and is -2.252": lambda out, heads: (
        2 * torch.cat([out[:, head::heads] for head in range(heads)], 1)
    ),
    "heads=4 it stopped with EinopsError": lambda out, heads: rearrange(
        out, "c (d h) -> c (h d)", h=5
    ),
}


@pytest.mark.parametrize(("words", "answer"), WRONG_MATRICES.items(), ids=WRONG_MATRICES)
def test_a_wrong_matrix_is_named(words, answer):
    verdict = exercise("detective.head_major").check(answer)
    assert not verdict.right
    assert words in verdict


def test_columns_that_went_elsewhere_are_shown_by_their_places():
    tables = exercise("detective.head_major").check(lambda out, heads: out).tables
    assert tables.index("r0 c0") < tables.index("r0 c3") < tables.index("r0 c1")


def test_a_matrix_taken_to_be_square_does_not_pass():
    def square(out, heads):
        return rearrange(out, "c (d h) -> c (h d)", h=heads).view(len(out), len(out))

    assert "shape (5, 6), heads=3 it stopped" in exercise("detective.head_major").check(square)


def test_other_right_ways_pass():
    def by_einops(out, heads):
        return rearrange(out, "c (d h) -> c (h d)", h=heads)

    def by_index(out, heads):
        return torch.cat([out[:, head::heads] for head in range(heads)], 1)

    assert exercise("detective.head_major").check(by_einops).right
    assert exercise("detective.head_major").check(by_index).right


WRONG = {
    "Not written yet": None,
    "must be a string, and is dict": {"h": 4},
    "as they came": "(three h d) c -> (three h d) c",
    "The other way round": "(three h d) c -> (h three d) c",
    "`three` comes before d": "(h d three) c -> (three h d) c",
    "h before d": "(h three d) c -> (three d h) c",
    "see unflatten, 4, then 3, then 6": "(d h three) c -> (three h d) c",
    "`three` comes first": "(h three d) c -> (h d three) c",
    "einops refuses it": "(h three d) c -> (three h) c",
    "must stay (72, 24), and is (24, 72)": "(h three d) c -> c (three h d)",
    "how the rows lie: see unflatten": "(d three h) c -> (three h d) c",
    "Row 4 must be what row 4 was. Yours is what row 12 was.": "(d three h) c -> (three d h) c",
}


@pytest.mark.parametrize(("words", "answer"), WRONG.items(), ids=WRONG)
def test_a_wrong_pattern_is_named(words, answer):
    verdict = exercise("detective.answer").check(answer)
    assert not verdict.right
    assert words in verdict


def test_a_pattern_in_other_letters_is_right():
    assert exercise("detective.answer").check("(h three r) w -> (three h r) w").right


def test_the_pattern_makes_the_stranger_a_multi_head_attention():
    f, g = Stranger(), nn.MultiheadAttention(24, 4, batch_first=True)
    finding = compare.same(f, g)
    assert f'"{PATTERN}"' in finding.forth.code
    assert finding.back == "it has no place for a query bias"


WRONG_VERDICTS = {
    "every value is None": dict.fromkeys(ANSWERS),
    "must be a dict": list(ANSWERS),
    "keys must stay": {"these two": "same"},
    "must be one of ('same', 'different', 'undecided'), and is 'equal'": ANSWERS
    | {next(iter(ANSWERS)): "equal"},
}


@pytest.mark.parametrize(("words", "answer"), WRONG_VERDICTS.items(), ids=WRONG_VERDICTS)
def test_wrong_verdicts_are_named(words, answer):
    verdict = exercise("detective.verdicts").check(answer)
    assert not verdict.right
    assert words in verdict


def test_blanks_and_capitals_do_not_matter():
    shouted = {pair: f" {verdict.capitalize()} " for pair, verdict in ANSWERS.items()}
    assert exercise("detective.verdicts").check(shouted).right


def test_who_knows_that_two_layers_are_the_same_is_told_so():
    pair = "nn.TransformerEncoderLayer(48, 6), nn.TransformerEncoderLayer(48, 6)"
    verdict = exercise("detective.verdicts").check(ANSWERS | {pair: "same"})
    assert "you are right, they are of one class. But `same` does not read all of it" in verdict
    assert "finds them undecided (in f behind the heads stand parameters" in verdict


@pytest.mark.parametrize("pair", ANSWERS)
def test_a_wrong_guess_is_told_what_same_finds(pair):
    other = "different" if ANSWERS[pair] != "different" else "undecided"
    verdict = exercise("detective.verdicts").check(ANSWERS | {pair: other})
    assert f"{pair}: same finds them {ANSWERS[pair]} (" in verdict
