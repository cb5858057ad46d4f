"""The table says what the runs found, and its kinds are those that are known."""

import re

import pytest

from attnlib.course import compare
from attnlib.course.compare import kinds
from attnlib.course.language import speaking

NOTATION = {
    "input",
    "projections",
    "order of merged heads",
    "key bias",
    "returned map",
}
TRAINING = {
    "scale",
    "value bias, beside an output bias",
    "initial parameters",
    "dropout of weights",
}


@pytest.fixture(scope="module")
def table():
    return compare.theory()


def test_every_kind_is_the_known_one(table):
    found = {row.factor: row.kind for row in table}
    assert len(found) == len(table) == len(compare.VALUES) + 1  # key and value bias, two lines
    assert {factor for factor, kind in found.items() if kind == "notation"} == NOTATION
    assert {factor for factor, kind in found.items() if kind == "training only"} == TRAINING
    assert set(found.values()) == {"notation", "function", "training only"}


def test_notation_stays_equal_after_a_step_and_the_rest_does_not(table):
    evidence = {row.factor: row.evidence for row in table}
    for factor in NOTATION - {"returned map"}:
        assert evidence[factor].endswith("after one step still equal")
    for factor in ("input", "projections", "key bias"):
        assert evidence[factor].startswith("the same parameters: equal up to rounding")
    for factor in ("scale", "value bias, beside an output bias"):
        assert evidence[factor].startswith("parameters moved: equal up to rounding; after one")
        assert evidence[factor].endswith(" apart")
    assert "token 0 influences row 1 of g, not of f" in evidence["who sees whom"]
    assert "tokens of zeros" in evidence["output bias"]


def test_a_broken_move_would_show_in_the_kind(monkeypatch):
    """Were the merge order no mere permutation, its line would not say notation."""

    broken = compare.DialledAttention._of

    def scrambled(branch):
        result = broken(branch)
        return result and result._replace(out=result.out.abs())

    monkeypatch.setattr(compare.DialledAttention, "_of", staticmethod(scrambled))
    row = kinds._same_row("merge", "", "", kinds.BARE, "merge")
    assert row.kind == "undecided"
    assert row.evidence.startswith("moved, by more than a re-arrangement (main.out)")


def test_after_one_step_two_scales_part_and_two_merge_orders_do_not():
    for dial, apart in (("scale", True), ("merge", False)):
        pair = kinds._pair(kinds.BARE, dial)
        finding = compare.same(*pair)
        assert (compare.after_one_step(*pair, finding.forth) > 1e-3) == apart


def test_untrained_maps_are_uniform_in_one_style_and_sharp_in_the_other():
    assert compare.start_entropy("normal .02", "1/√D", width=256, length=64) > 0.97
    assert compare.start_entropy("Xavier √2", "1", width=256, length=64) < 0.5


def test_the_table_prints_every_row_and_escapes_nothing_away(table):
    lines = repr(table).splitlines()
    assert len(lines) == len(table) + 1
    assert all(line.startswith(row.factor) for line, row in zip(lines[1:], table, strict=True))
    html = table._repr_html_()
    assert html.count("<tr>") == len(lines)
    assert all(row.evidence in html for row in table)


def test_the_table_is_said_in_the_language_that_is_spoken(table):
    with speaking("zh"):
        lines = repr(table).splitlines()
        rebuilt = kinds.Table([kinds._returned_row()])
    assert [line for line in lines if not re.match("[\u4e00-\u9fff]", line)] == []
    assert all(re.search("写法差别|只影响训练|函数不同", line) for line in lines[1:])
    assert rebuilt[0].evidence.endswith("只差舍入误差")
    assert repr(table).startswith("factor")
