"""Under each heading: is it core, and how long does it take?"""

import re
from collections.abc import Mapping
from pathlib import Path

from nbformat import NotebookNode

from attnlib.course.language import ENGLISH, N_, catalogue

TONGUES = Path(__file__).resolve().parents[1] / "i18n"  # a folder of catalogues for each language
BADGES = {"core": N_("● core"), "more": N_("○ more")}
TIMED = N_("{badge} · {minutes} min")
WRITTEN = re.compile(r"\A(#+ [^\n]*\n)\n<small>[●○] [^\n]*</small>(?:\n|\Z)")


def said(language: str) -> Mapping[str, str]:
    """What the badges say in this language, by what they say in English."""
    return {} if language == ENGLISH else catalogue(str(TONGUES / language))


def badged(cell: NotebookNode, language: str = ENGLISH) -> str:
    """The cell's source with the badge that its metadata ask for.

    The title has none: its table tells the minutes of the whole lesson.
    """
    source = WRITTEN.sub(r"\1", cell.source)
    part = cell.metadata.get("part")
    if part not in BADGES or not source.startswith("##"):
        return source
    minutes = cell.metadata.get("minutes")
    words = said(language)
    badge = words.get(BADGES[part], BADGES[part])
    if minutes:
        badge = words.get(TIMED, TIMED).format(badge=badge, minutes=minutes)
    heading, _, rest = source.partition("\n")
    return f"{heading}\n\n<small>{badge}</small>\n{rest}".rstrip("\n")
