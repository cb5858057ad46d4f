"""What the students have done, out of their homes: read as data, with each one's own rights."""

import json
import os
import pwd
import stat
from collections import Counter
from collections.abc import Iterable, Iterator
from contextlib import contextmanager

from attnlib.course.progress.export import Export, exported, parsed, written
from hub.places import FOLDER

FILE = "progress.json"
MOST = 2**20  # bytes; a whole course takes some 50 000


def collect(accounts: Iterable[pwd.struct_passwd]) -> list[Export]:
    """Of each account that has done something, and whose file is one that the course writes.

    A mistake that only one of them has is left out: its text could be anything.
    """
    found = [each for each in map(_of, accounts) if each]
    shared = Counter(
        kind
        for each in found
        for kind in {kind for tries in each.exercises.values() for kind in tries.mistakes}
    )
    return [_without(each, {kind for kind in shared if shared[kind] == 1}) for each in found]


def understood(text: bytes, name: str) -> Export | None:
    """What a record holds of exercises and predictions; None for what the course did not write."""
    try:
        return parsed(written(exported(json.loads(text), name)))
    except (ValueError, TypeError, AttributeError, RecursionError):
        return None


def _of(account):
    try:
        return understood(_read(account), account.pw_name)
    except (OSError, ValueError):
        return None  # nothing yet, or no plain file


def _read(account) -> bytes:
    """The file, if it is a plain one in its place, and not too long.

    Raises:
        OSError: it is missing, a link, or not to be read by the student.
        ValueError: it is no plain file, or too long.
    """
    look = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC
    with _rights_of(account):
        folder = os.open(f"{account.pw_dir}/{FOLDER}", look | os.O_DIRECTORY)
        try:
            file = os.open(FILE, look, dir_fd=folder)
        finally:
            os.close(folder)
    with os.fdopen(file, "rb") as text:
        if not stat.S_ISREG(os.fstat(file).st_mode):
            raise ValueError("progress.json must be a plain file")
        found = text.read(MOST + 1)
    if len(found) > MOST:
        raise ValueError(f"progress.json must have at most {MOST} bytes")
    return found


@contextmanager
def _rights_of(account) -> Iterator[None]:
    """For what is opened: the student's rights, no more. The process stays root's."""
    groups = os.getgroups()
    try:
        os.setgroups(os.getgrouplist(account.pw_name, account.pw_gid))
        os.setegid(account.pw_gid)
        os.seteuid(account.pw_uid)
        yield
    finally:
        os.seteuid(0)
        os.setegid(0)
        os.setgroups(groups)


def _without(export, kinds):
    exercises = {
        key: tries._replace(mistakes={k: n for k, n in tries.mistakes.items() if k not in kinds})
        for key, tries in export.exercises.items()
    }
    return export._replace(exercises=exercises)
