"""Commands of the course.

python -m attnlib.course copy [FOLDER]
python -m attnlib.course copy --update [FOLDER]
python -m attnlib.course copy --language zh [FOLDER]
python -m attnlib.course progress
python -m attnlib.course progress export [FILE]
python -m attnlib.course progress sum FILES…
"""

import sys
from argparse import ArgumentParser
from collections.abc import Sequence

try:
    from attnlib.course.copies import command as copy
    from attnlib.course.progress import command as progress
except ModuleNotFoundError as error:  # attnlib alone needs fewer packages
    raise SystemExit(
        f"The course needs {error.name}, which this Python does not have: "
        'python -m pip install "attnlib[course]"'
    ) from None


def run(arguments: Sequence[str]) -> None:
    """Do what the words of the command line ask."""
    parser = ArgumentParser("python -m attnlib.course")
    commands = parser.add_subparsers(required=True, metavar="copy | progress")
    for each in (copy, progress):
        each.add(commands)
    asked = parser.parse_args(arguments)
    asked.do(asked)


if __name__ == "__main__":
    run(sys.argv[1:])
