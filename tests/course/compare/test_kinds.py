"""The table says what the runs found, and its kinds are those that are known."""

import pytest
import torch

from attnlib.course import compare
from attnlib.course.compare import kinds

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
    assert evidence["key bias"].startswith("drop_key_bias: equal up to rounding")
    assert evidence["scale"].startswith("absorb_scale: equal up to rounding; after one step 0.")
    moved = evidence["value bias, beside an output bias"]
    assert moved.startswith("move_value_bias: equal up to rounding; after one step 0.")
    assert "only NesT's side obeys" in evidence["who sees whom"]
    assert "only PGL-SUM's side obeys" in evidence["fusion"]


def test_a_broken_move_would_show_in_the_kind(monkeypatch):
    """Were the merge order no mere permutation, its line would not say notation."""

    broken = compare.DialledAttention._of

    def scrambled(branch):
        result = broken(branch)
        return result and result._replace(
            out=result.out * torch.arange(1.0, 49.0, dtype=result.out.dtype)
        )

    monkeypatch.setattr(compare.DialledAttention, "_of", staticmethod(scrambled))
    row = kinds._same_row("merge", "", "", kinds.BARE, "merge")
    assert row.kind == "undecided"


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
