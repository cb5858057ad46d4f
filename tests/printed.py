"""What a block of code prints, held against what a page shows of it."""

import contextlib
import io
import math
import re

NUMBER = re.compile(r"\d[\d.]*(?:e[+-]?\d+)?$")
ROUNDING = 1e-14  # of numbers of 64 bits near 1


def printed(code: str, names: dict | None = None) -> str:
    """`names` are those that the code finds, and that it leaves."""
    with contextlib.redirect_stdout(io.StringIO()) as out:
        exec(code, {} if names is None else names)
    return out.getvalue()


def like(said: str, shown: str) -> bool:
    """Whether both are lines of the same words, with numbers of one order of magnitude.

    Where a rounding error is shown, any may be said, 0 too: it depends on the machine.
    """
    said, shown = said.split(), shown.split()
    return len(said) == len(shown) and all(map(_alike, said, shown))


def _alike(said, shown):
    said, shown = (word.strip("(),:.") for word in (said, shown))
    if not (NUMBER.match(said) and NUMBER.match(shown)):
        return said == shown
    said, shown = float(said), float(shown)
    if 0 < shown < ROUNDING:
        return said < ROUNDING
    if 0 in (said, shown):
        return said == shown
    return abs(math.log10(said / shown)) <= 1
