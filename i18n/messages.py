"""Every message that the course says, out of its sources, for the catalogues.

In Python and JavaScript a message is the literal that `say` (or `N_`) takes, and in one file what
stands below a function's head; in a lesson's predictions and in the questions it is a text of the
file. Python is read by `ast`: Babel's own reader does not see a `say` inside an f-string before
Python 3.12.
"""

import ast
import re
import tomllib
from collections.abc import Iterator
from pathlib import Path

from babel.messages.catalog import Catalog
from babel.messages.extract import extract_javascript

ROOT = Path(__file__).resolve().parents[1]
COURSE = ROOT / "attnlib" / "course"
MARKS = ("say", "N_")
DOCSTRINGS = {"symmetries.py"}  # files whose functions are told to readers by their docstrings
# What is language in a file of data; a list, or a dict by letters, holds several messages.
FIELDS = {
    "lessons.toml": {"title", "question"},
    "predictions.toml": {"question", "choices", "because"},
    "questions.toml": {"name", "because", "stem", "choices"},
}


def templates(course: Path = COURSE) -> dict[str, Catalog]:
    """Name of a catalogue ("widgets", "heads") -> its messages, untranslated, in order of files."""
    found = {}
    for path in sorted(course.rglob("*.*")):
        file = path.relative_to(course).as_posix()
        for message in messages(path):
            catalog = found.setdefault(part(file), Catalog())
            catalog.add(message, locations=[(f"attnlib/course/{file}", None)])
    return found


def part(file: str) -> str:
    """The catalogue of a file: its lesson, or its room; the questions have one of their own.

    Args:
        file: its path in attnlib/course, "lessons/heads/explorer.py".
    """
    rooms = Path(file).with_suffix("").parts
    inner = rooms[:2] in (("lessons", *rooms[1:2]), ("widgets", "questions"))
    return rooms[1] if inner else rooms[0]


def messages(path: Path) -> Iterator[str]:
    """The messages of one file, as they stand in it, one after the other."""
    if path.suffix == ".py":
        source = path.read_text(encoding="utf-8")
        yield from of_python(source)
        if path.name in DOCSTRINGS:
            yield from of_docstrings(source)
    elif path.suffix == ".js":
        yield from of_javascript(path)
    elif path.name in FIELDS:
        yield from of_data(tomllib.loads(path.read_text(encoding="utf-8")), FIELDS[path.name])


def of_python(source: str) -> Iterator[str]:
    """The literals that `say` and `N_` take, inside f-strings as well."""
    calls = [node for node in ast.walk(ast.parse(source)) if marked(node)]
    for call in sorted(calls, key=lambda call: (call.lineno, call.col_offset)):
        match call.args:
            case [ast.Constant(value=str(message)), *_]:
                yield message


def of_docstrings(source: str) -> Iterator[str]:
    """Those of the functions that have one."""
    functions = (node for node in ast.parse(source).body if isinstance(node, ast.FunctionDef))
    yield from filter(None, (ast.get_docstring(node) for node in functions if node.name[0] != "_"))


def marked(node: ast.AST) -> bool:
    """Whether this is a call of `say` or `N_`."""
    return isinstance(node, ast.Call) and getattr(node.func, "id", None) in MARKS


def of_javascript(path: Path) -> Iterator[str]:
    """The literals that `say` takes, inside template literals as well."""
    with path.open("rb") as lines:
        options = {"parse_template_string": "true"}
        for _line, _name, found, _comments in extract_javascript(lines, ("say",), (), options):
            yield found if isinstance(found, str) else found[0]


def of_data(data: dict | list, fields: set[str]) -> Iterator[str]:
    """The texts under these keys, at whatever depth, but for those that are numbers alone."""
    pairs = data.items() if isinstance(data, dict) else enumerate(data)
    for key, value in pairs:
        if key in fields:
            texts = value.values() if isinstance(value, dict) else value
            texts = [value] if isinstance(value, str) else texts
            yield from (text for text in texts if re.search("[A-Za-z]", text))
        elif isinstance(value, dict | list):
            yield from of_data(value, fields)
