"""English costs nothing; another language comes from catalogues, and what is in doubt does not."""

import subprocess
import sys
from pathlib import Path

import pytest

from attnlib.course import language
from attnlib.course.language import N_, catalogue, paragraph, say, speak, speaking

HELLO = """
#: attnlib/course/widgets/viewer.js
msgid "{n} heads, the first has {share:.0%}."
msgstr "Köpfe: {n}; der erste hat {share:.0%}."

#: attnlib/course/widgets/viewer.py
msgid "head"
msgstr "Kopf"

#: attnlib/course/widgets/viewer.py
msgid "key"
msgstr ""

#: attnlib/course/widgets/viewer.py
#, fuzzy
msgid "query"
msgstr "Schlüssel"
"""


@pytest.fixture
def german(tmp_path):
    """A folder of catalogues; English is spoken again at the end."""
    (tmp_path / "widgets.po").write_text(HELLO, encoding="utf-8")
    yield str(tmp_path)
    speak("en")


def test_english_is_said_as_it_stands():
    assert say("{n} heads", n=3) == "3 heads"
    assert say("a set {1, 2}") == "a set {1, 2}"  # no values, so no places
    assert say(N_("head")) == "head"
    assert language.language() == "en"


def test_a_message_is_said_in_the_language_that_is_spoken(german):
    speak(german)
    assert language.language() == german
    assert say("{n} heads, the first has {share:.0%}.", n=3, share=0.5) == (
        "Köpfe: 3; der erste hat 50%."
    )
    assert say("head") == "Kopf"
    speak("en")
    assert say("head") == "head"


@pytest.mark.parametrize("message", ["key", "query", "a changed message"])
def test_what_is_not_translated_or_in_doubt_is_said_in_english(german, message):
    speak(german)
    assert say(message) == message


def test_a_front_end_is_handed_its_own_messages(german):
    assert list(catalogue(german, "widgets/viewer.js")) == ["{n} heads, the first has {share:.0%}."]
    assert catalogue("en", "widgets/viewer.js") == {}


def test_a_language_may_be_spoken_for_a_while(german):
    before = language.language()
    with speaking(german):
        assert say("head") == "Kopf"
    assert language.language() == before
    with pytest.raises(KeyError), speaking(german):
        raise KeyError
    assert language.language() == before


def test_sentences_follow_one_another():
    assert paragraph("One.", "", "Two.", "Three.") == "One. Two. Three."
    assert paragraph("", "") == ""


def test_a_folder_may_be_named_from_here(german, monkeypatch):
    monkeypatch.chdir(Path(german).parent)
    speak(Path(german).name)
    assert say("head") == "Kopf"


@pytest.mark.parametrize("wrong", ["", "xy", "/nowhere", "locale"])
def test_a_language_without_catalogues_is_refused_by_name(wrong):
    with pytest.raises(ValueError, match=rf"language .* must be 'en', one of .*got '{wrong}'"):
        speak(wrong)
    assert language.language() == "en"


def run(code, **environment):
    command = [sys.executable, "-c", code]
    return subprocess.run(command, env=environment, capture_output=True, text=True, check=False)


SAY = "from attnlib.course.language import say; print(say('head'))"


def test_the_environment_chooses_the_language(german):
    assert run(SAY, ATTNLIB_LANGUAGE=german, PYTHONIOENCODING="utf-8").stdout == "Kopf\n"
    assert run(SAY, ATTNLIB_LANGUAGE="").stdout == "head\n"
    assert "ATTNLIB_LANGUAGE" in run(SAY, ATTNLIB_LANGUAGE="xy").stderr


def test_english_loads_no_babel():
    code = f"{SAY}; import sys; print('babel' in sys.modules)"
    assert run(code).stdout == "head\nFalse\n"
