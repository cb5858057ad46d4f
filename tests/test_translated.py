"""The lessons in other languages are what the English ones and the catalogues make; none is edited.

That they run, nbval shows of the short path (`make test`), and of all before a release.
"""

import json
import re

import pytest

from attnlib.course.copies.lessons import TRANSLATED
from notebooks.execute import HERE, problems, read
from notebooks.identity import LEDGER
from notebooks.tongues import LINK, built, languages, led, lessons, place

MADE = [(lesson, language) for language in languages() for lesson in lessons(language)]


def name(value):
    return getattr(value, "stem", value)


def test_each_catalogue_has_its_lesson_and_there_is_no_other():
    assert [place(*each) for each in MADE] == sorted(HERE.glob(TRANSLATED))
    assert MADE


@pytest.mark.parametrize(("lesson", "language"), MADE, ids=name)
def test_it_is_made_of_the_english_one_and_its_catalogue(lesson, language):
    made, there = built(lesson, language), read(place(lesson, language))
    assert [(cell.id, cell.source, cell.metadata) for cell in there.cells] == [
        (cell.id, cell.source, cell.metadata) for cell in made.cells
    ], f"run `make notebooks LANGUAGE={language}`"
    assert there.metadata == made.metadata
    assert there.metadata["language"] == language
    assert problems(there) == []


@pytest.mark.parametrize(("lesson", "language"), MADE, ids=name)
def test_its_cells_are_those_of_the_english_one(lesson, language):
    there = [cell.id for cell in read(place(lesson, language)).cells]
    english = [cell.id for cell in read(lesson).cells]
    kept = [each for each in english if each in there]
    assert [each for each in there if each != "speak"] == kept
    assert "speak" not in json.loads(LEDGER.read_text())[lesson.stem.partition("_")[2]]["cells"]


@pytest.mark.parametrize(("lesson", "language"), MADE, ids=name)
def test_its_links_lead_somewhere(lesson, language):
    folder = place(lesson, language).parent
    cells = read(place(lesson, language)).cells
    text = "\n".join(each.source for each in cells if each.cell_type == "markdown")
    links = LINK.findall(text)
    assert [link for link in links if not (folder / link).resolve().is_file()] == []
    assert not re.search(r"\]\(#", text), "a heading has another anchor in another language"


def test_a_link_leads_to_the_page_of_its_language_but_where_both_are_named():
    assert led("[ours](../docs/reply.md)", "zh") == "[ours](../../docs/reply.zh.md)"
    both = "[中文](../docs/reply.zh.md), [English](../docs/reply.md)"
    assert led(both, "zh") == both.replace("../", "../../")


@pytest.mark.parametrize(("lesson", "language"), MADE, ids=name)
def test_it_speaks_before_anything_is_said(lesson, language):
    first = next(cell for cell in built(lesson, language).cells if cell.cell_type == "code")
    assert f'speak("{language}")' in first.source
