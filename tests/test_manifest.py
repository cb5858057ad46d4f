"""What the manifest says of the lessons is what the lessons, the README and the pages say."""

import re
import shutil
import subprocess
import sys
from itertools import pairwise
from pathlib import Path

import pytest
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook

from attnlib.course import lessons
from attnlib.course.manifest import LESSONS, Lesson, lesson
from docs import course_map, front
from notebooks.execute import HERE, METADATA, read, write
from notebooks.execute import LESSONS as PATTERN

ROOT = HERE.parent
FOLDERS = Path(lessons.__file__).parent
LONGEST, CORE = 50, 30  # minutes of one sitting, and of what nobody should leave out
LONGER = {"kernels": 48, "capstone": 54}  # both have a second part that is "more"; none may grow
LECTURE = 90


@pytest.fixture(params=LESSONS, ids=lambda each: each.stem)
def each(request):
    return request.param


def minutes(cells, *parts):
    found = [cell.metadata for cell in cells if "minutes" in cell.metadata]
    return sum(each["minutes"] for each in found if each["part"] in parts)


def test_lessons_are_numbered_without_a_gap_and_have_names_of_their_own():
    assert [each.number for each in LESSONS] == list(range(len(LESSONS)))
    assert len({each.name for each in LESSONS}) == len(LESSONS)


def test_every_lesson_has_one_notebook_and_one_folder_and_none_is_left_over():
    stems = [each.stem for each in LESSONS]
    assert sorted(path.stem for path in HERE.glob(PATTERN)) == stems
    folders = {path.parent.name for path in FOLDERS.glob("*/exercises.py")}
    assert folders == {each.name for each in LESSONS}


def test_its_notebook_says_the_same(each):
    cells = read(HERE / f"{each.stem}.ipynb").cells
    assert cells[0].source.partition("\n")[0] == f"# {each.heading}"
    assert each.minutes == minutes(cells, "core", "more")
    assert each.core == minutes(cells, "core")
    said = re.search(r"\| (\d+) minutes, (\d+) of them the core \|", cells[0].source)
    assert (int(said[1]), int(said[2])) == (each.minutes, each.core)
    needs = re.search(r"\|\s*---.*\n\|([^|]+)\|", cells[0].source)[1]
    assert re.findall(r"\b\d\d\b", needs) == [f"{lesson(name).number:02d}" for name in each.needs]


def test_it_needs_only_what_came_before(each):
    assert all(lesson(name).number < each.number for name in each.needs)


def test_it_can_be_taken_in_one_sitting(each):
    assert each.minutes <= LONGER.get(each.name, LONGEST)
    assert each.core <= CORE


def test_it_links_the_next_one():
    for each, following in pairwise(LESSONS):
        (end,) = [
            cell.source
            for cell in read(HERE / f"{each.stem}.ipynb").cells
            if cell.source.startswith("## What you can now do")
        ]
        after = end.partition("**Next.**")[2]
        assert f"[{following.heading}]({following.stem}.ipynb)" in after


def test_the_lecture_is_full_and_takes_no_more_of_a_lesson_than_its_core():
    assert sum(each.lecture for each in LESSONS) == LECTURE
    assert all(each.lecture <= each.core for each in LESSONS)


@pytest.mark.parametrize("page", front.PAGES, ids=lambda page: page.path.name)
def test_the_tables_of_the_pages_are_made_of_it(page):
    text = page.path.read_text(encoding="utf-8")
    assert front.filled(text, page.tables) == text, "python -m docs.front"


def test_the_map_of_the_course_is_drawn_from_it():
    assert course_map.FILE.read_text(encoding="utf-8") == course_map.svg(), "python -m docs.front"
    for each in LESSONS:
        assert each.heading in course_map.description()


def test_the_first_lesson_lists_them_all():
    cells = read(HERE / f"{LESSONS[0].stem}.ipynb").cells
    (table,) = [cell.source for cell in cells if cell.source.startswith("## The course from here")]
    for each in LESSONS[1:]:
        assert f"| [{each.heading}]({each.stem}.ipynb) | {each.question} |" in table


@pytest.mark.parametrize("name", ["05", "segments ", "", None])
def test_a_lesson_that_is_not_there_is_named(name):
    with pytest.raises(ValueError, match=re.escape(f"got {name!r}")):
        lesson(name)


# ---- A new lesson, made as CONTRIBUTING says -----------------------------------------------------

ENTRY = """
[[lesson]]
number = {number}
name = "echoes"
title = "Echoes"
question = "who hears whom?"
needs = ["two_cousins"]
minutes = 8
core = 8
aim = "Say it twice"
"""
EXERCISES = '''"""Say it twice."""

from attnlib.course.exercises.checking import find_mistake
from attnlib.course.exercises.exercise import Exercise


def twice(x):
    return 2 * x


def _find_mistake(answer):
    return find_mistake(answer, twice, [(1.0,), (2.5,)], [("That is once.", lambda x: x)])


EXERCISES = (Exercise("echoes.twice", "Write twice(x).", _find_mistake, ("Add it.",), twice),)
'''
PREDICTIONS = """
[shout]
question = "Who hears it?"
choices = ["nobody", "both"]
answer = "b"
because = "It comes back."
"""
CHECKED = """
from attnlib.course.lessons import exercise
from attnlib.course.manifest import LESSONS
from attnlib.course.widgets.prediction import predict
assert exercise("echoes.twice").check(lambda x: x + x).right
assert "That is once." in exercise("echoes.twice").check(lambda x: x)
assert "b. both" in repr(predict("echoes.shout"))
print(LESSONS[-1].stem)
"""


@pytest.fixture
def copy(tmp_path):
    """The repository as far as a new lesson touches it."""
    for name in (
        "attnlib",
        "notebooks",
        "docs",
        "tests",
        "README.md",
        "README.zh.md",
        "pyproject.toml",
    ):
        source = ROOT / name
        if source.is_dir():
            shutil.copytree(source, tmp_path / name, ignore=shutil.ignore_patterns("__pycache__"))
        else:
            shutil.copy(source, tmp_path / name)
    return tmp_path


def run(folder, *arguments):
    environment = {"PYTHONPATH": str(folder), "PATH": "/usr/bin:/bin"}
    done = subprocess.run(
        [sys.executable, *arguments], cwd=folder, env=environment, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def test_a_new_lesson_is_a_notebook_its_folder_and_one_entry(copy):
    """… and `python -m docs.front`, which puts it into the README's table and on the map."""
    new = Lesson(
        len(LESSONS), "echoes", "Echoes", "who hears whom twice?", ["two_cousins"], 8, 8, ""
    )
    rooms = copy / "attnlib/course/lessons"
    with (rooms / "lessons.toml").open("a", encoding="utf-8") as file:
        file.write(ENTRY.format(number=new.number))
    (rooms / new.name).mkdir()
    (rooms / new.name / "exercises.py").write_text(EXERCISES, encoding="utf-8")
    (rooms / new.name / "predictions.toml").write_text(PREDICTIONS, encoding="utf-8")
    head = f"# {new.heading}\n\n| you need | it takes | you get |\n|---|---|---|\n"
    head += "| lesson 00 | 8 minutes, 8 of them the core | an echo |\n"
    cells = [
        new_markdown_cell(head, metadata={"minutes": 8, "part": "core"}),
        new_code_cell('from attnlib.course.lessons import exercise\n\nexercise("echoes.twice")'),
    ]
    nb = new_notebook(cells=cells, metadata=METADATA)
    write(nb, copy / f"notebooks/{new.stem}.ipynb")
    assert run(copy, "-c", CHECKED).strip() == new.stem
    run(copy, "-m", "docs.front")
    assert f"| [{new.heading}](notebooks/{new.stem}.ipynb)" in (copy / "README.md").read_text()
    assert ">Echoes<" in (copy / "docs/course.svg").read_text(encoding="utf-8")
    said = run(
        copy, "-m", "pytest", "-q", "-p", "no:cacheprovider", "tests/test_manifest.py", "-k",
        "notebook and not new_lesson or made_of_it or drawn_from_it or numbered",
    )  # fmt: skip
    assert re.search(r"\d+ passed", said)
