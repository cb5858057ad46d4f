"""A language for tests: every message reversed, in brackets. What stands outside was not said."""

import re
from pathlib import Path

from i18n.messages import templates
from i18n.update import write

OPEN, CLOSE = "⟦⟧"
# What a translation keeps: places, tags, code.
KEPT = re.compile(r"(\{[^{}]*\}|</?[a-z][^>]*>|`[^`]*`)")
INNERMOST = re.compile(f"{OPEN}[^{OPEN}{CLOSE}]*{CLOSE}")
WORD = re.compile(r"(?<![\w.=/‹])[A-Za-z]{3,}(?![\w.(=/])")


def pseudo(message: str) -> str:
    """ "the {n} heads" -> "⟦eht {n} sdaeh⟧"; what is only spaces or signs stays."""
    if not re.search("[A-Za-z]", KEPT.sub("", message)):
        return message
    parts = KEPT.split(message)  # kept ones stand at odd places
    turned = (part if odd % 2 else _turned(part) for odd, part in enumerate(parts))
    return OPEN + "".join(turned) + CLOSE


def _turned(text):
    return re.sub(r"[^\W\d_]+", lambda word: word[0][::-1], text)


def write_catalogues(folder: Path) -> str:
    """All that the course says, in the language of tests; what `speak` takes."""
    now = templates()
    for catalog in now.values():
        for message in catalog:
            if message.id:
                message.string = pseudo(message.id)
    folder.mkdir(parents=True, exist_ok=True)
    for name, catalog in now.items():
        write(catalog, folder / f"{name}.po")
    return str(folder)


def left_in_english(text: str) -> list[str]:
    """The words of a shown text that stand outside of all brackets."""
    while INNERMOST.search(text):
        text = INNERMOST.sub(" ", text)
    return WORD.findall(text)
