"""Check a my_attention.py again, piece by piece.

    python -m attnlib.course.lessons my/my_attention.py

It runs the file: do so only with files of people whom you trust, or where it can do no harm.
"""

import sys
from pathlib import Path

from attnlib.course.exercises.mine import run
from attnlib.course.exercises.written import KEYS, pieces_of
from attnlib.course.language import say
from attnlib.course.lessons import exercise
from attnlib.course.wide import ljust


def main(arguments: list[str]) -> None:
    """Print a line for each piece: right, what is wrong, or not written."""
    if len(arguments) != 1 or not Path(arguments[0]).is_file():
        raise SystemExit(f"give one file, as my/my_attention.py, got {arguments}")
    text = Path(arguments[0]).read_text(encoding="utf-8")
    written, space = pieces_of(text), run(text, Path(arguments[0]))
    for name, key in KEYS.items():
        print(ljust(key, 32), found(key, space[name]) if key in written else say("not written"))


def found(key: str, answer: object) -> str:
    """What the check of this piece says."""
    return exercise(key).refuse(answer) or say("right")


if __name__ == "__main__":
    main(sys.argv[1:])
