"""The lecturer's page says of the lessons what the lessons say of themselves."""

import re
from inspect import signature
from itertools import accumulate

import pytest
import torch
from einops import rearrange

from attnlib.course.lessons import exercise
from attnlib.course.manifest import LESSONS
from attnlib.course.widgets.asked import asked
from docs.slides.storyboard import PREDICTION, TASK, marked, slides
from notebooks.execute import HERE, read

PAGE = HERE.parent / "docs/lecturer.md"
TEXT = PAGE.read_text(encoding="utf-8")
LECTURE = [f"{each.number:02d}" for each in LESSONS if each.lecture]
PATHS = {f"{each.number:02d}": HERE / f"{each.stem}.ipynb" for each in LESSONS}
NAMED = re.compile("“([^”]+)”")  # these marks are kept for headings
CHANGE = re.compile(r"\*to the deck of (\d\d)\*")
COUNTS = ["no slides", "one slide", "two slides", "three slides", "four slides", "five slides"]


@pytest.fixture(scope="module")
def headings():
    """Of each lesson: heading -> minutes and part of its sections, in order."""
    return {number: list(headings_of(path)) for number, path in PATHS.items()}


def headings_of(path):
    for cell in read(path).cells:
        if "minutes" in cell.metadata:
            heading = cell.source.partition("\n")[0].lstrip("# ")
            yield heading, cell.metadata["minutes"], cell.metadata["part"]


def answers_of(path):
    """Heading -> the right letters of what is asked there."""
    found, heading = {}, ""
    for cell in read(path).cells:
        if "minutes" in cell.metadata:
            heading = cell.source.partition("\n")[0].lstrip("# ")
        elif match := PREDICTION.match(cell.source):
            found.setdefault(heading, []).append(asked(match[1]).answer)
    return found


def exercises_of(path):
    """The headings of the core under which the reader writes."""
    found, heading = [], ""
    for cell in read(path).cells:
        if "minutes" in cell.metadata:
            heading = cell.source.partition("\n")[0].lstrip("# ")
            core = cell.metadata["part"] == "core"
        elif core and cell.source.startswith('exercise("') and heading not in found:
            found.append(heading)
    return found


def section(heading, text=TEXT):
    """What stands under that heading, up to the next one of its level or above."""
    level = len(heading.partition(" ")[0])
    assert text.count(f"\n{heading}\n") == 1, heading
    return re.split(rf"\n#{{1,{level}}} ", text.partition(f"\n{heading}\n")[2])[0]


def rows(text):
    lines = [line for line in text.splitlines() if line.startswith("|")]
    cells = [[cell.strip() for cell in line.strip("|").split("|")] for line in lines]
    return [row for row in cells if any(cell.isdigit() for cell in row)]


def in_the_lecture(number):
    whole = section("## The lecture: 90 minutes")
    (heading,) = re.findall(rf"^### \[{number} · .+$", whole, re.MULTILINE)
    return section(heading, whole)


def plan(number):
    """The rows of the lecture that are sections, and those that lead to another deck."""
    table = rows(in_the_lecture(number))
    return [row for row in table if NAMED.search(row[2])], [
        row for row in table if CHANGE.fullmatch(row[2])
    ]


def skipped(number):
    """What is said below the table of what no lecture goes through."""
    (line,) = re.findall(r"^\*Skip:\* (.+)$", in_the_lecture(number), re.MULTILINE)
    return line


def test_the_minutes_are_those_at_the_head_of_each_lesson():
    found = {}
    for link, minutes, core, aim in rows(section("## Lesson by lesson")):
        found[link[1:3]] = f"{minutes} minutes, {core} of them the core"
        assert aim
    assert list(found) == list(PATHS)
    for number, said in found.items():
        assert f"| {said} |" in read(PATHS[number]).cells[0].source


@pytest.mark.parametrize("number", PATHS)
def test_every_lesson_has_its_part_and_it_names_only_headings_of_that_lesson(number, headings):
    part = section(f"### {number}")
    assert "**Show live.**" in part
    assert "**Expect**" in part
    named = set(NAMED.findall(part))
    assert named <= {heading for heading, *_ in headings[number]}
    assert named


@pytest.mark.parametrize("number", LECTURE)
def test_the_lecture_goes_through_the_core_and_names_only_its_lesson(number, headings):
    table = [(NAMED.search(name)[1], int(minutes)) for _, minutes, name, _ in plan(number)[0]]
    core = [(name, minutes) for name, minutes, part in headings[number] if part == "core"]
    written = exercises_of(PATHS[number])  # the first of them is done, and not all of it
    (first,) = [minutes for name, minutes in table if name in written]
    assert 0 < first <= dict(core)[written[0]]
    assert [each for each in table if each[0] not in written] == [
        (name, minutes) for name, minutes in core if minutes and name not in written
    ]
    (lesson,) = [each for each in LESSONS if each.stem == PATHS[number].stem]
    change = sum(int(minutes) for _, minutes, *_ in plan(number)[1])
    assert sum(minutes for _, minutes in table) + change == lesson.lecture
    assert {name for name, _ in table}.isdisjoint(NAMED.findall(skipped(number)))
    assert {name for name, _ in table} | {*NAMED.findall(skipped(number))} == dict(core).keys()
    assert set(NAMED.findall(in_the_lecture(number).partition("**Late?**")[0])) <= {
        heading for heading, *_ in headings[number]
    }


def test_each_change_of_decks_has_its_minute_at_the_end_of_a_table():
    for number, following in zip(LECTURE, [*LECTURE[1:], None], strict=True):
        changes = plan(number)[1]
        assert [CHANGE.fullmatch(row[2])[1] for row in changes] == [following] * bool(following)
        assert all(int(row[1]) >= 1 for row in changes)
        assert rows(in_the_lecture(number)) == [*plan(number)[0], *changes]


@pytest.mark.parametrize("number", LECTURE)
def test_the_plan_counts_the_slides_that_are_skipped(number):
    deck = [slide for slide in slides(read(PATHS[number])) if not slide.more]
    lead = [slide.kind for slide in deck].index("section") - 1  # behind the title
    told = plan(number)[0][0][3]
    assert (f"Skip the {COUNTS[lead]} " in told) == bool(lead)
    for heading, count in re.findall(r"“([^”]+)”, (\w+ slides?)", skipped(number)):
        mark = marked(heading)
        heads = (f"## {heading}\n", f'<p class="running">{mark}</p>')
        found = [slide for slide in deck if slide.cells[0].source.startswith(heads)]
        assert COUNTS[len(found)] == count


@pytest.mark.parametrize("number", LECTURE)
def test_the_lecture_tells_the_right_letter_of_every_prediction(number):
    told = {
        NAMED.search(name)[1]: re.findall(r"\(([a-f])\)", what)
        for _, _, name, what in plan(number)[0]
    }
    right = answers_of(PATHS[number])
    assert told == {heading: right.get(heading, []) for heading in told}
    assert any(told.values())


@pytest.mark.parametrize("number", LECTURE)
def test_where_the_class_writes_the_plan_has_a_wrong_answer_and_what_the_check_says(number):
    cells = (cell.source for cell in read(PATHS[number]).cells)
    task = exercise(next(match[1] for source in cells if (match := TASK.match(source))))
    (what,) = [what for *_, what in plan(number)[0] if what.startswith(task.name)]
    ((body, said),) = re.findall(r'Type `([^`]+)` first: "([^"]+)"', what)
    typed = {"torch": torch, "rearrange": rearrange}
    exec(f"def {task.name}({', '.join(signature(task.answer).parameters)}): {body}", typed)
    assert said in str(task.check(typed[task.name]))


def test_the_clock_of_the_lecture_runs_from_0_to_90():
    table = [row for number in LECTURE for row in rows(in_the_lecture(number))]
    *starts, end = accumulate((int(minutes) for _, minutes, *_ in table), initial=0)
    assert end == 90
    assert [at for at, *_ in table] == [f"{start // 60}:{start % 60:02}" for start in starts]


def test_labs_fit_and_with_what_is_done_at_home_make_up_the_course(headings):
    plan = rows(section("## Two weeks"))
    room, home = ([int(row[place]) for row in plan] for place in (2, 4))
    assert max(room) <= 90
    whole = sum(minutes for lesson in headings.values() for _, minutes, _ in lesson)
    assert sum(room) + sum(home) == whole


def test_every_heading_that_the_page_names_is_in_some_lesson(headings):
    known = {heading for lesson in headings.values() for heading, *_ in lesson}
    assert set(NAMED.findall(TEXT)) <= known


def test_links_lead_to_files():
    links = re.findall(r"\]\(([^)#]+)\)", TEXT)
    assert len(links) >= len(PATHS)
    assert [link for link in links if not (PAGE.parent / link).is_file()] == []
