"""The languages that the questions can be read in, each whole: the reader's buttons change it."""

import re
from pathlib import Path

from attnlib.course.language import ENGLISH, LOCALE, catalogue, language
from attnlib.course.widgets.questions.data import misconceptions

FILES = ("widgets/questions/questions.js", "widgets/questions/questions.toml")
LABELS = {ENGLISH: "English", "zh": "中文"}  # each in its own words, as its readers look for it
TAGS = {"zh": "zh-Hans"}  # as HTML names it, where the folder's name says less
TAG = re.compile(r"[a-z]{2,3}(-[A-Z][a-z]{3})?(-[A-Z]{2})?")


def offered() -> list[str]:
    """English, what lies in the folder locale, and what is spoken now, each as `speak` takes it."""
    there = sorted(folder.name for folder in LOCALE.iterdir() if folder.is_dir())
    return list(dict.fromkeys((ENGLISH, *there, language())))


def languages() -> list[dict]:
    """Of each that is offered: `name`, `label`, `tag`, and `messages`, English -> translated.

    The label stands on its button. The tag tells a screen reader how to speak, "" tells nothing.
    """
    return [
        {
            "name": Path(each).name,
            "label": LABELS.get(each, Path(each).name),
            "tag": tag(each),
            "messages": _messages(each),
        }
        for each in offered()
    ]


def tag(language: str) -> str:
    """How HTML names a language that `speak` takes; "" where nobody knows."""
    name = Path(language).name
    return TAGS.get(language, name if TAG.fullmatch(name) else "")


def _messages(name):
    """What is said here, and the headings of lessons to read again, where they are translated."""
    whole = catalogue(name)
    headings = {each["again"]["heading"] for each in misconceptions()} & set(whole)
    said = {heading: whole[heading] for heading in sorted(headings)}
    for file in FILES:
        said |= catalogue(name, file)
    return said
