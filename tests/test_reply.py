"""The reply, in both languages: its code runs, its table is whole, its claims follow."""

import re

import pytest

from attnlib.course import language
from attnlib.course.experiments.study.claims import CLAIMS, COST, GAIN, kind
from attnlib.course.experiments.study.findings import findings
from attnlib.course.experiments.study.results import load
from attnlib.course.experiments.study.woven import MARKED, check, language_of, sentences
from notebooks.execute import HERE, read
from tests.printed import ROUNDING, like, printed

DOCS = HERE.parent / "docs"
PAGES = {"zh": DOCS / "reply.zh.md", "en": DOCS / "reply.md"}
TEXTS = {each: path.read_text(encoding="utf-8") for each, path in PAGES.items()}
CODE = re.compile(r"^```python\n(.*?)^```\n\n^```text\n(.*?)^```$", re.DOTALL | re.MULTILINE)
KINDS = {  # in the two languages
    "same": "相同",
    "notation": "写法差别",
    "choice": "设计选择",
    "training only": "只影响训练",
}
FEW = 250  # Chinese characters before the table


@pytest.fixture(scope="module")
def found():
    return findings(load())


@pytest.fixture
def spoken():
    before = language.language()
    yield language.speak
    language.speak(before)


def before_the_table(text):
    return text.partition("\n|")[0]


def rows(text):
    """The cells of its table, without the head."""
    lines = [line for line in text.splitlines() if line.startswith("|")]
    return [[cell.strip() for cell in line.strip("|").split("|")] for line in lines[2:]]


def test_the_answer_comes_first_and_is_short():
    assert 0 < len(re.findall("[\u3400-\u9fff]", before_the_table(TEXTS["zh"]))) <= FEW
    assert 0 < len(before_the_table(TEXTS["en"]).split()) <= FEW / 2


def test_seven_rows_of_the_same_kinds():
    chinese, english = rows(TEXTS["zh"]), rows(TEXTS["en"])
    assert len(chinese) == len(english) == 7
    assert all(len(row) == 4 and all(row) for row in (*chinese, *english))
    assert [KINDS[row[-1]] for row in english] == [row[-1] for row in chinese]
    assert set(KINDS) == {row[-1] for row in english}


@pytest.mark.parametrize("tongue", PAGES)
def test_every_claim_follows(tongue, found, spoken):
    assert language_of(PAGES[tongue]) == tongue
    spoken(tongue)
    assert check(TEXTS[tongue], sentences(found)) == []


def test_both_claim_the_same():
    chinese, english = ([each["id"] for each in MARKED.finditer(TEXTS[one])] for one in PAGES)
    assert chinese == english
    assert len(set(chinese)) == len(chinese) >= 5


def test_so_does_what_is_said_of_two_claims_together(found):
    # "See the own group only" goes in opposite directions on the two tasks.
    turns = {"own_group.one.local": GAIN, "own_only.one.global": COST}
    for id_, direction in turns.items():
        assert f"<!--claim:{id_}=" in TEXTS["zh"]
        assert {kind(found[each.key]) for each in CLAIMS[id_].conditions} == {direction}


@pytest.mark.parametrize("tongue", PAGES)
def test_the_code_prints_what_is_shown(tongue):
    ((code, shown),) = CODE.findall(TEXTS[tongue])
    assert "attnlib" not in code
    assert like(printed(code), shown)


def test_the_code_shows_the_same_formula_and_other_neighbours():
    both = {tuple(CODE.findall(text)) for text in TEXTS.values()}
    ((((_, shown)),),) = both
    numbers = [list(map(float, re.findall(r"by ([\d.e+-]+)", line))) for line in shown.splitlines()]
    assert all(apart < ROUNDING for apart, _ in numbers)
    (_, every), (_, nest), (_, pglsum) = numbers
    assert nest == 0 and min(every, pglsum) > 0.01


@pytest.mark.parametrize(
    ("said", "shown", "alike"),
    [
        ("by 2e-15, moves 0\n", "by 9e-16, moves 0", True),
        ("by 2e-15, moves 0.07", "by 9e-16, moves 0", False),
        ("by 2e-13, moves 0", "by 9e-16, moves 0", False),
        ("by 0e+00, moves 0", "by 9e-16, moves 0", True),
        ("by 2e-15, moves 9e-16", "by 9e-16, moves 0", False),
        ("by 2e-15: moves 0", "of 2e-15: moves 0", False),
    ],
)
def test_the_reader_of_numbers(said, shown, alike):
    assert like(said, shown) == alike


def test_the_lesson_quotes_how_it_begins():
    (section,) = [
        cell.source
        for cell in read(HERE / "08_detective.ipynb").cells
        if cell.source.startswith("## The reply\n")
    ]
    plain = section.replace("\n> ", "\n")
    for path in PAGES.values():
        assert f"(../docs/{path.name})" in section
    (chinese,) = re.findall(r"^您.+$", plain, re.MULTILINE)
    (english,) = re.findall(r"^You are .+", plain, re.DOTALL | re.MULTILINE)
    assert chinese in TEXTS["zh"] and english in TEXTS["en"]


@pytest.mark.parametrize("path", PAGES.values(), ids=PAGES)
def test_links_lead_to_files(path):
    links = re.findall(r"\]\(([^)#:]+)\)", path.read_text(encoding="utf-8"))
    assert len(links) >= 4
    assert [link for link in links if not (DOCS / link).is_file()] == []


@pytest.mark.parametrize("page", ["README.md", "docs/index.md"])
def test_the_front_leads_there(page):
    text = (HERE.parent / page).read_text(encoding="utf-8")
    assert all(f"(docs/{path.name})" in text for path in PAGES.values())
