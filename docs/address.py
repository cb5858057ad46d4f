"""The repository's address: one line of pyproject.toml, read by all that leads there.

python -m docs.address         prints it; nothing while there is none
python -m docs.address urls    the table that pyproject.toml gets before a wheel is built
"""

import re
import sys
import tomllib
from pathlib import Path

PYPROJECT = Path(__file__).resolve().parents[1] / "pyproject.toml"
# Colab and Binder open what lies there.
GITHUB = re.compile(r"https://github\.com/[\w.-]+/[\w.-]+")


def repository(pyproject: Path = PYPROJECT) -> str:
    """The address, or "" while there is none.

    Raises:
        ValueError: it is not that of a repository on GitHub.
    """
    address = tomllib.loads(pyproject.read_text(encoding="utf-8"))["tool"]["attnlib"]["repository"]
    if address and not GITHUB.fullmatch(address):
        raise ValueError(
            f"repository must be https://github.com/owner/name or empty, got {address!r}"
        )
    return address


def urls(address: str) -> str:
    """What a wheel says of where it comes from; a table cannot be left out by pyproject.toml."""
    if not address:
        return ""
    return f'\n[project.urls]\nRepository = "{address}"\nIssues = "{address}/issues"\n'


def main(arguments: list[str]) -> int:
    if arguments not in ([], ["urls"]):
        print(__doc__, file=sys.stderr)
        return 2
    print(urls(repository()) if arguments else repository())
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
