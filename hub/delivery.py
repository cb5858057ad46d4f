"""Each student gets copies of the lessons, and what is new in them, as `make update` does it.

python -m hub.delivery GROUP_OR_NAMES…

A process that has imported the course once forks for each student, and is that student from then
on: so a home is only ever touched with its owner's rights.
"""

import os
import pwd
import sys
import traceback
from collections.abc import Iterable
from pathlib import Path

from hub.accounts import become, members
from hub.places import FOLDER, ROOT, STATE

DELIVERED = STATE / "delivered"  # a file for each student who has all that there is


def is_delivered(name: str) -> bool:
    """Whether a student has been given the lessons as they are now."""
    newest = max(path.stat().st_mtime for path in (ROOT / "notebooks").glob("*.ipynb"))
    mark = DELIVERED / name
    return mark.exists() and mark.stat().st_mtime > newest


def deliver(account: pwd.struct_passwd) -> bool:
    """Make the copies that are missing, and let what is new come into the others. Did all go well?

    A copy that cannot be read stays as it is, and is named.
    """
    child = os.fork()
    if not child:
        os._exit(_as_the_student(account))
    _, status = os.waitpid(child, 0)
    if status == 0:
        DELIVERED.mkdir(parents=True, exist_ok=True)
        (DELIVERED / account.pw_name).touch()
    return status == 0


def accounts(names: Iterable[str]) -> list[pwd.struct_passwd]:
    """Those of these names; a name that is no account's is a group's."""
    found = []
    for name in names:
        try:
            found.append(pwd.getpwnam(name))
        except KeyError:
            found += members(name)
    return found


def _as_the_student(account) -> int:
    try:
        become(account)
        os.chdir(account.pw_dir)
        os.environ.clear()
        os.environ.update(HOME=account.pw_dir, USER=account.pw_name, PATH="/usr/bin:/bin")
        _copy(Path(account.pw_dir) / FOLDER)
    except SystemExit as end:
        return 1 if end.code else 0
    except BaseException:  # whatever it is, the child must not go on as the parent
        traceback.print_exc()
        return 1
    finally:
        sys.stdout.flush(), sys.stderr.flush()
    return 0


def _copy(folder):
    from attnlib.course.__main__ import run  # the hub, which only looks, need not load PyTorch

    run(["copy", "--update", str(folder)])


if __name__ == "__main__":
    import attnlib.course.__main__  # noqa: F401  once, before the forks

    failed = [each.pw_name for each in accounts(sys.argv[1:]) if not deliver(each)]
    if failed:
        raise SystemExit(f"Not all lessons came to: {', '.join(failed)}")
