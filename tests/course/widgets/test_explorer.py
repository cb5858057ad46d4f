"""Widgets without a browser: what they draw follows their controls, and comes back the same."""

import inspect
from base64 import b64encode
from html import escape

import pytest
import torch
from matplotlib.figure import Figure

from attnlib.course.lessons.blocks.explorer import explore_blocks
from attnlib.course.lessons.by_hand.explorer import explore_scores
from attnlib.course.lessons.fusion.explorer import explore_fusion
from attnlib.course.lessons.global_branch.explorer import explore_global
from attnlib.course.lessons.heads.explorer import explore_heads
from attnlib.course.lessons.kernels.explorer import explore_tiles
from attnlib.course.lessons.positions.explorer import explore_positions
from attnlib.course.lessons.segments.explorer import explore_segments
from attnlib.course.lessons.two_cousins.explorer import explore_influence
from attnlib.course.widgets.controls import choice, slider, stepper
from attnlib.course.widgets.explorer import Explorer
from attnlib.layout import blockify
from tests.course.widgets.hand import by_hand, grey


@pytest.fixture
def influence_explorer():
    """6 × 4 patches in blocks of 2 × 2; token i of block order feels itself i + 1, else nothing."""
    torch.manual_seed(0)
    matrix = torch.diag(torch.arange(1.0, 25))
    return explore_influence(torch.rand(12, 8, 3), 2, 2, {"a": matrix, "b": torch.ones(24, 24)})


def test_the_picture_follows_the_sliders_and_comes_back(influence_explorer):
    def shown():
        return influence_explorer.picture

    first = shown()
    assert first.startswith(b"\x89PNG")
    influence_explorer.set(row=5)
    assert shown() != first
    influence_explorer.set(row=2)
    assert shown() == first


@pytest.mark.parametrize(("row", "column"), [(0, 0), (0, 3), (3, 1), (5, 0), (5, 3)])
def test_row_and_column_name_the_token_in_block_order(influence_explorer, row, column):
    influence_explorer.set(row=row, column=column)
    place = torch.arange(24).view(6, 4, 1)
    token = blockify(place, 2).flatten().tolist().index(row * 4 + column)
    assert f"Token {token} (row {row}, column {column})" in influence_explorer.sentence
    assert "a: 1 of 24, b: 24 of 24" in influence_explorer.sentence


def test_the_influence_of_a_token_is_laid_over_its_own_patch(influence_explorer, monkeypatch):
    from attnlib.course.lessons.two_cousins import explorer as influence

    laid = {}

    def draw(picture, patch_size, rows, token, largest):
        laid.update(rows)
        return Figure()

    monkeypatch.setattr(influence, "plot_token_influence", draw)
    influence_explorer.set(row=4, column=1)
    assert laid["a"].nonzero().tolist() == [[4, 1]]


def test_every_position_of_the_sliders_draws(influence_explorer):
    for row in range(6):
        for column in range(4):
            influence_explorer.set(row=row, column=column)
            assert influence_explorer.sentence.startswith("Token ")


def test_an_error_is_shown_in_a_line_and_the_next_state_draws_again():
    def draw(size):
        if size == 2:
            raise ValueError("size=2 must divide 5")
        return Figure(), f"size {size}"

    explorer = Explorer("explore", draw, {"size": slider("size", 1, 0, 3)})
    by_hand(explorer, size=2)
    assert explorer.sentence == "size=2 must divide 5"
    assert explorer.picture == b""  # it would show another state
    explorer.set(size=3)
    assert explorer.sentence == "size 3"
    assert explorer.picture.startswith(b"\x89PNG")


def test_a_value_that_a_control_has_not_leaves_the_explorer_as_it_was():
    explorer = Explorer("e", lambda a: (Figure(), f"a is {a}"), {"a": choice("a", 1, (1, 2))})
    with pytest.raises(ValueError, match=r"^a must be one of \(1, 2\) where .*, got 3$"):
        explorer.set(a=3)
    with pytest.raises(ValueError, match=r"^b must be one of the controls \('a',\)$"):
        explorer.set(b=3)
    assert explorer.sentence == "a is 1"
    by_hand(explorer, a=2)
    assert explorer.sentence == "a is 2"


def test_a_control_starts_at_a_value_that_it_has():
    with pytest.raises(ValueError, match=r"^size must start at one of \(1, 2\), got 3$"):
        slider("size", 3, 1, 2)


def all_explorers():
    picture = torch.rand(24, 24, 3)
    return [
        explore_scores(),
        explore_heads(picture),
        explore_blocks({"a": picture}, 3),
        explore_segments(),
        explore_positions(torch.rand(6, 4)),
        explore_fusion(),
        explore_global(torch.rand(6, 4)),
        explore_tiles(*torch.rand(2, 6, 4), torch.rand(6, 3)),
    ]


def test_controls_are_named_as_the_arguments_of_draw():
    for explorer in all_explorers():
        assert list(explorer._controls) == list(inspect.signature(explorer._draw).parameters)
        assert explorer.sentence and explorer.drawn(explorer.state)[0]


def test_it_leaves_its_picture_as_it_stands_and_its_whole_sentence_where_no_kernel_is():
    def draw(size):
        return Figure(figsize=(size, 1)), f"{size} < 2, " + "and so on, " * 20

    explorer = Explorer("e", draw, {"size": slider("size", 1, 1, 3)}).set(size=2)
    data, _ = explorer._repr_mimebundle_()
    picture = b64encode(explorer.picture).decode()
    assert f'<img src="data:image/png;base64,{picture}"' in data["text/html"]
    assert escape(explorer.sentence) in data["text/html"]
    assert data["text/plain"] == f"e: {explorer.sentence}"
    assert "application/vnd.jupyter.widget-view+json" in data


@pytest.fixture
def stepping():
    """`kind` decides which `size` there is; `kind` itself can be moved only from size 3 on."""
    controls = {
        "kind": choice("kind", "any", ("any", "even", "one")),
        "size": stepper("size", 3, range(1, 6)),
    }
    offers = {
        "size": lambda kind, **_: {"even": (2, 4), "one": (1,)}.get(kind, range(1, 6)),
        "kind": lambda kind, size: ("any", "even", "one") if size > 2 else (kind,),
    }
    return Explorer("e", lambda kind, size: (Figure(), f"{kind} {size}"), controls, offers)


def test_a_control_offers_what_goes_with_the_others_and_moves_to_the_nearest(stepping):
    answers = []
    stepping.observe(lambda change: answers.append(change["new"]["sentence"]), "shown")
    by_hand(stepping, kind="even")
    assert stepping.offered["size"] == [2, 4]
    assert answers == ["even 2"]  # drawn once
    assert grey(stepping) == {"kind"} and stepping.state["kind"] == "even"  # no difference at 2
    by_hand(stepping, size=4)
    assert grey(stepping) == set()
    by_hand(stepping, kind="one")
    assert "size" in grey(stepping) and stepping.sentence == "one 1"


def test_set_refuses_what_is_not_offered_there_and_moves_nothing(stepping):
    said = r"^size must be one of \(2, 4\) where the others stand, got 3$"
    with pytest.raises(ValueError, match=said):
        stepping.set(kind="even", size=3)
    assert stepping.sentence == "any 3"
    assert stepping.set(kind="even", size=4).sentence == "even 4"


def test_the_text_form_is_the_sentence_without_an_address(influence_explorer):
    assert repr(influence_explorer).startswith("explore_influence: Token ")


def test_a_list_that_stands_at_none_says_so():
    seen = []
    control = choice("kind", None, (None, "a"))
    explorer = Explorer("e", lambda kind: seen.append(kind) or (Figure(), ""), {"kind": control})
    explorer.set(kind="a")
    explorer.set(kind=None)
    assert seen == [None, "a", None]
    assert control.labels[None] == "none"


def test_none_is_said_and_stays_none(spoken):
    spoken({"none": "无", "{name}: {sentence}": "{name}：{sentence}"})
    control = choice("kind", None, (None, "a"))
    explorer = Explorer("e", lambda kind: (Figure(), repr(kind)), {"kind": control})
    assert control.labels[None] == "无"
    assert repr(explorer) == "e：None"
