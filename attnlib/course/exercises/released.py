"""Which solutions a teacher withholds, until they release them."""

import os
from pathlib import Path

import attnlib

SETTING = "ATTNLIB_SOLUTIONS"
FILE = Path(attnlib.__file__).parents[1] / "withheld.txt"


def withheld(key: str) -> bool:
    """Whether the solution of this exercise is withheld.

    ATTNLIB_SOLUTIONS=0 in the environment withholds all, =1 none. Without it the file withheld.txt
    beside attnlib's folder says which, a line each: a lesson ("heads"), an exercise
    ("heads.split"), or "all". No file: none. It is read anew each time.

    Raises:
        ValueError: ATTNLIB_SOLUTIONS is something else.
    """
    setting = os.environ.get(SETTING, "")
    if setting not in ("", "0", "1"):
        raise ValueError(f"{SETTING} must be 0 or 1, or not be set, got {setting!r}")
    if setting:
        return setting == "0"
    lines = FILE.read_text(encoding="utf-8").split() if FILE.exists() else []
    return bool({"all", key, key.partition(".")[0]} & set(lines))
