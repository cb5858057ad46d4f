"""What the lessons ask: every file reads well, and no letter is right more often than by chance."""

import math
import re
import tomllib
from collections import Counter
from itertools import groupby

import pytest

from attnlib.course.manifest import FILE, LESSONS
from attnlib.course.widgets.asked import LETTERS, asked
from notebooks.execute import HERE, read

NAMES = [each.name for each in LESSONS]
LEAST, MOST = 4, 0.6  # in a lesson of so many predictions, at most this share has one letter
RUN = 3  # at most so many right letters in a row are equal
CALL = re.compile(r'^predict\("([\w.]+)"\)$')


def written(lesson):
    """The lesson's file: name -> table, in order."""
    text = FILE.with_name(lesson).joinpath("predictions.toml").read_text(encoding="utf-8")
    return tomllib.loads(text)


def predictions(lesson):
    return [asked(f"{lesson}.{key}") for key in written(lesson)]


ALL = [each for name in NAMES for each in predictions(name)]


@pytest.fixture(params=LESSONS, ids=lambda each: each.name)
def lesson(request):
    return request.param


def test_the_notebook_asks_each_once_and_in_the_order_of_the_file(lesson):
    cells = read(HERE / f"{lesson.stem}.ipynb").cells
    asking = [cell.source for cell in cells if "predict(" in cell.source]
    found = [match and match[1] for match in map(CALL.match, asking)]
    assert found == [f"{lesson.name}.{key}" for key in written(lesson.name)]


def test_no_source_of_a_notebook_holds_an_answer(lesson):
    sources = "\n".join(cell.source for cell in read(HERE / f"{lesson.stem}.ipynb").cells)
    assert "answer=" not in sources
    assert [each.because for each in predictions(lesson.name) if each.because in sources] == []


def test_no_name_is_an_answer(lesson):
    for key, table in written(lesson.name).items():
        right = table["choices"][LETTERS.index(table["answer"])]
        words = set(re.findall(r"\w+", right.lower()))
        assert set(key.split("_")) - words, f"{key}: {right}"


def test_texts_have_no_stray_spaces_and_no_choice_stands_twice(lesson):
    for each in predictions(lesson.name):
        for text in (each.question, *each.choices, each.because):
            assert text
            assert text == " ".join(text.split())
        assert len(set(each.choices)) == len(each.choices)


def test_no_letter_is_right_more_often_than_by_chance():
    count = Counter(each.answer for each in ALL)
    for place, letter in enumerate(LETTERS):
        fair = sum(1 / len(each.choices) for each in ALL if place < len(each.choices))
        assert abs(count[letter] - fair) <= math.ceil(fair / 5), (letter, count[letter], fair)


def test_no_letter_is_right_most_of_the_time_in_one_lesson(lesson):
    answers = [each.answer for each in predictions(lesson.name)]
    if len(answers) >= LEAST:
        ((letter, most),) = Counter(answers).most_common(1)
        assert most <= MOST * len(answers), letter


def test_no_letter_is_right_many_times_in_a_row():
    runs = [len(list(run)) for _, run in groupby(each.answer for each in ALL)]
    assert max(runs) <= RUN
