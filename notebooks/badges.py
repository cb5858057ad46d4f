"""Under each heading: is it core, and how long does it take?"""

import re

from nbformat import NotebookNode

BADGES = {"core": "● core", "more": "○ more"}
WRITTEN = re.compile(r"\A(#+ [^\n]*\n)\n<small>[●○] [^\n]*</small>(?:\n|\Z)")


def badged(cell: NotebookNode) -> str:
    """The cell's source with the badge that its metadata ask for.

    The title has none: its table tells the minutes of the whole lesson.
    """
    source = WRITTEN.sub(r"\1", cell.source)
    part = cell.metadata.get("part")
    if part not in BADGES or not source.startswith("##"):
        return source
    minutes = cell.metadata.get("minutes")
    badge = f"{BADGES[part]} · {minutes} min" if minutes else BADGES[part]
    heading, _, rest = source.partition("\n")
    return f"{heading}\n\n<small>{badge}</small>\n{rest}".rstrip("\n")
