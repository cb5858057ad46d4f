from textwrap import fill as plain_fill

import pytest
from hypothesis import given
from hypothesis import strategies as st

from attnlib.course.wide import CLOSING, OPENING, fill, ljust, rjust, width

# Letters of one column each, and what textwrap treats in its own way.
NARROW = st.text("abcXYZ .,-–—'\"“”…·×ᵀé\t\n/", max_size=120)
WIDE = st.text("头键权重，。；：！？）」”（「“ab 12-", max_size=80)
COLUMNS = st.integers(1, 40)


def test_a_wide_character_takes_two_columns_and_an_accent_none():
    assert [width(text) for text in ("", "key", "键", "键 j", "e\u0301", "q·kᵀ")] == [
        0,
        3,
        2,
        4,
        1,
        4,
    ]


def test_padded_words_end_in_the_same_column():
    assert [ljust(text, 6) + "|" for text in ("键", "key", "wide word")] == [
        "键    |", "key   |", "wide word|"
    ]  # fmt: skip
    assert [rjust(text, 6) for text in ("权重", "w")] == ["  权重", "     w"]


@given(NARROW, COLUMNS)
def test_text_without_wide_characters_is_filled_as_textwrap_does(text, columns):
    assert fill(text, columns) == plain_fill(text, columns)
    kept = {"replace_whitespace": False, "subsequent_indent": " "}
    assert fill(text, **kept) == plain_fill(text, **kept)


@given(st.text(max_size=40), st.integers(0, 12))
def test_text_without_wide_characters_is_padded_as_str_does(text, columns):
    if width(text) == len(text):
        assert ljust(text, columns) == text.ljust(columns)
        assert rjust(text, columns) == text.rjust(columns)


@given(WIDE, st.integers(2, 40))
def test_no_line_is_too_wide_and_nothing_is_lost(text, columns):
    lines = fill(text, columns).split("\n")
    assert max(map(width, lines)) <= columns
    assert "".join("".join(lines).split()) == "".join(text.split())


@given(
    st.lists(st.sampled_from(["头", "键，", "（权", "“重”", "k。", "(q)", "“头"])),
    st.integers(6, 40),
)
def test_punctuation_stays_with_its_word(parts, columns):
    lines = fill("头" + "头".join(parts), columns).split("\n")
    assert [line for line in lines if line[0] in CLOSING or line[-1] in OPENING] == []


def test_chinese_breaks_between_any_two_characters():
    assert fill("每个查询对每个键给出权重", 10) == "每个查询对\n每个键给出\n权重"
    assert fill("它用PyTorch写成", 8) == "它用\nPyTorch\n写成"


@pytest.mark.parametrize("sign", "，。；：！？）」”")
def test_no_line_begins_with_punctuation_that_closes(sign):
    assert fill(f"每个查询对{sign}每个键", 10) == f"每个查询\n对{sign}每个键"


def test_no_line_ends_with_punctuation_that_opens():
    assert fill("每个查询（对每个键）", 10) == "每个查询\n（对每个\n键）"


def test_what_cannot_be_narrow_enough_stands_alone():
    assert fill("头a键", 1) == "头\na\n键"
    assert fill("！" * 5, 4) == "！！\n！！\n！"
