"""The teacher sees who is on and what the class has done; a student sees neither."""

import re

import pytest

PAGE = "/services/classroom/"
DONE = """
from attnlib.course.record import record
record("two_cousins.kinds", tries=3, passed=True, mistakes={mistakes!r})
"""


@pytest.fixture(scope="module")
def teacher(hub):
    from hub.student import Student

    return Student(hub.address, "teacher", hub.passwords["teacher"])


def shown(teacher):
    answer = teacher.web.get(PAGE)
    assert answer.status_code == 200
    return answer.text


def test_who_is_on_and_the_class_s_numbers(teacher, victim, thief):
    strange = {"<b>strange</b>": 1}
    assert victim.run(DONE.format(mistakes={"TypeError": 2, **strange}))[0] == "ok"
    assert thief.run(DONE.format(mistakes={"TypeError": 1}))[0] == "ok"
    text = shown(teacher)
    assert re.search(r"On now: \d</b> \(the class has 3 students\)\. .*s01, s02", text)
    assert "Readers: 2" in text and "Passed: 2 of 2" in text
    assert "self-reported" in text
    assert "TypeError" in text and "strange" not in text
    assert "<script" not in text


@pytest.mark.parametrize(
    "trick",
    [
        "os.symlink('/etc/passwd', path)",
        "os.symlink('/run/attnlib/home/s01/lessons/progress.json', path)",
        "os.mkfifo(path)",
        "os.mkdir(path)",
        "open(path, 'w').write('[' * 100_000)",
        "open(path, 'w').write('{\"two_cousins.kinds\": {\"tries\": 1e999}}')",
        "open(path, 'w').write('{\"two_cousins.kinds\": {\"tries\": ' + '9' * 4000 + '}}')",
        "open(path, 'wb').truncate(2**29)",
        "open(path, 'w').write('{}'); os.chmod(path, 0)",
    ],
)
def test_what_is_no_record_counts_nothing(teacher, victim, thief, trick):
    thief.run(
        "import os; path = 'progress.json'\n(os.rmdir if os.path.isdir(path) else os.unlink)(path)"
    )
    assert thief.run(trick)[0] == "ok"
    assert "Readers: 1." in shown(teacher) or "Passed: 1 of 2" in shown(teacher)


@pytest.mark.parametrize("name", ["victim", "thief"])
def test_a_student_may_not_look(request, name):
    answer = request.getfixturevalue(name).student.web.get(PAGE)
    assert answer.status_code == 403 and "Readers" not in answer.text


def test_nor_from_behind_the_proxy(thief):
    code = "import httpx; print(httpx.get('http://127.0.0.1:803/services/classroom/').status_code)"
    assert thief.run(code)[1].strip() == "302"


@pytest.mark.parametrize("what", ["lab", "api/contents", "files/lessons/note.txt"])
def test_the_teacher_enters_no_student_s_server(teacher, victim, what):
    """A page there would act as the teacher."""
    assert teacher.web.get(f"/user/s01/{what}").status_code == 403
