"""The lessons in other languages: notebooks/zh/, out of the English ones and i18n/zh/.

    python -m notebooks.tongues [LANGUAGE [lesson …]]       (none named: all that have a catalogue)

A lesson in another language has the cells of the English one, under the same ids, and one more,
which sets the language. Nobody edits it: a change goes into the English lesson or the catalogue.
"""

import copy
import re
import sys
from functools import cache
from pathlib import Path

from nbformat import NotebookNode
from nbformat.v4 import new_code_cell

from attnlib.course.experiments.study import woven
from attnlib.course.experiments.study.findings import findings
from attnlib.course.experiments.study.results import load
from attnlib.course.language import speaking, translations
from i18n.lessons import english, translated
from i18n.update import read as read_catalogue
from notebooks.badges import TONGUES
from notebooks.execute import HERE, LESSONS, normalise, read, say_written

SPEAKS = """from attnlib.course.language import speak  # not found? In attnlib's folder: make lab

speak("{language}")"""
QUIET = {
    "jupyter": {"source_hidden": True},
    "slideshow": {"slide_type": "skip"},
    "tags": ["remove-cell"],  # from the page of the site
}
LINK = re.compile(r"\]\((?!https?:|#)([^)#\s]+)")


def lessons(language: str) -> list[Path]:
    """Those that have a catalogue in this language."""
    names = {path.stem for path in (TONGUES / language).glob("*.po")}
    return [path for path in sorted(HERE.glob(LESSONS)) if path.stem in names]


def languages() -> list[str]:
    """All that have catalogues of lessons."""
    return sorted({path.parent.name for path in TONGUES.glob("*/*.po")})


def place(lesson: Path, language: str) -> Path:
    """Where a lesson lies in this language."""
    return lesson.parent / language / lesson.name


def built(lesson: Path, language: str) -> NotebookNode:
    """A lesson in another language, not executed."""
    nb = english(read(lesson))
    said = translations(read_catalogue(TONGUES / language / f"{lesson.stem}.po"))
    for cell in nb.cells:
        cell.source = translated(cell.cell_type, cell.source, said)
        if cell.cell_type == "markdown":
            cell.source = led(cell.source, language)
            cell.source = woven.weave(cell.source, claims(language))
        else:
            cell.outputs, cell.execution_count = [], None
    speaks = translated("code", SPEAKS.format(language=language), said)
    first = next(at for at, cell in enumerate(nb.cells) if cell.cell_type == "code")
    nb.cells.insert(first, new_code_cell(speaks, id="speak", metadata=copy.deepcopy(QUIET)))
    nb.metadata["language"] = language
    return normalise(nb)


@cache
def claims(language: str) -> woven.Sentences:
    """What the results allow to be said, in this language."""
    with speaking(language):
        return woven.sentences(findings(load()))


def led(source: str, language: str) -> str:
    """A text of a lesson in notebooks/, its links as they lead out of the folder of this language.

    Where it names a page of this language itself, beside the English one, both lead where they say.
    """
    links = LINK.findall(source)
    return LINK.sub(lambda link: f"]({_led(link[1], links, language)}", source)


def _led(link, links, language):
    name = Path(link).name
    if link.startswith("../docs/"):
        own = name.replace(".md", f".{language}.md")
        has_own = (HERE.parent / "docs" / own).exists() and f"../docs/{own}" not in links
        return f"../../docs/{own if has_own else name}"
    is_there = (TONGUES / language / name).with_suffix(".po").exists()
    return link if is_there else f"../{link}"


def main(arguments: list[str]) -> int:
    which, *names = arguments or [""]
    failed = 0
    for language in [which] if which else languages():
        for lesson in lessons(language):
            if not names or lesson.stem in names:
                path = place(lesson, language)
                path.parent.mkdir(exist_ok=True)
                failed += not say_written(path, built(lesson, language), [])
    return int(failed > 0)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
