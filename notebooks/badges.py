"""Under each heading: is it core, and how long does it take?"""

import re
from pathlib import Path

from nbformat import NotebookNode

from attnlib.course.language import ENGLISH, N_, catalogue

TONGUES = Path(__file__).resolve().parents[1] / "i18n"  # a folder of catalogues for each language
BADGES = {"core": N_("● core"), "more": N_("○ more")}
WRITTEN = re.compile(r"\A(#+ [^\n]*\n)\n<small>[●○] [^\n]*</small>(?:\n|\Z)")


def say(message: str, language: str, **values: object) -> str:
    """What stands round the lessons, in badges and on slides, in this language.

    Args:
        message: the English, one literal, so that it is found for the catalogue "around".
        language: of the lesson: nobody has to speak it now.
        values: what stands in its places.
    """
    words = {} if language == ENGLISH else catalogue(str(TONGUES / language))
    return words.get(message, message).format(**values)


def badged(cell: NotebookNode, language: str = ENGLISH) -> str:
    """The cell's source with the badge that its metadata ask for.

    The title has none: its table tells the minutes of the whole lesson.
    """
    source = WRITTEN.sub(r"\1", cell.source)
    part = cell.metadata.get("part")
    if part not in BADGES or not source.startswith("##"):
        return source
    minutes = cell.metadata.get("minutes")
    badge = say(BADGES[part], language)
    if minutes:
        badge = say("{badge} · {minutes} min", language, badge=badge, minutes=minutes)
    heading, _, rest = source.partition("\n")
    return f"{heading}\n\n<small>{badge}</small>\n{rest}".rstrip("\n")
