"""What of a lesson is language, and that a lesson in another language is made of nothing else."""

import re
from pathlib import Path

import pytest
from babel.messages.catalog import Catalog
from hypothesis import given
from hypothesis import strategies as st
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook

from attnlib.course.language import translations
from i18n import lessons
from i18n.check import faults, faults_of_code
from i18n.lessons import HERE, LESSONS, MARKDOWN, english, pieces, read, translated
from i18n.update import LESSONS as FOLDER
from i18n.update import read as read_catalogue

PATHS = sorted(HERE.glob(LESSONS))
CATALOGUES = sorted(FOLDER.glob("*/*.po"))
TEMPLATES = lessons.templates()


def said(kind, source):
    return [piece.message for piece in pieces(kind, source)]


def rendered(source):
    """What a reader sees, however the lines are wrapped."""
    return re.sub(r"\s+", " ", MARKDOWN.render(source))


def put_back(kind, source):
    """The source with every message put where it was found."""
    for piece in sorted(pieces(kind, source), key=lambda piece: -piece.start):
        source = source[: piece.start] + piece.message + source[piece.end :]
    return source


@pytest.mark.parametrize("path", PATHS, ids=lambda path: path.stem)
def test_messages_put_back_give_the_english_lesson(path):
    for cell in english(read(path)).cells:
        assert translated(cell.cell_type, cell.source, {}) == cell.source
        back = put_back(cell.cell_type, cell.source)
        if cell.cell_type == "markdown":
            assert rendered(back) == rendered(cell.source)
        elif back != cell.source:  # a text in pieces is one then
            assert list(faults_of_code(new_notebook(cells=[cell]), {cell.source: back})) == []


@pytest.mark.parametrize("path", PATHS, ids=lambda path: path.stem)
def test_no_word_of_a_lesson_is_left_out(path):
    for cell in english(read(path)).cells:
        if cell.cell_type == "markdown":
            left = re.sub(r"^```.*?^```$", "", cell.source, flags=re.DOTALL | re.MULTILINE)
            for piece in sorted(pieces("markdown", left), key=lambda piece: -piece.start):
                left = left[: piece.start] + left[piece.end :]
            left = re.sub(r"<small>[●○][^<]*</small>", "", left)
            assert lessons.WORD.search(lessons.BARE.sub("", left)) is None, left


@pytest.mark.parametrize(
    ("source", "messages"),
    [
        ("# A *title*", ["A *title*"]),
        ("One line\ngoes on.\n\nAnother one.", ["One line goes on.", "Another one."]),
        ("- an item\n  of two lines\n- another", ["an item of two lines", "another"]),
        ("1. first\n2. second", ["first", "second"]),
        ("> A belief\n> of two lines.", ["A belief of two lines."]),
        ("| a word | L |\n|---|---|\n| all `x` | 64 |", ["a word", "all `x`"]),
        (r"| one \| two | b |" + "\n|---|---|", [r"one \| two"]),
        ("<details><summary>Answer</summary>\n\nYes: no.\n\n</details>",
         ["<details><summary>Answer</summary>", "Yes: no."]),
        ("<details>Two lines\nof text</details>", ["<details>Two lines of text</details>"]),
        ("## A head\n\n<small>● core · 2 min</small>\n\nText.", ["A head", "Text."]),
        ("```python\nx = the_code\n```\n\n$a_b$\n\n`code alone`", []),
        ("<!--claim:a--><!--/claim-->\n\nText.", ["Text."]),
    ],
)  # fmt: skip
def test_messages_of_markdown(source, messages):
    assert said("markdown", source) == messages


@pytest.mark.parametrize(
    ("source", "messages"),
    [
        ('print("largest:", x)', ["largest:"]),
        ('print(f"{n} heads: {x:.2f}")', ["{n} heads: {x:.2f}"]),
        ('print(f"{n}: {x}.")', ["{n}: {x}."]),
        ('print(f"{n} {x:.2f}")', []),
        ('print("one "\n      "text of two")', ["one text of two"]),
        ("x = y  # two words", ["two words"]),
        ("x = y  # (L, C) -> (L, C)", []),
        ('felt = "nothing" if x == 0 else "something"', ["nothing", "something"]),
        ('a = {"NesT style": x}["NesT style"]', ["NesT style", "NesT style"]),
        ('f(fusion="add", title="Colours")', ["Colours"]),
        ('x = {"by a root": y}', ["by a root"]),
        ('rearrange(x, "batch (heads width) -> batch heads width")', []),
        ('f(sees="all tokens")', []),
        ("print('一二', 'a word')", ["a word"]),  # `ast` counts columns in bytes
        ("this is no Python", []),
    ],
)
def test_messages_of_code(source, messages):
    assert said("code", source) == messages


def test_what_is_chinese_beside_the_english_is_left_out():
    chinese = '<div lang="zh-Hans">\n\n中文。\n\n</div>'
    nb = new_notebook(
        cells=[
            new_markdown_cell(f"# A title\n\n{chinese}\n\nText.", id="a"),
            new_markdown_cell(f"## A head\n\n<small>● core</small>\n\n{chinese}", id="b"),
            new_markdown_cell("## A head alone", id="c"),
        ]
    )
    assert [cell.source for cell in english(nb).cells] == ["# A title\n\nText.", "## A head alone"]
    assert len(nb.cells) == 3


WORDS = st.text("ab c.", min_size=1).map(str.split).map(" ".join).filter(str.strip)


@given(st.lists(WORDS, min_size=1, max_size=5), st.sampled_from(["", "- ", "> ", "## "]))
def test_a_translation_stands_where_the_english_stood(texts, mark):
    texts = [f"word {text}" for text in texts]
    source = "\n\n".join(f"{mark}{text}" for text in texts)
    new = translated("markdown", source, {text: f"词{text}" for text in texts})
    assert new == "\n\n".join(f"{mark}词{text}" for text in texts)


@pytest.mark.parametrize("path", CATALOGUES, ids=lambda path: f"{path.parent.name}/{path.name}")
def test_a_committed_catalogue_is_right(path):
    catalog = read_catalogue(path)
    assert list(faults(catalog, TEMPLATES[path.stem], is_lesson=True)) == []
    if (lesson := HERE / f"{path.stem}.ipynb").exists():
        assert list(faults_of_code(english(read(lesson)), translations(catalog))) == []


@pytest.mark.parametrize(
    ("source", "translation"),
    [
        ('print(f"{n} heads")', {"{n} heads": "{m} 个头"}),
        ('print(f"{n} heads")', {"{n} heads": "个头"}),
        ('print("a head")', {"a head": '一个"头'}),
        ('print(f"{n:.2f} heads")', {"{n:.2f} heads": "{n} 个头"}),
    ],
)
def test_other_code_is_named(source, translation):
    nb = new_notebook(cells=[new_code_cell(source, id="here")])
    (fault,) = faults_of_code(nb, translation)
    assert fault.startswith("cell here is other code")


def test_what_is_in_doubt_is_not_said():
    catalog = Catalog()
    catalog.add("a head", "一个头", flags={"fuzzy"})
    catalog.add("a key", "一个键")
    catalog.add("a value")
    assert translations(catalog) == {"a key": "一个键"}


def test_values_may_come_in_another_order():
    nb = new_notebook(cells=[new_code_cell('print(f"{n} of {m}")')])
    assert list(faults_of_code(nb, {"{n} of {m}": "{m} 个中的 {n} 个"})) == []


def test_a_place_names_the_cell():
    (message, *_) = [each for each in TEMPLATES["00_two_cousins"] if each.id]
    assert message.locations == [("00_two_cousins.ipynb#ace86c4b", None)]
    assert isinstance(TEMPLATES["around"], Catalog)
    assert Path(HERE / "00_two_cousins.ipynb").exists()
