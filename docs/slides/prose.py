"""What of a lesson's prose stands on a slide: its points. All of it is in the presenter's notes."""

import re

from attnlib.course.wide import width

WHOLE = 320  # letters, a Chinese one for two: prose up to here is all on the slide
SHORT = 150  # letters: in longer prose, paragraphs and items up to here are

# Spans in which a sentence does not end.
CLOSED = re.compile(
    r"`[^`]*`|\$[^$]*\$|!?\[[^\]]*\]\([^)]*\)|\*\*.+?\*\*|\([^()]*\)|（[^（）]*）", re.DOTALL
)
STOP = r"(?<=[.?!])|(?<=[.?!][\"*)])|(?<=[.?!]\*\*)"
END = re.compile(rf"(?:{STOP})(?<!al\.)(?<!e\.g\.)\s+(?=\S)|(?<=[。？！])")
LANGUAGE = re.compile(r"<div lang=[^>]+>")
WITHIN = re.compile(r"(<div lang=[^>]+>)\n\n(.*)\n\n</div>", re.DOTALL)
MARK = r"(?:[-*]|\d+\.) "
ITEM = re.compile(MARK)
ASIDE = (
    "<small>",
    "<details>",
    "Stuck?",
    "Passed?",
    "卡住了？",
    "通过了？",
)  # credits; for somebody who reads alone
LABEL = re.compile(rf"(?:{MARK})?\*\*[^*]+\*\*")  # **How to read it.** alone says nothing


def points(markdown: str) -> str:
    """The same blocks, each cut down to what it says first, to formulas and to the words in bold.

    Little prose, short blocks, tables, quotations and pictures stay whole; remarks in brackets,
    small print and what is said to a lone reader go.
    """
    kept = [block for block in blocks(markdown) if not _is_aside(block)]
    if sum(map(width, kept)) > WHOLE:
        kept = [_point(block) for block in kept]
    return "\n\n".join(kept)


def blocks(markdown: str) -> list[str]:
    """The paragraphs, lists, tables … between empty lines.

    Those within one <div lang=…> are each within one of their own, as slides may part them.
    """
    found, within = [], ""
    for block in filter(str.strip, re.split(r"\n\s*\n", markdown.strip())):
        if LANGUAGE.fullmatch(block):
            within = block
        elif block == "</div>":
            within = ""
        else:
            found.append(f"{within}\n\n{block}\n\n</div>" if within else block)
    return found


def sentences(paragraph: str) -> list[str]:
    """A paragraph cut at its full stops, but not inside code, formulas, links, bold or brackets."""
    inside = [span.span() for span in CLOSED.finditer(paragraph)]
    cuts = [end.start() for end in END.finditer(paragraph)]
    cuts = [cut for cut in cuts if not any(first < cut < last for first, last in inside)]
    edges = [0, *cuts, len(paragraph)]
    parts = (paragraph[first:last].strip() for first, last in zip(edges, edges[1:], strict=False))
    return [part for part in parts if part]


def _is_aside(block):
    return block.startswith(ASIDE) or re.fullmatch(r"\([^()]*\)|（[^（）]*）", block)


def _point(block):
    if told := WITHIN.fullmatch(block):
        return f"{told[1]}\n\n{_point(told[2])}\n\n</div>"
    if block.startswith(("#", "|", ">", "!", "$$", "    ", "```")):
        return block
    if ITEM.match(block):
        return "\n".join(_shortened(item) for item in items(block))
    return _shortened(block)


def items(block: str) -> list[str]:
    """The items of a list, each with its continuation lines."""
    return re.split(rf"\n(?={MARK})", block)


def _shortened(text):
    text = re.sub(r"\s*\n\s*", " ", text)
    if width(text) <= SHORT:
        return text
    all_of_them = sentences(text)
    points = (place for place, each in enumerate(all_of_them) if "**" in each or "$" in each)
    kept = {0, *points}
    for place in sorted(kept):
        # What follows a question, or a label, belongs to it.
        if (
            all_of_them[place].endswith(("?", "？"))
            or not place
            and LABEL.fullmatch(all_of_them[0])
        ):
            kept.add(place + 1)
    shortened = " ".join(each for place, each in enumerate(all_of_them) if place in kept)
    return re.sub(r"(?<=[。？！]) ", "", shortened)  # Chinese has no space there
