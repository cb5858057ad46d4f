"""The repository's address: one line of pyproject.toml, read by all that leads there.

`python -m docs.address` prints it; an empty line while there is none.
"""

import re
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


if __name__ == "__main__":
    print(repository())
