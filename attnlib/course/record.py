"""What a reader chose, tried and was told, in my/progress.json: a lesson finds it again."""

import json
import os
from collections.abc import Callable, Mapping
from pathlib import Path

from filelock import FileLock

from attnlib.course import repository
from attnlib.course.rewriting import rewrite

SETTING = "ATTNLIB_MY"
COPIES = ".base"  # in a folder of copies: from what each was made


def folder() -> Path:
    """The folder that ATTNLIB_MY names, or `my` in the repository.

    Where attnlib was installed without its repository: the folder that one works in, if it holds
    copies of the lessons, else `my` in it.
    """
    if named := os.environ.get(SETTING):
        return Path(named)
    if repository.IS_HERE:
        return repository.ROOT / "my"
    here = Path.cwd()
    # The copies in another language lie in a folder inside of it.
    there = (each for each in (here.parent, here) if (each / COPIES).is_dir())
    return next(there, here / "my")


def record(key: str, **facts: object) -> None:
    """Add facts to what is known under this key; those of the same name are replaced.

    Args:
        key: a prediction's name, or an exercise's key.
        facts: what JSON can hold.
    """
    amend(key, lambda known: known | facts)


def amend(key: str, change: Callable[[dict[str, object]], dict[str, object]]) -> None:
    """Put in the place of what is known under this key what `change` makes of it.

    Two notebooks may do it at once: one waits for the other. A folder that can't be written keeps
    nothing, and says nothing: the reader's work does not depend on it.
    """
    try:
        folder().mkdir(parents=True, exist_ok=True)
        with FileLock(_file().with_suffix(".lock"), timeout=2):
            known = _read()
            known[key] = change(known.get(key, {}))
            rewrite(_file(), json.dumps(known, indent=1, ensure_ascii=False))
    except OSError:
        return


def recorded(key: str) -> Mapping[str, object]:
    """What is known under this key; nothing at first."""
    return all_recorded().get(key, {})


def all_recorded() -> Mapping[str, Mapping[str, object]]:
    """Key -> what is known under it."""
    try:
        return _read()
    except OSError:
        return {}


def _file():
    return folder() / "progress.json"


def _read():
    """All of it. A file that is damaged is put aside, not overwritten."""
    if not _file().exists():
        return {}
    try:
        found = json.loads(_file().read_text(encoding="utf-8"))
    except ValueError:
        found = None
    if isinstance(found, dict) and all(isinstance(facts, dict) for facts in found.values()):
        return found
    _file().replace(_file().with_suffix(".damaged"))
    return {}
