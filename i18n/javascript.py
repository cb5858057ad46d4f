"""What of a front end cannot be said in another language: as `i18n.faults`, for JavaScript."""

import re
from collections.abc import Iterator

COMMENT = re.compile(r"/\*.*?\*/|(?<![:\w\"'`])//[^\n]*", re.S)
# A literal, and what stands before it: `say(` where it is a message.
LITERAL = re.compile(r"""(say\(\s*)?("(?:[^"\\\n]|\\.)*"|'(?:[^'\\\n]|\\.)*'|`(?:[^`\\]|\\.)*`)""")
WORDS = re.compile(r"(?<![\w.#-])[A-Za-z]{2,}[,;:.!?]?\s+[A-Za-z]{2,}(?![\w-]*[:=])")
CSS = re.compile(r"^.[a-z-]+: [^;]*;")
GLUED = re.compile(
    r"say\([^()]*\)\s*\+|\+\s*say\(|\}\s*\$\{\s*say\(|say\(\s*`|\.join\(\s*[\"' ]+\)"
)


def faults(source: str) -> Iterator[tuple[int, str]]:
    """(line, fault) for each text that is shown and not said, and each that is glued."""
    bare = COMMENT.sub(lambda found: re.sub(r"[^\n]", " ", found[0]), source)
    for found in LITERAL.finditer(bare):
        text = re.sub(r"<[^>]*>|\$\{[^}]*\}", "", found[2])
        if not found[1] and WORDS.search(text) and not CSS.match(text):
            yield bare[: found.start()].count("\n") + 1, f"not said: {found[2][:60]}"
    for found in GLUED.finditer(bare):
        yield bare[: found.start()].count("\n") + 1, f"glued: {found[0][:60]}"
