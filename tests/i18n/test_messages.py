"""Every message of a source is found, wherever a `say` can stand."""

import pytest

from i18n.messages import COURSE, messages, part, templates

SOURCES = {
    "a.py": (
        'HEAD = N_("one {n}")\n'
        "x = f\"<b>{say('two')}</b>\"\n"
        'y = say("three, "\n    "in two parts.", n=say("four"))\n'
        "z = say(HEAD, n=1)\n"
        "t = other('no message')\n",
        ["one {n}", "two", "three, in two parts.", "four"],
    ),
    "b.js": (
        'const a = say("one {n}", { n: 1 });\n'
        "const b = `<b>${say(\"two\")}</b>`;\nconst c = other('no');\n",
        ["one {n}", "two"],
    ),
    "predictions.toml": (
        '[heads]\nquestion = "one?"\nchoices = ["two", "(1, 2)", "three"]\n'
        'answer = "a"\nbecause = "four"\n',
        ["one?", "two", "three", "four"],
    ),
    "questions.toml": (
        '[[question]]\nid = "no"\nname = "one"\n[question.A]\nstem = "two"\nchoices.a = "three"\n',
        ["one", "two", "three"],
    ),
    "symmetries.py": (
        'def one(x):\n    """two"""\n    say("three")\n\n\ndef _four(x):\n    """no"""\n',
        ["three", "two"],
    ),
    "c.css": ('say("no")', []),
}


@pytest.mark.parametrize("name", SOURCES)
def test_messages_are_found_in_their_order(tmp_path, name):
    source, wanted = SOURCES[name]
    (tmp_path / name).write_text(source, encoding="utf-8")
    assert list(messages(tmp_path / name)) == wanted


@pytest.mark.parametrize(
    ("file", "name"),
    [
        ("lessons/heads/exercises.py", "heads"),
        ("lessons/heads/predictions.toml", "heads"),
        ("widgets/questions/questions.js", "questions"),
        ("widgets/viewer.js", "widgets"),
        ("shapes/xray/table.py", "shapes"),
        ("language.py", "language"),
    ],
)
def test_a_file_belongs_to_the_catalogue_of_its_lesson_or_room(file, name):
    assert part(file) == name


def test_a_message_of_two_files_has_both_places(tmp_path):
    for name in ("a.py", "b.py"):
        (tmp_path / "widgets").mkdir(exist_ok=True)
        (tmp_path / "widgets" / name).write_text('say("head")')
    (message,) = [each for each in templates(tmp_path)["widgets"] if each.id]
    assert [place for place, _ in message.locations] == [
        "attnlib/course/widgets/a.py",
        "attnlib/course/widgets/b.py",
    ]


def test_the_course_says_much():
    found = templates(COURSE)
    assert {"widgets", "heads", "shapes"} <= set(found)
    assert sum(map(len, found.values())) > 1000
