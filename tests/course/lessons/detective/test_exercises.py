"""The checks take their solutions, refuse their stubs, and name the known wrong answers."""

from dataclasses import replace

import pytest
import torch
from einops import rearrange
from torch import nn

from attnlib.course import compare
from attnlib.course.lessons import exercise
from attnlib.course.lessons.detective.exercises import ANSWERS, STRANGER, Stranger

WRONG_MATRICES = {
    "Not written yet": lambda out, heads: None,
    "returned Size": lambda out, heads: out.shape,
    "as it came": lambda out, heads: out,
    "The other way round, or H and D exchanged": lambda out, heads: rearrange(
        out, "c (h d) -> c (d h)", h=heads
    ),
    "The rows changed places": lambda out, heads: rearrange(out, "(d h) c -> (h d) c", h=heads),
    "were reversed": lambda out, heads: out.flip(1),
    "the shape must be (6, 6), and is (36,)": lambda out, heads: out.flatten(),
    "the value at [0, 0] should be -1.126, and is -2.252": lambda out, heads: out * 2,
    "heads=2 it stopped with EinopsError": lambda out, heads: rearrange(
        out, "c (d h) -> c (h d)", h=4
    ),
}


@pytest.mark.parametrize(("words", "answer"), WRONG_MATRICES.items(), ids=WRONG_MATRICES)
def test_a_wrong_matrix_is_named(words, answer):
    verdict = exercise("detective.head_major").check(answer)
    assert not verdict.right
    assert words in verdict


def test_other_right_ways_pass():
    def by_einops(out, heads):
        return rearrange(out, "c (d h) -> c (h d)", h=heads)

    def by_index(out, heads):
        return torch.cat([out[:, head::heads] for head in range(heads)], 1)

    assert exercise("detective.head_major").check(by_einops).right
    assert exercise("detective.head_major").check(by_index).right


WRONG_LAYOUTS = {
    "Not written yet": None,
    "must be a compare.Layout": {"heads": 4},
    "Which one are the heads?": replace(STRANGER, heads=6),
    "it is 6**-0.5": replace(STRANGER, scale=1.0),
    "`three` comes after h": replace(STRANGER, qkv=("to_qkv.weight", "(three h d) c")),
    "`three` comes before d": replace(STRANGER, qkv=("to_qkv.weight", "(h d three) c")),
    "h before d in the merged heads": replace(STRANGER, out=("mix.weight", "c (d h)")),
    "name it in out_bias": replace(STRANGER, out_bias=None),
    "qkv must be a pair": replace(STRANGER, qkv="to_qkv.weight"),
    "out must be a pair": replace(STRANGER, out="mix.weight"),
    "'qkv' is no parameter of Stranger": replace(STRANGER, qkv=("qkv", "(h three d) c")),
    "mix.weight is not '(h d) c h'": replace(STRANGER, out=("mix.weight", "(h d) c h")),
}


@pytest.mark.parametrize(("words", "answer"), WRONG_LAYOUTS.items(), ids=WRONG_LAYOUTS)
def test_a_wrong_layout_is_named(words, answer):
    verdict = exercise("detective.answer").check(answer)
    assert not verdict.right
    assert words in verdict


def test_a_layout_that_exchanges_rows_of_the_output_matrix_is_not_right():
    answer = replace(STRANGER, out=("mix.weight", "(h d) c"))
    assert "differ" in exercise("detective.answer").check(answer)


def test_the_stranger_is_multi_head_attention_without_a_query_bias():
    twin = nn.MultiheadAttention(24, 4, batch_first=True)
    finding = compare.same(compare.Adapter(Stranger(), layouts=[STRANGER]), twin)
    assert finding.forth.difference <= 1e-12
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


@pytest.mark.parametrize("pair", ANSWERS)
def test_a_wrong_guess_is_told_what_same_finds(pair):
    other = "same" if ANSWERS[pair] != "same" else "undecided"
    verdict = exercise("detective.verdicts").check(ANSWERS | {pair: other})
    assert f"{pair}: same finds them {ANSWERS[pair]} (" in verdict
