"""`python -m attnlib.course copy`: the lessons, as copies of one's own, and what is new in them."""

from argparse import Namespace
from itertools import chain
from pathlib import Path

from attnlib.course.copies.copying import Copy, copies, make, update
from attnlib.course.copies.lessons import HERE, languages
from attnlib.course.copies.pages import lay_out
from attnlib.course.language import say
from attnlib.course.record import folder


def add(commands) -> None:
    """The command, beside the others: `commands` is what argparse adds them to."""
    copy = commands.add_parser("copy", help=say("your own copies of the lessons"))
    copy.add_argument("folder", nargs="?", type=Path, metavar="FOLDER")
    copy.add_argument(
        "--update",
        action="store_true",
        help=say("let what is new in the lessons come in: what you wrote stays"),
    )
    copy.add_argument(
        "--language",
        choices=languages(),
        help=say("the lessons that there are in this language too, in a folder of its own"),
    )
    copy.set_defaults(do=_copy)


def _copy(asked: Namespace) -> None:
    place = asked.folder or folder()
    if place.exists() and not place.is_dir():
        raise SystemExit(f"FOLDER must be a folder, or not be there, got the file {place}")
    wanted = {place: copies(place=place)}
    if asked.language:  # its links lead to the English lessons where it has none
        its_own = place / asked.language
        wanted[its_own] = copies(HERE / asked.language, its_own)
    do = _update if asked.update else _make
    try:
        whole = do(wanted)
        if wanted[place][0].near:
            lay_out(place)
    except OSError as error:  # a folder that cannot be written
        raise SystemExit(str(error)) from None
    if not whole:
        raise SystemExit(1)


def _make(wanted: dict[Path, list[Copy]]) -> bool:
    """Make those that are missing. All are well then."""
    for place, its in wanted.items():
        made = sum(map(make, its))
        if made:
            print(say("{place}: your own copies of {count} lessons", place=place, count=made))
        if there := len(its) - made:
            print(
                say("{place}: {count} were there, and stay as they are", place=place, count=there)
            )
    return True


def _update(wanted: dict[Path, list[Copy]]) -> bool:
    """Whether what is new could come into all; those into which it could not are named."""
    said, faults = [], []
    for copy in chain(*wanted.values()):
        try:
            said += filter(None, ["" if make(copy) else update(copy)])
        except ValueError as fault:
            faults.append(f"! {fault}")
    print("\n".join(said + faults) or say("Your copies are as the lessons are."))
    return not faults
