"""What was expected, what came, and the difference, as tables."""

import re

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from attnlib.course.exercises import pieces
from attnlib.course.exercises.checking import Seen, find_mistake
from attnlib.course.exercises.compared import compared


def seen(answer, right, *case):
    return find_mistake(answer, right, [case], ()).seen


def captions(html):
    return re.findall(r"<b>([^<]*)</b> (\([^)]*\))", html)


def cells(html):
    return re.findall(r"<td[^>]*>([^<]*)</td>", html)


def twice(x):
    return 2 * x


def test_numbers_stand_beside_each_other_with_their_difference():
    answer = lambda x: 2 * x + (x == 1)
    found = seen(answer, twice, torch.tensor([[0.0, 1.0]]))
    html = compared(found, twice, answer)
    assert captions(html) == [
        (name, "(1, 2)") for name in ("expected", "yours", "yours − expected")
    ]
    assert cells(html) == ["0.00", "2.00", "0.00", "3.00", "0.00", "1.00"]
    assert html.count("box-shadow") == 2, "what is wrong is marked, in yours and in the difference"


def test_another_shape_has_no_difference():
    html = compared(seen(lambda x: x[:1], twice, torch.ones(2, 3)), twice, lambda x: x[:1])
    assert captions(html) == [("expected", "(2, 3)"), ("yours", "(1, 3)")]


def test_where_numbers_only_move_each_is_shown_by_its_place():
    def stays(out, order):
        return out.movedim(-3, -2).flatten(-2)

    found = seen(stays, pieces.merge, torch.randn(2, 1, 2), "d h")
    html = compared(found, pieces.merge, stays, ("head", "token", "channel"))
    assert cells(html)[:4] == ["h0 t0 c0", "h1 t0 c0", "h0 t0 c1", "h1 t0 c1"]
    assert cells(html)[4:] == ["h0 t0 c0", "h0 t0 c1", "h1 t0 c0", "h1 t0 c1"]
    assert html.count("box-shadow") == 2


@pytest.mark.parametrize(
    "answer",
    [lambda x, heads: x * 1.5, lambda x, heads: x.softmax(-1), lambda x, heads: x[:, :1] - 1],
)
def test_what_computes_is_shown_in_numbers(answer):
    found = seen(answer, pieces.split, torch.randn(3, 4), 2)
    html = compared(found, pieces.split, answer, ("token", "channel"))
    assert all(re.fullmatch(r"-?\d+\.\d\d", cell) for cell in cells(html))


def test_of_a_large_table_the_part_with_the_mistake_is_shown():
    def wrong(x):
        y = 2 * x
        y[30, 20] = 77
        return y

    html = compared(seen(wrong, twice, torch.zeros(40, 40)), twice, wrong)
    assert len(cells(html)) == 3 * 64
    assert "77.00" in html
    assert "[30]" in html


@pytest.mark.parametrize("values", [[torch.nan, 1.0], [torch.inf, 1.0], [-torch.inf, 0.0]])
def test_what_is_not_finite_is_shown_as_it_is(values):
    answer = lambda x: torch.tensor(values)
    html = compared(seen(answer, twice, torch.ones(2)), twice, answer)
    assert f"{values[0]:.2f}" in cells(html)


@pytest.mark.parametrize(
    "found",
    [None, Seen((1,), 2, 3), Seen((1,), (torch.ones(1),), 3), Seen((), torch.ones(0), None)],
)
def test_where_there_is_no_table_there_is_none(found):
    assert compared(found, twice, twice) == ""


def test_names_are_escaped():
    html = compared(Seen(("<b>",), torch.ones(1), torch.zeros(1)), lambda x: x, lambda x: x)
    assert "&lt;b&gt;" in html


NUMBERS = [torch.float32, torch.float64, torch.int64, torch.bool]
TENSORS = st.tuples(
    st.lists(st.integers(0, 4), max_size=4), st.sampled_from(NUMBERS), st.booleans()
).map(lambda drawn: tensor(*drawn))


def tensor(shape, dtype, turned):
    """Any shape, kind and layout; some of it is not finite."""
    x = 3 * torch.randn(shape)
    x[x > 4] = torch.nan
    x = x.nan_to_num(1) > 0 if dtype == torch.bool else x.nan_to_num(torch.inf).to(dtype)
    return x.permute(tuple(reversed(range(x.dim())))) if turned else x


@given(want=TENSORS, got=st.one_of(TENSORS, st.none(), st.integers(), st.text()))
def test_whatever_came_it_can_be_shown(want, got):
    for axes in ((), ("token",)):
        compared(Seen((torch.ones(3),), want, got), lambda x: want, lambda x: got, axes)
