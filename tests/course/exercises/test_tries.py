"""Tries, passes and mistakes in the record: what is counted, what is not, nothing of the code."""

import json
from concurrent.futures import ThreadPoolExecutor

import pytest
import torch

from attnlib.course.exercises import pieces
from attnlib.course.exercises.checking import Mistake
from attnlib.course.exercises.tries import Tries, count
from attnlib.course.language import say
from attnlib.course.lessons import exercise, exercises
from attnlib.course.lessons.__main__ import found as checked_again
from attnlib.course.lessons.two_cousins.exercises import KINDS
from attnlib.course.manifest import LESSONS
from attnlib.course.record import all_recorded, folder, record, recorded

KEY = "two_cousins.same_segment"


def tries(key=KEY):
    return Tries.of(recorded(key))


def as_numbers(length, n):
    return (torch.arange(length)[:, None] // n == torch.arange(length) // n).float()


def all_true(length, n):
    return torch.ones(length, length, dtype=torch.bool)


def right(length, n):
    return torch.arange(length)[:, None] // n == torch.arange(length) // n


def test_each_check_of_other_code_is_a_try_until_one_passes():
    for answer in (all_true, as_numbers, right, as_numbers):
        exercise(KEY).check(answer)
    found = tries()
    assert (found.tries, found.passed) == (3, True)
    assert sorted(found.mistakes.values()) == [1, 1]
    assert "The result must be {want}, and is {got}." in found.mistakes


def stub(length, n):
    pass


@pytest.mark.parametrize(
    ("key", "answer"),
    [
        (KEY, stub),
        ("two_cousins.kinds", dict.fromkeys(KINDS)),
        ("positions.feels_order", stub),
        ("positions.pairs", None),
        ("fusion.rows", None),
        ("detective.answer", None),
        ("blocks.count", lambda *sizes: None),
        ("heads.split", pieces.split),  # what the course lends
    ],
)
def test_what_nobody_has_written_is_no_try(key, answer):
    exercise(key).check(answer)
    assert all_recorded() == {}


def test_a_module_whose_forward_is_open_is_no_try():
    class MyBlockAttention(pieces.MyBlockAttention):
        def forward(self, x):
            pass

    exercise("blocks.MyBlockAttention").check(MyBlockAttention)
    assert all_recorded() == {}


def cell(source, number):
    """What a notebook has under the name after it ran this cell."""
    import linecache

    file = f"<cell {number}>"
    linecache.cache[file] = (len(source), None, source.splitlines(keepends=True), file)
    space = {"__name__": "__main__", "torch": torch}
    exec(compile(source, file, "exec"), space)
    return space["same_segment"]


WRONG = "def same_segment(length, n):\n    return torch.ones(length, length) > {}\n"


def test_the_same_code_checked_again_is_the_same_try_in_the_next_kernel_too():
    for number, source in enumerate([WRONG.format(0)] * 2 + [WRONG.format(2), WRONG.format(0)]):
        exercise(KEY).check(cell(source, number))
    assert tries().tries == 3


class Here:
    """Two of them, one after the other, may lie at one place of memory, as lambdas may."""

    def __repr__(self):
        return "<function <lambda> at 0x7f0000000000>"

    def __call__(self, length, n):
        return 1


def test_what_has_no_source_is_another_try_each_time():
    for _ in range(2):
        exercise(KEY).check(Here())
    assert tries().tries == 2


def test_the_same_code_that_passes_now_has_passed():
    count(KEY, "code", Mistake(say("It is wrong.")))
    count(KEY, "code", None)  # what it calls has been mended
    assert (tries().tries, tries().passed) == (2, True)


class Unprintable:
    def __repr__(self):
        raise RuntimeError("secret")


def test_an_answer_that_cannot_be_shown_is_checked_all_the_same():
    assert not exercise("two_cousins.kinds").check(Unprintable()).right
    assert tries("two_cousins.kinds").tries == 1


class SecretError(ValueError):
    pass


def raises(*arguments):
    raise SecretError("secret")


def says(*arguments):
    return "secret"


ALL = [key for lesson in LESSONS for key in exercises(lesson.name)]
SECRETS = [
    *((key, answer) for key in ALL for answer in (raises, says, "secret", Unprintable())),
    ("two_cousins.kinds", {"a secret": None}),
    ("two_cousins.kinds", KINDS | {"positions": "secret"}),
    ("detective.answer", "(secret) d -> c (secret)"),
    ("positions.pairs", (("secret", 1), (2, 3))),
]


@pytest.mark.parametrize(("key", "answer"), SECRETS)
def test_nothing_of_the_readers_is_kept(key, answer):
    assert not exercise(key).check(answer).right
    (kind,) = tries(key).mistakes
    assert kind
    assert "secret" not in (folder() / "progress.json").read_text(encoding="utf-8").lower()


def test_an_error_is_counted_by_pythons_class_or_by_what_lies_behind_it():
    exercise(KEY).check(raises)
    exercise(KEY).check(lambda length, n: torch.ones(2, 3) @ torch.ones(2, 3))
    behind = "In a product @ the inner sizes must be the same. Is one of the two to be turned, .mT?"
    assert tries().mistakes == {"ValueError": 1, behind: 1}


def test_a_mistake_is_the_same_in_every_language(tmp_path):
    from attnlib.course.language import ENGLISH, speak
    from tests.pseudo import write_catalogues

    exercise(KEY).check(as_numbers)
    english = tries().mistakes
    (folder() / "progress.json").unlink()
    speak(write_catalogues(tmp_path / "language"))
    try:
        assert "⟦" in exercise(KEY).check(as_numbers)
    finally:
        speak(ENGLISH)
    assert tries().mistakes == english


def test_hints_are_counted_wherever_they_are_asked_for_and_in_the_next_kernel_go_on(capsys):
    task = exercise(KEY)
    for _ in range(2):
        task.told.clear()  # as a new kernel finds it
        task.hint()
    assert tries().hints == len(capsys.readouterr().out.splitlines()) - 1 == 2


def test_two_notebooks_at_once_lose_no_try():
    def many(name):
        for number in range(20):
            count(KEY, f"{name} {number}", Mistake(say("It is wrong.")))

    with ThreadPoolExecutor(2) as pool:
        list(pool.map(many, ["one", "other"]))
    assert tries() == Tries(40, False, 0, {"It is wrong.": 40})


def test_a_file_handed_in_is_checked_and_not_counted():
    assert checked_again(KEY, all_true) != "right"
    assert all_recorded() == {}


def test_an_older_record_and_one_that_was_spoiled_are_read():
    record(KEY, told=[1, 2])
    assert tries() == Tries(hints=2)
    spoiled = {"tries": "3", "passed": 1, "told": None, "mistakes": {"a": -1, "b": True, "c": 2}}
    record(KEY, **spoiled)
    assert tries() == Tries(mistakes={"c": 2})
    exercise(KEY).check(right)
    assert tries() == Tries(1, True, 0, {"c": 2})
    assert set(json.loads((folder() / "progress.json").read_text())[KEY]) > set(spoiled)
