"""`python -m attnlib.course progress`: one's own table, the file for a lecturer, a class's sum."""

import sys
from argparse import Namespace
from pathlib import Path

from attnlib.course.language import say
from attnlib.course.progress.export import Export, export, read
from attnlib.course.progress.page import page
from attnlib.course.progress.sheets import sheets
from attnlib.course.progress.sums import once_each, summed, unknown
from attnlib.course.progress.table import my_progress
from attnlib.course.rewriting import rewrite

FOLDER = Path("class-progress")
PAGE = "progress.html"


def add(commands) -> None:
    """The command, beside the others: `commands` is what argparse adds them to."""
    progress = commands.add_parser("progress", help=say("what you have done so far"))
    progress.set_defaults(do=_show)
    what = progress.add_subparsers(metavar="export | sum")
    one = what.add_parser("export", help=say("write a file for your lecturer"))
    one.add_argument("file", nargs="?", type=Path, metavar="FILE")
    one.set_defaults(do=_export)
    many = what.add_parser("sum", help=say("sum such files: a class's table and page"))
    many.add_argument("files", nargs="+", type=Path, metavar="FILES")
    many.add_argument("--into", type=Path, default=FOLDER, metavar="FOLDER")
    many.set_defaults(do=_sum)


def _show(_asked: Namespace) -> None:
    print(my_progress())


def _export(asked: Namespace) -> None:
    try:
        path = export(asked.file)
    except (OSError, ValueError) as error:
        raise SystemExit(str(error)) from None
    print(say("Written: {path}", path=path))
    print(
        say(
            "It holds, for each exercise: how many tries and hints, whether it passed, and which "
            "mistakes were named how often. For each prediction: your choice, or that you skipped "
            "it. And a number drawn at random, by which your next file takes the place of this "
            "one. No name, no path, no code, no time. Open it and see: it is text."
        )
    )


def _sum(asked: Namespace) -> None:
    found, whole = {}, True
    for path in asked.files:
        try:
            found[path] = read(path)
        except (OSError, ValueError) as error:
            whole = False
            _complain(path, str(error))
            continue
        if strange := unknown(found[path]):
            whole = False
            keys = ", ".join(strange)
            _complain(
                path, say("Not counted, for this course does not have it: {keys}.", keys=keys)
            )
    for path, first in _again(found):
        _complain(path, say("It is of the same reader as {first}: counted once.", first=first))
    if found:
        _write(once_each([*found.values()]), asked.into)
    if not whole:
        raise SystemExit(1)


def _again(found: dict[Path, Export]):
    """(file, the first of the same reader) for each that is not the first."""
    first = {}
    for path, each in found.items():
        if first.setdefault(each.number, path) != path:
            yield path, first[each.number]


def _write(readers, folder):
    total = summed(readers)
    for name, text in (*sheets(total).items(), (PAGE, page(total))):
        rewrite(folder / name, text)
    print(say("Summed: the files of {count} readers.", count=total.readers))
    print(say("The page to show: {path}", path=folder / PAGE))
    print(say("The tables: {paths}", paths=", ".join(str(folder / name) for name in sheets(total))))


def _complain(path, sentence):
    print(f"{path}: {sentence}", file=sys.stderr)
