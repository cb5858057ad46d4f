"""Where a call stands in the code: what one statement moves is one row."""

import ast
import linecache
import sys
from functools import cache
from pathlib import Path
from types import CodeType, FrameType
from typing import NamedTuple

import einops
import torch

from attnlib.course.language import N_, say
from attnlib.overflow import has_nan, may_overflow
from attnlib.positions import KeptTable

# Functions whose inner calls are shown as one row under this name.
HELPERS = {
    einops.rearrange.__code__: "rearrange",
    einops.reduce.__code__: "reduce",
    einops.repeat.__code__: "repeat",
    KeptTable.table.__code__: N_("positions"),
    may_overflow.__code__: N_("overflow check"),
    has_nan.__code__: N_("overflow check"),
}
# Between a statement and this function.
THROUGH = (
    torch.overrides.__file__,
    torch._tensor.__file__,
    str(Path(__file__).with_name("trace.py")),
)


class Place(NamedTuple):
    """The statement that a call stands in, and the helper, if any, that it was made by."""

    code: CodeType
    line: int
    helper: FrameType | None

    @property
    def name(self) -> str:
        return say(HELPERS[self.helper.f_code]) if self.helper else ""

    @property
    def statement(self) -> tuple[CodeType, int]:
        return self.code, self.line


def here() -> Place:
    """The place of the call under way."""
    frame = sys._getframe(1)
    while frame.f_code.co_filename in THROUGH:
        frame = frame.f_back
    found, helper, up = frame, None, frame
    while up is not None:
        if up.f_code in HELPERS:
            found, helper = up.f_back, up
        up = up.f_back
    return Place(found.f_code, _first_line(found), helper)


def _first_line(frame: FrameType) -> int:
    """The line where the frame's statement begins, for a chain of calls over several lines."""
    line = frame.f_lineno
    spans = _statements(frame.f_code.co_filename)
    return max((start for start, stop in spans if start <= line <= stop), default=line)


@cache
def _statements(filename: str) -> tuple[tuple[int, int], ...]:
    """First and last line of every statement that holds no other."""
    try:
        tree = ast.parse("".join(linecache.getlines(filename)))
    except SyntaxError:  # not Python: each line is a statement
        return ()
    simple = (n for n in ast.walk(tree) if isinstance(n, ast.stmt) and not hasattr(n, "body"))
    return tuple((node.lineno, node.end_lineno) for node in simple)
