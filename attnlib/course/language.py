"""The language of what the course says: English, as written in the code, or another catalogue's.

`speak("zh")` at the top of a notebook, or ATTNLIB_LANGUAGE=zh in the environment. A message is a
whole sentence with named places, never glued of parts: another language has another order. What a
catalogue lacks is said in English. English needs no catalogue, and loads none.
"""

import os
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from functools import cache
from pathlib import Path

LOCALE = Path(__file__).with_name("locale")
ENGLISH = "en"

_now = os.environ.get("ATTNLIB_LANGUAGE") or ENGLISH


class Said(str):
    """A sentence, in the language that was spoken, and what it was made from.

    Args:
        text: the sentence.
        message: the same whatever the language, and with nothing in its places: to count by.
    """

    message: str

    def __new__(cls, text: str, message: str = ""):
        said = super().__new__(cls, text)
        said.message = message
        return said


def speak(language: str) -> None:
    """From now on, say everything in this language. What is on the screen already stays.

    Args:
        language: "en"; a language of the folder locale, as "zh"; or the path of a folder of
            catalogues (.po) of one's own, to try out a translation.

    Raises:
        ValueError: for a language that has no catalogues.
    """
    global _now
    catalogue(language)
    _now = language


@contextmanager
def speaking(language: str) -> Iterator[None]:
    """Within it everything is said in this language, as `speak` takes it."""
    before = _now
    speak(language)
    try:
        yield
    finally:
        speak(before)


def language() -> str:
    """The language that is spoken now, as `speak` takes it."""
    return _now


def say(message: str, /, **values: object) -> Said:
    """The message in the language that is spoken now, with its named places filled in.

    Args:
        message: the English sentence: one literal, so that it can be found for a catalogue.
        values: what stands in its places, `{name}` or `{name:.0%}`. With none, braces are braces.
    """
    text = catalogue(_now).get(message, message)
    return Said(text.format(**values) if values else text, message)


def N_(message: str, /) -> str:
    """The message as it is, marked for the catalogues: it is said later, by `say(THAT)`."""
    return message


def paragraph(*sentences: str) -> Said:
    """Sentences that were said, one after the other; empty ones are left out.

    Its message is that of the first: what follows explains it.
    """
    so_far = Said("")
    for sentence in filter(None, sentences):
        # The space between them is a matter of the language: Chinese has none.
        pair = {"first": so_far, "following": sentence}
        message = so_far.message or getattr(sentence, "message", "")
        so_far = Said(say("{first} {following}", **pair) if so_far else sentence, message)
    return so_far


@cache
def catalogue(language: str, file: str | None = None) -> Mapping[str, str]:
    """English message -> its translation: what is translated, and not in doubt ("fuzzy").

    Args:
        language: as `speak` takes it.
        file: only the messages of this file, by its path in attnlib/course: what a front end in
            the browser is handed.

    Raises:
        ValueError: for a language that has no catalogues.
    """
    if language == ENGLISH:
        return {}
    from babel.messages.pofile import read_po  # English does without

    known = LOCALE / language
    folder = known if known.is_dir() else Path(language)
    paths = sorted(folder.rglob("*.po")) if language else []
    if not paths:
        there = sorted(folder.name for folder in LOCALE.iterdir() if folder.is_dir())
        raise ValueError(
            f"language (or ATTNLIB_LANGUAGE) must be 'en', one of {there}, or a folder of .po "
            f"files, got {language!r}"
        )
    found = {}
    for path in paths:
        with path.open("rb") as lines:
            found |= translations(
                message
                for message in read_po(lines)
                if file is None or f"attnlib/course/{file}" in dict(message.locations)
            )
    return found


def translations(messages: Iterable) -> dict[str, str]:
    """Message -> translation, of a catalogue's: what is translated, and not in doubt ("fuzzy")."""
    sure = (each for each in messages if each.id and each.string and not each.fuzzy)
    return {each.id: each.string for each in sure}
