"""Any mix of readers is summed right, in any order, and shown."""

import csv
import io
import re
from collections import Counter

from bs4 import BeautifulSoup
from hypothesis import given, settings
from hypothesis import strategies as st

from attnlib.course.exercises.tries import Tries
from attnlib.course.progress.content import all_exercises, all_predictions
from attnlib.course.progress.export import Export
from attnlib.course.progress.mistakes import commonest, told
from attnlib.course.progress.page import page
from attnlib.course.progress.sheets import sheets
from attnlib.course.progress.sums import once_each, summed, unknown

ASKED = all_predictions()
NAMES, KEYS = [*ASKED][:3], all_exercises()[:3]
counts = st.integers(0, 5)
tries = st.builds(
    Tries, counts, st.booleans(), counts, st.dictionaries(st.sampled_from("abc"), st.integers(1, 9))
)
choices = st.sampled_from(
    [(name, place) for name in NAMES for place in range(-1, len(ASKED[name].choices))]
)
readers = st.lists(
    st.builds(
        Export,
        st.text("0123456789abcdef", min_size=2, max_size=2),
        st.dictionaries(st.sampled_from(KEYS), tries),
        st.lists(choices).map(dict),
    )
)


@given(readers)
@settings(max_examples=30)
def test_every_number_of_every_reader_is_counted_once(found):
    total = summed(found)
    assert total.readers == len(found)
    for key in KEYS:
        each = [reader.exercises.get(key, Tries()) for reader in found]
        assert total.exercises[key] == (
            sum(one.tries > 0 for one in each),
            sum(one.passed for one in each),
            sum(one.tries for one in each),
            sum(one.hints for one in each),
            sum((Counter(one.mistakes) for one in each), Counter()),
        )
    for name in NAMES:
        places = [reader.predictions[name] for reader in found if name in reader.predictions]
        chosen = total.predictions[name]
        assert chosen.skipped == places.count(-1)
        assert [*chosen.counts] == [places.count(n) for n in range(len(ASKED[name].choices))]
        assert chosen.answered == len(places)


@given(readers, st.randoms())
@settings(max_examples=20)
def test_the_order_of_the_files_does_not_matter(found, chance):
    shuffled = chance.sample(found, len(found))
    assert sheets(summed(found)) == sheets(summed(shuffled))
    assert page(summed(found)) == page(summed(shuffled))


@given(readers)
@settings(max_examples=20)
def test_the_sheets_say_what_the_sum_says(found):
    total = summed(found)
    tables = {name: rows(text) for name, text in sheets(total).items()}
    exercises = {row.pop("exercise"): row for row in tables["exercises.csv"]}
    assert [*exercises] == all_exercises()
    for key, each in total.exercises.items():
        wanted = (len(found), each.tried, each.passed, each.tries, each.hints)
        assert tuple(map(int, exercises[key].values())) == wanted
    times = sum(int(row["times"]) for row in tables["mistakes.csv"])
    assert times == sum(each.mistakes.total() for each in total.exercises.values())
    for name, each in total.predictions.items():
        mine = [row for row in tables["predictions.csv"] if row["prediction"] == name]
        assert [int(row["readers"]) for row in mine] == [*each.counts, each.skipped]
        assert [row["choice"] for row in mine if row["right"] == "1"] == [each.ask.answer]
        if each.answered:
            assert abs(sum(float(row["share"]) for row in mine) - 1) < 0.01


def rows(text):
    assert text.startswith("\ufeff")
    return [*csv.DictReader(io.StringIO(text[1:]))]


def reader(number="aa", key="heads.split", **facts):
    return Export(number, {key: Tries(**facts)}, {})


def test_of_one_reader_the_fullest_file_counts():
    early, late, other = reader(tries=1), reader(tries=4, passed=True), reader("bb", tries=1)
    for found in ([early, late, other], [late, other, early]):
        assert sorted(once_each(found)) == sorted([late, other])


def test_what_the_course_does_not_have_is_told_and_not_counted():
    name, ask = next(iter(ASKED.items()))
    places = {"nowhere.one": 0, "nowhere.two": -1, name: len(ask.choices)}
    foreign = Export("aa", {"heads.gone": Tries(1)}, places)
    assert unknown(foreign) == ["heads.gone", *places]
    assert summed([foreign])[1:] == summed([])[1:]
    assert unknown(Export("aa", {"heads.split": Tries(1)}, {name: -1})) == []


def test_a_mistake_is_told_without_what_was_in_its_places():
    kind = "For {where} the shape must be {want}, and is {got!r}."
    assert told(kind) == "For … the shape must be …, and is …."
    assert told("KeyError") == "It stopped with KeyError."
    assert commonest({"b": 1, "c": 3, "a": 1}) == [("c", 3), ("a", 1), ("b", 1)]


def test_a_spreadsheet_runs_nothing_and_a_page_neither():
    hostile = ["=1+1", "@SUM(A1)", "<script>alert(1)</script>", '"><img src=x>']
    found = summed([reader(tries=9, mistakes=dict.fromkeys(hostile, 1))])
    cells = [row["mistake"] for row in rows(sheets(found)["mistakes.csv"])]
    assert sorted(cells) == sorted(["'=1+1", "'@SUM(A1)", *hostile[2:]])
    assert not BeautifulSoup(page(found), "html.parser").select("script, img")


def test_the_page_shows_what_was_done_and_needs_nothing_from_elsewhere():
    name, ask = next((name, ask) for name, ask in ASKED.items() if name.startswith("heads."))
    found = [
        Export("aa", {"heads.split": Tries(3, True, 1, {"It is wrong.": 2})}, {name: ask.place}),
        Export("bb", {"heads.split": Tries(1, False, 0, {"It is wrong.": 1})}, {name: -1}),
    ]
    html = page(summed(found))
    soup = BeautifulSoup(html, "html.parser")
    assert [each["id"] for each in soup("section")] == ["heads"]
    text = re.sub(r"\s+", " ", soup.section.text)
    assert "Passed: 1 of 2. Tried: 2. All tries: 4. All hints: 1." in text
    assert "3 ×It is wrong." in text
    right = soup.select_one(f'li:-soup-contains("{ask.choices[ask.place]}") .share')
    assert right.text == "50%"
    assert soup.select("li .right") and "prefers-color-scheme: dark" in html
    assert not re.search(r"https?:|url\(|@import|<link|src=", html)


def test_a_class_that_has_done_nothing_has_a_page_too():
    assert "<section" not in page(summed([])) and "<h1>" in page(summed([]))
