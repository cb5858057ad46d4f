"""What a check says."""

from html import escape

from attnlib.course.exercises.checking import Mistake
from attnlib.course.language import paragraph, say


class Verdict(str):
    """What a check says, in a sentence; `.right` is whether the answer passed.

    In a notebook a wrong value shows what was expected, what came, and the difference.
    """

    right: bool
    tables: str

    def __new__(cls, mistake: Mistake | None, kept: str = "", tables: str = ""):
        right = paragraph(say("Right."), kept)
        verdict = super().__new__(cls, f"✘ {mistake}" if mistake else f"✔ {right}")
        verdict.right, verdict.tables = mistake is None, tables
        return verdict

    __repr__ = str.__str__

    def _repr_html_(self) -> str | None:
        return f"<p>{escape(self)}</p>{self.tables}" if self.tables else None
