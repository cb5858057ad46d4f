"""What is wrong with a catalogue, without running anything: a line for each fault.

A catalogue is right if each message that its part of the course says stands in it, translated,
looked at, with the same places, code, formulas, links and tags, ended alike; if Chinese is spaced
and punctuated as Chinese is; and if the course's fonts can show every character.
"""

import re
import string
from collections import Counter
from collections.abc import Iterator
from functools import cache

from babel.messages.catalog import Catalog, Message
from fontTools.ttLib import TTFont
from matplotlib import get_data_path

from attnlib.course.figures.fonts import CJK

# What a translation takes over as it is.
SAME = {
    "code": re.compile(r"`[^`]+`"),
    "formula": re.compile(r"\$[^$]+\$"),
    "link": re.compile(r"\]\(([^)]+)\)"),
    "tag": re.compile(r"</?[a-z][^>]*>"),
}
ENDS = {".": "。.", "?": "？", "!": "！", ":": "：", "…": "…", ",": "，、", ";": "；"}
HAN = "[\u4e00-\u9fff]"
BOLD = re.compile(r"\*\*(?=\S)(.+?)(?<=\S)\*\*")
FULL = "，。；：？！“”‘’（）《》、"


def faults(catalog: Catalog, template: Catalog) -> Iterator[str]:
    """Why this catalogue may not be committed; nothing if it may.

    Args:
        catalog: a language's catalogue of one part of the course.
        template: the messages of that part, as `i18n.messages.templates` finds them.
    """
    for wanted in _messages(template):
        there = catalog.get(wanted.id)
        if there is None:
            yield f"{_head(wanted)} is not in the catalogue: run `make messages`"
        elif not there.string:
            yield f"{_head(wanted)} is not translated"
        elif there.fuzzy:
            yield f"{_head(wanted)} is fuzzy: look at it, and take the mark away"
        else:
            yield from (f"{_head(wanted)}: {fault}" for fault in _faults_of(there))
    for message in _messages(catalog):
        if message.id not in template:
            yield f"{_head(message)} is said no more: run `make messages`"


def _messages(catalog) -> list[Message]:
    return [message for message in catalog if message.id]


def _head(message):
    return repr(message.id[:60])


def _faults_of(message):
    english, translation = message.id, message.string
    try:
        if places(english) != places(translation):
            yield f"other places: {sorted(places(translation))} for {sorted(places(english))}"
    except ValueError as error:
        yield f"its braces do not match: {error}"
    for name, pattern in SAME.items():
        before, after = (Counter(pattern.findall(text)) for text in (english, translation))
        if before != after:
            yield f"another {name}: {sorted(((before - after) + (after - before)).elements())}"
    yield from _faults_of_punctuation(english, translation)
    if unknown := sorted(set(translation) - shown() - {"\n"}):
        yield f"no font of the course has {''.join(unknown)}"


def places(message: str) -> set[tuple]:
    """The named places of a message, each with how its value is written; a value may come twice."""
    found = string.Formatter().parse(message)
    return {(name, spec, how) for _, name, spec, how in found if name is not None}


def _faults_of_punctuation(english, translation):
    last = english.strip()[-1:]
    if last in ENDS and translation.rstrip()[-1:] not in (*ENDS[last], last):
        yield f"ends with {translation[-1:]!r} for {last!r}"
    # Code, formulas and links keep their own punctuation; they are spaced as a Latin word is.
    text = SAME["tag"].sub("", translation)
    for name in ("code", "formula", "link"):
        text = SAME[name].sub("x" if name != "link" else "]", text)
    if match := re.search(f"{HAN}[,;:!?(]|{HAN}\\.(?![A-Za-z0-9])|[,;:!?)]{HAN}", text):
        yield f"half-width punctuation beside a Chinese character: {match[0]!r}"
    if match := re.search(f"{HAN}[A-Za-z0-9]|[A-Za-z0-9]{HAN}", text):
        yield f"no space between Chinese and Latin: {match[0]!r}"
    if match := re.search(f" [{FULL}]|[{FULL}] ", text):
        yield f"a space beside full-width punctuation: {match[0]!r}"
    if "**" in BOLD.sub("", text):
        yield "bold that does not close"
    # CommonMark: after punctuation, ** closes only before a space or more punctuation.
    if match := re.search(rf"[{FULL}]\*\*{HAN}", text):
        yield f"bold that does not close: {match[0]!r}"


@cache
def shown() -> set[str]:
    """Every character that the figures' fonts have: DejaVu, and behind it the Chinese one."""
    dejavu = f"{get_data_path()}/fonts/ttf/DejaVuSans.ttf"
    return {chr(code) for path in (dejavu, CJK) for code in TTFont(path).getBestCmap()}
