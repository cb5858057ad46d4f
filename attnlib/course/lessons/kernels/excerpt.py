"""Lines of this project's own source, shown in a lesson: read from the file, so never stale."""

from pathlib import Path
from textwrap import dedent

import attnlib


class Excerpt(str):
    """Some lines of Python; a notebook shows them in colour."""

    __repr__ = str.__str__

    def _repr_markdown_(self) -> str:
        return "\n".join(("```python", self, "```"))


def excerpt(path: str, first: str, last: str) -> Excerpt:
    """The lines from the one that holds `first` to the next one that holds `last`.

    Args:
        path: of a file inside attnlib, as "kernels/triton.py". It is read, not imported.
        first: part of exactly one line.
        last: part of a line, the same one or one after it.
    """
    file = Path(attnlib.__file__).parent / path
    lines = file.read_text(encoding="utf-8").splitlines()
    starts = [number for number, line in enumerate(lines) if first in line]
    if len(starts) != 1:
        raise ValueError(f"first must be in one line of {path}, got {first!r} in {len(starts)}")
    stops = [number for number, line in enumerate(lines) if last in line and number >= starts[0]]
    if not stops:
        raise ValueError(f"last must be in a line of {path} after {first!r}, got {last!r}")
    return Excerpt(dedent("\n".join(lines[starts[0] : stops[0] + 1])))
