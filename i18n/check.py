"""What is wrong with a catalogue, without running anything: a line for each fault.

    python -m i18n.check [LANGUAGE]

names the faults of all catalogues, and tells of each how many of its sentences are long: that is
no fault, but a share to look at.

A catalogue is right if each message that its part of the course says stands in it, translated,
looked at, with the same places, code, formulas, links and tags, ended alike; if Chinese is spaced
and punctuated as Chinese is, in the words of the table of terms (i18n/zh/terms.toml); and if the
course's fonts can show every character. Of a lesson's catalogue, the code that it makes must be the
English lesson's, but for what is said in it.
"""

import ast
import re
import string
import sys
import tomllib
from collections import Counter
from collections.abc import Iterator, Mapping
from functools import cache
from pathlib import Path

from babel.messages.catalog import Catalog, Message
from fontTools.ttLib import TTFont
from matplotlib import get_data_path
from nbformat import NotebookNode

from attnlib.course.figures.fonts import CJK
from attnlib.course.language import LOCALE, translations
from i18n import lessons
from i18n.lessons import MARKDOWN, WORDS
from i18n.messages import templates
from i18n.update import LESSONS, read

HAN = "[\u4e00-\u9fff]"
# What a translation takes over as it is.
SAME = {
    "code": re.compile(r"`[^`]+`"),
    "formula": re.compile(r"\$[^$]+\$"),
    "link": re.compile(r"\]\(([^)]+)\)"),
    "tag": re.compile(r"</?[a-z][^>]*>"),
    "comment": re.compile(r"<!--.*?-->"),
}
# The English says here that a word is Chinese; a Chinese sentence need not.
CHINESE = re.compile(r'<span lang="zh-Hans">(.*?)</span>')
NAMED = re.compile(r'"([^"]*)"')  # in code: of several words, the title of a figure
TITLE = re.compile(rf"{WORDS.pattern}|{HAN}")
PLACE = re.compile(r"\{[^{}]*\}")
NUMBER = re.compile(r"\d+(?:\.\d+)?")
# A comma is no end: the sentence goes on, as its language has it.
ENDS = {".": "。.", "?": "？", "!": "！", ":": "：", "…": "…", ";": "；"}
FULL = "，。；：？！“”‘’（）《》、"
TERMS = LESSONS / "zh" / "terms.toml"
ENDING = re.compile("[。；：？！\n]|——")  # of what is read in one breath
LONG = 40  # characters


def faults(catalog: Catalog, template: Catalog, is_lesson: bool = False) -> Iterator[str]:
    """Why this catalogue may not be committed; nothing if it may.

    Args:
        catalog: a language's catalogue of one part of the course.
        template: the messages of that part, as `i18n.messages.templates` finds them.
        is_lesson: whether that part is a lesson itself, whose braces are no places.
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
            found = [*_faults_of(there), *(() if is_lesson else _faults_of_places(there))]
            yield from (f"{_head(wanted)}: {fault}" for fault in found)
    for message in _messages(catalog):
        if message.id not in template:
            yield f"{_head(message)} is said no more: run `make messages`"


def _messages(catalog) -> list[Message]:
    return [message for message in catalog if message.id]


def _head(message):
    return repr(message.id[:60])


def faults_of_code(lesson: NotebookNode, translations: Mapping[str, str]) -> Iterator[str]:
    """Cells of a lesson that would do something else in another language."""
    for cell in lesson.cells:
        new = lessons.translated(cell.cell_type, cell.source, translations)
        if cell.cell_type == "code" and new != cell.source and _code(new) != _code(cell.source):
            yield f"cell {cell.id} is other code than in English:\n{new}"


def _code(source):
    """The code of a cell, whatever its texts: of a text with values, these in any order."""
    try:
        tree = ast.parse(source)
    except SyntaxError:
        return None
    for node in ast.walk(tree):
        if isinstance(node, ast.JoinedStr):
            values = [part for part in node.values if isinstance(part, ast.FormattedValue)]
            node.values = sorted(values, key=ast.dump)
    for node in ast.walk(tree):
        if isinstance(node, ast.Constant) and isinstance(node.value, str):
            node.value = ""
    return ast.dump(tree)


def _faults_of_places(message):
    english, translation = message.id, message.string
    try:
        if places(english) != places(translation):
            yield f"other places: {sorted(places(translation))} for {sorted(places(english))}"
    except ValueError as error:
        yield f"its braces do not match: {error}"


def _faults_of(message):
    english, translation = (_unnamed(text) for text in (message.id, message.string))
    for name, pattern in SAME.items():
        before, after = (Counter(pattern.findall(text)) for text in (english, translation))
        if before != after:
            yield f"another {name}: {sorted(((before - after) + (after - before)).elements())}"
    yield from _faults_of_punctuation(english, translation)
    yield from _faults_of_words(translation)
    counted, told = (set(NUMBER.findall(PLACE.sub("", text))) for text in (english, translation))
    if missing := counted - told:
        yield f"does not tell {', '.join(sorted(missing))}"
    if unknown := sorted(set(translation) - shown() - {"\n"}):
        yield f"no font of the course has {''.join(unknown)}"


def _unnamed(text):
    """Without what only the English marks, and without titles inside code, which are said too."""

    def one(code):
        return NAMED.sub(lambda name: '""' if TITLE.search(name[1]) else name[0], code[0])

    return SAME["code"].sub(one, CHINESE.sub(r"\1", text))


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
    if match := re.search(f" [{FULL}]|[{FULL}] (?! |$)", text):  # a column may be padded
        yield f"a space beside full-width punctuation: {match[0]!r}"
    # After punctuation, * and ** close only before a space or more punctuation.
    rendered = MARKDOWN.renderInline(text)
    if "*" in rendered and "*" not in MARKDOWN.renderInline(english):
        yield f"bold that does not close: {rendered!r}"


def _faults_of_words(translation):
    for english, chinese, wrong in terms():
        if match := re.search(wrong, translation):
            yield f"{match[0]!r} is not our word for {english}: {chinese}"


@cache
def terms() -> list[tuple[str, str, str]]:
    """(English, Chinese, pattern of what it must not be called) for each term with wrong words."""
    table = tomllib.loads(TERMS.read_text(encoding="utf-8"))["term"]
    return [(each["english"], each["chinese"], wrong) for each in table for wrong in each["wrong"]]


def lengths(catalog: Catalog) -> list[int]:
    """How many characters each sentence of a catalogue has, a formula or a piece of code one."""
    texts = [each.string for each in _messages(catalog) if re.search(HAN, each.string)]
    for name in ("formula", "code", "tag"):
        texts = [SAME[name].sub("x", text) for text in texts]
    texts = [SAME["link"].sub("]", text) for text in texts]
    texts = [re.sub(r"[* ]", "", text) for text in texts]
    return [len(part) for text in texts for part in ENDING.split(text) if part]


@cache
def shown() -> set[str]:
    """Every character that the figures' fonts have: DejaVu, and behind it the Chinese one."""
    dejavu = f"{get_data_path()}/fonts/ttf/DejaVuSans.ttf"
    return {chr(code) for path in (dejavu, CJK) for code in TTFont(path).getBestCmap()}


def everywhere(language: str) -> Iterator[tuple[Path, Catalog, list[str]]]:
    """Of every catalogue of a language: its file, itself, its faults."""
    now = templates()
    for path in sorted((LOCALE / language).glob("*.po")):
        catalog = read(path)
        yield path, catalog, list(faults(catalog, now.get(path.stem, Catalog())))
    now = lessons.templates()
    for path in sorted((LESSONS / language).glob("*.po")):
        catalog = read(path)
        found = list(faults(catalog, now.get(path.stem, Catalog()), is_lesson=True))
        if (lesson := lessons.HERE / f"{path.stem}.ipynb").exists():
            english = lessons.english(lessons.read(lesson))
            found += faults_of_code(english, translations(catalog))
        yield path, catalog, found


def main(language: str = "zh") -> int:
    wrong = 0
    for path, catalog, found in everywhere(language):
        print(*(f"{path.name}: {fault}" for fault in found), sep="\n", end="\n" * bool(found))
        long = [length > LONG for length in lengths(catalog)]
        share = sum(long) / max(len(long), 1)
        print(f"{path.name}: {len(found)} faults; {share:.0%} of {len(long)} sentences are long")
        wrong += len(found)
    return int(wrong > 0)


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
