"""What of a lesson is language, and the lesson in another one.

A message is a heading, a paragraph, an item of a list, a cell of a table; in a cell of code a text
that is shown, or a comment. Lines are joined: to wrap the English anew changes no message. What is
said in Chinese beside the English is no message, and a translated lesson leaves it out; a claim is
said by the results, in any language (attnlib.course.experiments.study.woven).
"""

import ast
import copy
import io
import itertools
import re
import tokenize
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import NamedTuple

from babel.messages.catalog import Catalog
from markdown_it import MarkdownIt
from markdown_it.token import Token
from nbformat import NotebookNode

from attnlib.course.copies.lessons import HERE, LESSONS, read
from attnlib.course.experiments.study.woven import MARKED
from i18n.faults import SHOW_NAMES
from i18n.messages import of_python
from notebooks import badges

MARKDOWN = MarkdownIt("commonmark").enable("table")
# What has no words of its own: code, formulas, tags and comments, where a link leads.
BARE = re.compile(r"`[^`]*`|\$[^$]*\$|<[^>]*>|\]\([^)]*\)|\{[^{}]*\}|https?:\S+")
WORD = re.compile(r"[A-Za-z]{2,}")
WORDS = re.compile(r"[A-Za-z]{2,}[,;:.!?’')]*\s+[‘'(]*(?:a\s+)?[A-Za-z]{2,}")
SIGN = re.compile(r"[.:;](?: |$)")  # between values that are printed, it is language too
BADGE = re.compile(r"<small>[●○] ")  # notebooks/badges.py says it
CHINESE = re.compile(r'(?:\n\n|\A)<div lang="zh-Hans">\n\n.*?\n\n</div>(?=\n|\Z)', re.DOTALL)
QUOTED = re.compile(r"""\w*(\"\"\"|'''|"|')""")
GLUE = re.compile(r"""["']\s+\w?["']""")
HEADING = re.compile(r"#+ [^\n]*")
PIPE = re.compile(r"(?<!\\)\|")
# Calls whose texts are for a machine.
MACHINE = {
    *("rearrange", "reduce", "repeat", "einsum", "photograph", "exercise", "predict", "excerpt"),
    *("filterwarnings", "startswith", "removeprefix", "split", "replace", "lesson_progress"),
}


# What stands round the lessons.
AROUND = ("notebooks/badges.py", "docs/slides/storyboard.py")


class Piece(NamedTuple):
    """A message of a cell, and the characters between which it stands there."""

    message: str
    start: int
    end: int


def templates(folder: Path = HERE) -> dict[str, Catalog]:
    """Name of a catalogue ("00_two_cousins") -> its messages, untranslated, in their order.

    A place is a lesson and the id of a cell. One more, "around", holds what badges and slides say.
    """
    found = {path.stem: template(read(path), path.name) for path in sorted(folder.glob(LESSONS))}
    found["around"] = Catalog()
    for file in AROUND:
        for message in of_python((HERE.parent / file).read_text(encoding="utf-8")):
            found["around"].add(message, locations=[(file, None)])
    return found


def template(lesson: NotebookNode, name: str) -> Catalog:
    """The messages of one lesson."""
    catalog = Catalog()
    for cell in english(lesson).cells:
        for piece in pieces(cell.cell_type, cell.source):
            catalog.add(piece.message, locations=[(f"{name}#{cell.id}", None)])
    return catalog


def english(lesson: NotebookNode) -> NotebookNode:
    """A copy of a lesson without what is said in Chinese, or by the results.

    A cell of which nothing is left then but its heading is left out.
    """
    lesson = copy.deepcopy(lesson)
    cells, lesson.cells = lesson.cells, []
    for cell in cells:
        source = CHINESE.sub("", cell.source)
        if source == cell.source or HEADING.sub("", badges.WRITTEN.sub("", source)).strip():
            cell.source = MARKED.sub(r"<!--claim:\g<id>--><!--/claim-->", source)
            lesson.cells.append(cell)
    return lesson


def translated(kind: str, source: str, catalogue: Mapping[str, str]) -> str:
    """The source of a cell in another language; what the catalogue lacks stays as it is.

    Args:
        kind: "markdown" or "code".
        source: as `english` leaves it.
        catalogue: message -> translation.
    """
    for piece in sorted(pieces(kind, source), key=lambda piece: -piece.start):
        said = catalogue.get(piece.message, piece.message)
        if said != piece.message:
            source = source[: piece.start] + said + source[piece.end :]
    return source


def pieces(kind: str, source: str) -> Iterator[Piece]:
    """The messages of a cell."""
    return {"markdown": of_markdown, "code": of_code}.get(kind, lambda source: ())(source)


def of_markdown(source: str) -> Iterator[Piece]:
    """Of every block its text, in lines joined; of a table every cell."""
    return (each for each in _blocks(source) if WORD.search(BARE.sub("", each.message)))


def _blocks(source):
    lines = source.split("\n")
    starts = [0, *itertools.accumulate(len(line) + 1 for line in lines)]
    for before, token in itertools.pairwise([Token("", "", 0), *MARKDOWN.parse(source)]):
        if before.type == "tr_open":
            yield from _cells(lines[before.map[0]], starts[before.map[0]])
        is_block = token.type == "inline" and before.type in ("paragraph_open", "heading_open")
        if (is_block or token.type == "html_block") and not BADGE.match(token.content):
            content = token.content.rstrip("\n").split("\n")
            first, last = token.map[0], token.map[0] + len(content) - 1
            start = starts[first] + len(lines[first].rstrip()) - len(content[0].rstrip())
            yield Piece(" ".join(content), start, starts[last] + len(lines[last].rstrip()))


def _cells(row, start):
    """What stands between the bars of a table's row."""
    bars = [-1, *(bar.start() for bar in PIPE.finditer(row)), len(row)]
    for left, right in itertools.pairwise(bars):
        cell = row[left + 1 : right]
        at = start + left + 1 + len(cell) - len(cell.lstrip())
        yield Piece(cell.strip(), at, at + len(cell.strip()))


def of_code(source: str) -> Iterator[Piece]:
    """What is written between the quotes of a text that is said, and behind # of a comment."""
    try:
        tree = ast.parse(source)
    except SyntaxError:  # meant to fail, or magic
        return
    lines = source.splitlines(keepends=True)
    starts = [0, *itertools.accumulate(map(len, lines))]

    def place(line, column):  # `ast` counts bytes
        return starts[line - 1] + len(lines[line - 1].encode()[:column].decode())

    for node in _said(tree):
        start, end = (
            place(node.lineno, node.col_offset),
            place(node.end_lineno, node.end_col_offset),
        )
        quoted = QUOTED.match(source[start:end])
        start, end = start + quoted.end(), end - len(quoted[1])
        yield Piece(GLUE.sub("", source[start:end]), start, end)
    for token in tokenize.generate_tokens(io.StringIO(source).readline):
        told = token.string.lstrip("# ")
        to_tools = told.startswith(("fmt:", "noqa:"))
        if token.type == tokenize.COMMENT and not to_tools and len(WORD.findall(told)) > 1:
            start = starts[token.start[0] - 1] + token.start[1]
            yield Piece(told, start + len(token.string) - len(told), start + len(token.string))


def _said(tree):
    """The strings that a reader is shown: what is printed or a title, and what is no single name.

    Keys of a dict are among them: they become titles, and are alike wherever they are asked for.
    """
    quiet, printed = set(), set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Call) and _name(node) in MACHINE:
            quiet |= set(ast.walk(node))
        elif isinstance(node, ast.keyword):
            (printed if node.arg in SHOW_NAMES else quiet).add(node.value)
        elif isinstance(node, ast.JoinedStr):
            quiet |= set(ast.walk(node)) - {node}
        elif isinstance(node, ast.Call) and _name(node) == "print":
            printed |= set(node.args)
        elif isinstance(node, ast.IfExp):  # one word of two
            printed |= {node.body, node.orelse}
    for node in ast.walk(tree):
        if (text := _written(node)) is None or node in quiet or "->" in text:
            continue
        is_printed = node in printed and (
            WORD.search(text) or isinstance(node, ast.JoinedStr) and SIGN.search(text)
        )
        if is_printed or WORDS.search(text):
            yield node


def _written(node):
    """The text of a string; of an f-string what stands between its values; else None."""
    if isinstance(node, ast.JoinedStr):
        return "".join(part.value for part in node.values if isinstance(part, ast.Constant))
    text = getattr(node, "value", None) if isinstance(node, ast.Constant) else None
    return text if isinstance(text, str) else None


def _name(call):
    return getattr(call.func, "attr", getattr(call.func, "id", ""))
