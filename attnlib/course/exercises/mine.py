"""The module of one's own: what a reader wrote and what passed, in my/my_attention.py.

A piece that was skipped is borrowed: the file imports it from the course, with a note.
"""

import linecache
from collections.abc import Callable
from pathlib import Path

from attnlib.course.exercises.checking import Mistake
from attnlib.course.exercises.written import (
    KEYS,
    LENDER,
    PIECES,
    called_in,
    file_of,
    pieces_of,
    source_of,
)
from attnlib.course.language import paragraph, say
from attnlib.course.record import folder
from attnlib.course.rewriting import rewrite
from attnlib.course.wide import fill

FILE = "my_attention.py"
WIDTH = 100  # columns of what is printed


def path() -> Path:
    """Where the file is: in the reader's folder."""
    return folder() / FILE


def kept() -> dict[str, str]:
    """Key -> source of the pieces that passed."""
    return pieces_of(path().read_text(encoding="utf-8")) if path().exists() else {}


def keep(key: str, answer: object, refuse: Callable[[object], Mistake | None]) -> str:
    """Put what passed into the file, if it is a piece and works there too. What to say of it.

    Args:
        key: of the exercise.
        answer: what passed.
        refuse: its check. It is asked again about what the file has, which must not need anything
            that stands only in the notebook.
    """
    if key not in PIECES:
        return ""
    name = key.partition(".")[2]
    if answer.__module__ == LENDER:  # so_far put it in the place of a reader's that had not passed
        return say(
            "But that is the course's own {name}, and so it is not kept. Run the cell that writes "
            "yours, then check again.",
            name=name,
        )
    source = source_of(answer, name)
    if source is None:
        word = "class" if name[0].isupper() else "def"
        return say(
            "It is not kept in {file}: only what a cell writes as `{word} {name}` can be.",
            file=FILE,
            word=word,
            name=name,
        )
    pieces = kept() | {key: source}
    text = file_of(pieces)
    try:
        mistake = refuse(run(text, path())[name])
    except Exception as error:  # the reader's own code may raise anything
        cause = error.__cause__ or error
        mistake = f"{type(cause).__name__}: {cause}"
    if mistake:
        return say(
            "But alone, in {file}, it fails, and so it is not kept: {mistake}. Does it need "
            "something from another cell? Write that inside it, then check again.",
            file=FILE,
            mistake=mistake.rstrip("."),
        )
    try:
        _write(text)
    except OSError as error:
        return say("It can't be kept: {error}.", error=error)
    lent = _lent(name, pieces)
    borrowed = say("It borrows from the course: {names}.", names=_told(lent)) if lent else ""
    return paragraph(say("It stands in my/{file} now.", file=FILE), borrowed)


def so_far(*names: str) -> tuple[Callable, ...]:
    """What the reader has so far, piece by piece; what is missing the course lends. It says which.

        >>> softmax, attend = so_far("softmax", "attend")

    Args:
        names: of functions and modules that the lessons let the reader write.

    Raises:
        ValueError: there is no such piece, or my_attention.py can't be run.
    """
    for name in names:
        if name not in KEYS:
            raise ValueError(f"names must be some of {tuple(KEYS)}, got {name!r}")
    pieces = kept()
    space = run(file_of(pieces, names), path())
    yours = [name for name in names if KEYS[name] in pieces]
    lent = list(dict.fromkeys(needed for name in names for needed in _lent(name, pieces)))
    if yours:
        print(fill(say("yours: {names}", names=", ".join(yours)), WIDTH))
    if lent:
        said = say("borrowed from the course, until your own passes: {names}", names=_told(lent))
        print(fill(said, WIDTH))
    return tuple(space[name] for name in names)


def run(text: str, file: Path) -> dict[str, object]:
    """The names that the text of such a file defines.

    Raises:
        ValueError: it can't be run; the file and the reason are named.
    """
    # So that a check can show what a reader wrote, and an error its line.
    linecache.cache[str(file)] = (len(text), None, text.splitlines(keepends=True), str(file))
    space = {"__name__": file.stem}
    try:
        exec(compile(text, file, "exec"), space)
    except Exception as error:
        raise ValueError(
            f"{file} must be a module that runs, and stops with {type(error).__name__}: {error}. "
            "Mend it, or move it away and check your pieces again."
        ) from error
    return space


def _write(text):
    """At once or not at all; the file as it was stays beside it."""
    file = path()
    before = file.read_text(encoding="utf-8") if file.exists() else text
    if before != text:
        rewrite(file.with_suffix(".before"), before)
    rewrite(file, text)


def _lent(name, pieces):
    """Which pieces of the course it is or calls, itself or through the reader's others."""
    if KEYS[name] not in pieces:
        return [name]
    before = list(KEYS)[: list(KEYS).index(name)]  # a piece calls earlier ones: no circle
    called = called_in(pieces[KEYS[name]])
    return [lent for each in before if each in called for lent in _lent(each, pieces)]


def _told(names):
    return ", ".join(f"{name} ({KEYS[name]})" for name in dict.fromkeys(names))
