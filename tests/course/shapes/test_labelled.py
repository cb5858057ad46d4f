"""A label goes where its element goes: every move is checked against the element's number."""

import copy
import operator
import re
from itertools import product

import pytest
import torch
from einops import pack, rearrange, reduce
from torch import Tensor, nn

from attnlib.course.shapes.labelled import MOVES, TINTS, Labelled, labelled

AXES = ("head", "token", "channel")


def flat(x):
    """All labels of a tensor or of several, in order."""
    if isinstance(x, Tensor) and x.dim() == 0:
        return [x.labels()]
    return [text for part in x for text in flat(part)]


def test_every_element_says_where_it_was():
    x = labelled((4, 2, 3))
    assert isinstance(x, Tensor)
    assert x.shape == (4, 2, 3)
    for token, head, channel in product(range(4), range(2), range(3)):
        assert x[token, head, channel].labels() == f"t{token} h{head} c{channel}"


MOVED = {
    "reshape": lambda x: x.reshape(4, 6),
    "view": lambda x: x.view(2, 12),
    "flatten": lambda x: x.flatten(1),
    "unflatten": lambda x: x.flatten(1).unflatten(1, (3, 2)),
    "permute": lambda x: x.permute(1, 0, 2),
    "torch.permute": lambda x: torch.permute(x, (2, 0, 1)),
    "transpose": lambda x: x.transpose(0, 2).reshape(2, 12),
    "mT": lambda x: x.mT,
    "T": lambda x: x[0].T,
    "chunk": lambda x: x.chunk(2, dim=-1),
    "split": lambda x: x.split([1, 2], dim=2),
    "torch.split": lambda x: torch.split(x, 2),
    "unbind": lambda x: x.unbind(1),
    "for each": lambda x: [each.flip(0) for each in x],
    "index": lambda x: x[1:, 0, [2, 0]],
    "None": lambda x: x[:, None, ..., 1],
    "bool index": lambda x: x[torch.tensor([True, False, False, True])],
    "cat": lambda x: torch.cat([x[:, 1], x[:, 0]], dim=-1),
    "stack": lambda x: torch.stack(x.unbind(2)),
    "dsplit": lambda x: x.dsplit(3),
    "movedim": lambda x: x.movedim(0, -1).contiguous().squeeze().clone(),
    "expand": lambda x: x[:1].expand(3, 2, 3),
    "rearrange": lambda x: rearrange(x, "n h d -> n (d h)"),
    "rearrange, split": lambda x: rearrange(x, "(a n) h d -> h a (n d)", a=2),
    "pack": lambda x: pack([x[:, :1], x[:, 1]], "n * d")[0],
    "deepcopy": lambda x: copy.deepcopy(x)[2],
}


@pytest.mark.parametrize("move", MOVED.values(), ids=MOVED)
def test_labels_move_as_the_numbers_do(move):
    names = flat(labelled((4, 2, 3)))
    numbers = move(torch.arange(24).view(4, 2, 3))
    if isinstance(numbers, Tensor):
        numbers = [numbers]
    expected = [names[number] for part in numbers for number in part.flatten().tolist()]
    moved = move(labelled((4, 2, 3)))
    assert flat(moved) == expected
    shapes = [moved.shape] if isinstance(moved, Tensor) else [part.shape for part in moved]
    assert shapes == [part.shape for part in numbers]


PAIR = torch.tensor([1, 0])
BY_ARGUMENTS = [
    ((), "clone detach contiguous ravel flatten squeeze fliplr flipud t adjoint"),
    ((PAIR,), "__getitem__ take"),
    (((4, 6),), "view reshape"),
    ((torch.empty(4, 6),), "view_as reshape_as"),
    ((1, (2, 3)), "unflatten"),
    ((1, 0), "permute transpose swapaxes swapdims movedim moveaxis select"),
    ((0,), "unsqueeze unbind"),
    ((-1, -1), "expand"),
    ((torch.empty(2, 4, 6),), "expand_as"),
    (((2, 4, 6),), "broadcast_to"),
    ((2, 1), "repeat"),
    (((2, 1),), "tile"),
    ((2,), "chunk split tensor_split unsafe_chunk unsafe_split hsplit vsplit"),
    (([1, 3],), "split_with_sizes"),
    ((0, 1, 2), "narrow unfold"),
    ((1,), "diagonal roll"),
    ((0, PAIR), "index_select"),
    ((0, PAIR[None]), "gather"),
    ((PAIR[None], 1), "take_along_dim"),
    ((torch.eye(4, 6) > 0,), "masked_select"),
    (((0,),), "flip"),
    ((1, (0, 1)), "rot90"),
    ((2, 0), "repeat_interleave"),
    (((2, 3), (3, 1)), "as_strided"),
]
BY_NAME = {name: arguments for arguments, names in BY_ARGUMENTS for name in names.split()}
JOINS = ["cat", "concat", "concatenate", "stack", "hstack", "vstack", "dstack"]
JOINS += ["column_stack", "row_stack"]


def same_numbers(one, other):
    pairs = zip(*([x] if isinstance(x, Tensor) else x for x in (one, other)), strict=True)
    return all(a.shape == b.shape and a.tolist() == b.tolist() for a, b in pairs)


@pytest.mark.parametrize("name", sorted(BY_NAME))
def test_every_move_by_its_name_moves_labels(name):
    move = getattr(Tensor, name, None) or getattr(torch, name)
    moved = move(labelled((4, 6)), *BY_NAME[name])
    assert all(isinstance(x, Labelled) for x in ([moved] if isinstance(moved, Tensor) else moved))
    assert same_numbers(moved, move(torch.arange(24).view(4, 6), *BY_NAME[name]))


@pytest.mark.parametrize("name", JOINS)
def test_every_way_to_join_moves_labels(name):
    join = getattr(torch, name)
    moved = join(labelled((4, 6)).chunk(2))
    assert isinstance(moved, Labelled)
    assert same_numbers(moved, join(torch.arange(24).view(4, 6).chunk(2)))


def test_no_move_is_left_untested():
    assert {*BY_NAME, *JOINS, "dsplit", "__get__"} == MOVES  # the last two: see MOVED


def test_a_view_shares_the_memory():
    x = labelled((4, 6))
    assert x.view(4, 2, 3).permute(1, 0, 2).data_ptr() == x.data_ptr()
    assert not x.mT.is_contiguous()
    assert x.mT.reshape(24).data_ptr() != x.data_ptr()


def test_comparisons_give_plain_tensors():
    x = labelled((2, 3))
    assert type(x == x.clone()) is Tensor
    assert (x == x.clone()).all()
    assert torch.equal(x, x.clone())
    assert x.numpy().tolist() == [[0, 1, 2], [3, 4, 5]]


COMPUTED = {
    "sum would compute with labels": lambda x: x.sum(),
    "float would compute with labels": lambda x: x.float(),
    "add would compute with labels": lambda x: torch.add(x, 1),
    "sum would compute with labels, which only say": lambda x: reduce(x, "n c -> n", "sum"),
    "argsort would compute with labels": lambda x: x.argsort(),
    "unsupported operand type(s) for +: 'Labelled'": lambda x: x + 1,
    "unsupported operand type(s) for @: 'Labelled'": lambda x: x @ x.mT,
    "unsupported operand type(s) for +=: 'Labelled'": lambda x: operator.iadd(x, 1),
    "add_ would write into a labelled tensor": lambda x: x.add_(1),
    "__setitem__ would write into": lambda x: x.__setitem__(0, 1),
    "cat must get tensors that were labelled alike, got a mixture": lambda x: torch.cat(
        [x, x[:0] == 1]
    ),
    "stack must get tensors that were labelled alike": lambda x: torch.stack(
        [x, labelled((3, 2)).mT]
    ),
    "view would compute with labels": lambda x: x.view(torch.float64),
}


@pytest.mark.parametrize(("words", "compute"), COMPUTED.items(), ids=COMPUTED)
def test_computing_is_refused_and_changes_nothing(words, compute):
    x = labelled((2, 3))
    with pytest.raises(TypeError, match=re.escape(words)):
        compute(x)
    assert x.tolist() == [[0, 1, 2], [3, 4, 5]]


def test_a_linear_does_not_take_labels():
    with pytest.raises(RuntimeError, match="dtype"):
        nn.Linear(3, 2)(labelled((2, 3)))


def test_axes_have_names_of_their_own():
    assert labelled((2, 3), axes=("row", "column"))[1, 2].labels() == "r1 c2"
    assert labelled((5,))[4].labels() == "c4"
    assert labelled((2, 5))[1, 4].labels() == "t1 c4"


def test_letters_are_as_long_as_it_takes_to_tell_them_apart():
    x = labelled((2, 3, 2), axes=("token", "three", "top"))
    assert x[1, 2, 1].labels() == "tok1 th2 top1"
    x = labelled((2, 2), axes=("head", "heads"))
    assert x[1, 0].labels() == "head1 heads0"


def test_the_text_form_has_the_shape_and_an_index_above_every_table():
    x = labelled((2, 2, 2), AXES)
    assert repr(x) == str(x) == f"{x}"
    assert repr(x).splitlines() == [
        "labelled, shape (2, 2, 2): h head, t token, c channel",
        "[0]",
        "h0 t0 c0  h0 t0 c1",
        "h0 t1 c0  h0 t1 c1",
        "[1]",
        "h1 t0 c0  h1 t0 c1",
        "h1 t1 c0  h1 t1 c1",
    ]
    assert repr(x[1, 0, 1]).splitlines()[1:] == ["h1 t0 c1"]
    assert repr(x[1, 0]).splitlines()[1:] == ["h1 t0 c0  h1 t0 c1"]


def test_columns_of_the_text_stand_below_each_other():
    lines = repr(labelled((2, 11))).splitlines()[1:]
    assert [len(re.findall(r"t\d c\d+", line)) for line in lines] == [11, 11]
    assert [line.index("c10") for line in lines] == [83, 83]


def cells(html):
    """(colour, text) of every cell, row by row."""
    return [
        re.findall(r'<td style="background: (#\w{6});[^>]*>([^<]*)</td>', row)
        for row in re.findall("<tr>(.*?)</tr>", html)
    ]


def test_the_table_has_a_colour_a_head_and_the_text_of_each_element():
    moved = rearrange(labelled((2, 3, 2), AXES), "h n d -> n (d h)")
    table = cells(moved._repr_html_())
    assert [[text for _, text in row] for row in table] == moved.labels()
    for row in table:
        assert [colour for colour, _ in row] == [TINTS[0], TINTS[1]] * 2


def test_without_heads_the_first_axis_has_the_colours():
    html = labelled((2, 3))._repr_html_()
    assert "colour: token" in html
    assert [{colour for colour, _ in row} for row in cells(html)] == [{TINTS[0]}, {TINTS[1]}]


def test_more_than_two_axes_are_tables_with_their_index_above():
    html = labelled((2, 3, 2, 2), axes=("part", "head", "token", "channel"))._repr_html_()
    assert html.count("<table") == 6
    captions = re.findall("<caption[^>]*>([^<]*)</caption>", html)
    assert captions == ["[0, 0]", "[0, 1]", "[0, 2]", "[1, 0]", "[1, 1]", "[1, 2]"]
    assert html.count("display: flex") == 2  # a line for each part
    assert "caption" not in labelled((2, 2))._repr_html_()


def test_html_is_the_same_every_time():
    once, again = (labelled((4, 2, 3)).mT for _ in range(2))
    assert once._repr_html_() == again._repr_html_()
    assert "0x" not in once._repr_html_()


def test_what_names_hold_cannot_leave_the_table():
    assert "<b>" not in labelled((1, 2), axes=("<b>", "row"))._repr_html_()


def luminance(colour):
    parts = [int(colour[start : start + 2], 16) / 255 for start in (1, 3, 5)]
    linear = [
        part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts
    ]
    return sum(weight * part for weight, part in zip((0.2126, 0.7152, 0.0722), linear, strict=True))


def test_black_text_can_be_read_on_every_colour():
    for colour in TINTS:
        assert (luminance(colour) + 0.05) / 0.05 > 7  # WCAG's AAA
    assert "color: black" in labelled((2, 2))._repr_html_()


def test_more_heads_than_colours_begin_again():
    table = cells(labelled((9, 1), axes=("head", "channel"))._repr_html_())
    assert table[8][0] == (TINTS[0], "h8 c0")


def test_a_tensor_too_large_to_show_says_so_and_still_moves():
    x = labelled((30, 2, 10))
    for text in (repr(x), x._repr_html_()):
        assert "Too large to show: 600 elements, at most 200" in text
        assert len(text) < 400
    assert x.mT[29, 9, 1].labels() == "t29 h1 c9"
    assert repr(x[3]).count("t3") == 20
    assert "Too large" not in repr(labelled((20, 10)))


WRONG = {
    "shape must be whole numbers, as (4, 2, 3), got 4": (TypeError, lambda: labelled(4)),
    "shape must be whole numbers, as (4, 2, 3), got '42'": (TypeError, lambda: labelled("42")),
    "shape must have at least one axis": (ValueError, lambda: labelled(())),
    "every axis of shape must be a whole number, at least 1, got 0": (
        ValueError,
        lambda: labelled((2, 0)),
    ),
    "every axis of shape must be a whole number, at least 1, got 2.0": (
        TypeError,
        lambda: labelled((2.0, 3)),
    ),
    "axes: name all 4 of them": (ValueError, lambda: labelled((1, 2, 3, 4))),
    "axes must be 2 different names, one for each axis, got ('row',)": (
        ValueError,
        lambda: labelled((2, 3), axes=("row",)),
    ),
    "axes must be 2 different names, one for each axis, got ('row', 'row')": (
        ValueError,
        lambda: labelled((2, 3), axes=("row", "row")),
    ),
    'axes must be names, as ("row", "column"), got \'rc\'': (
        TypeError,
        lambda: labelled((2, 3), axes="rc"),
    ),
    'axes must be names, as ("row", "column"), got 2': (
        TypeError,
        lambda: labelled((2, 3), axes=2),
    ),
}


@pytest.mark.parametrize(("words", "wrong"), WRONG.items(), ids=WRONG)
def test_errors_name_the_argument(words, wrong):
    kind, call = wrong
    with pytest.raises(kind, match=re.escape(words)):
        call()


def test_its_class_can_be_asked_for():
    assert isinstance(labelled((2, 2)).mT, Labelled)
