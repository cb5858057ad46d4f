"""Claims in texts: `python -m attnlib.course.experiments.study.woven --check README.md`.

In a text, `.md` or `.ipynb`, a claim stands between `<!--claim:scale.local-->` and
`<!--/claim-->`. `--weave` writes its sentence there, and `=` with four letters behind its name,
which stand for all figures that the sentence rests on. `--check` fails where the sentence, or a
figure behind it, is no longer what the results give, and on words that claim outside of any marker.
A file in Chinese has "zh" in its name or among its folders.
"""

import argparse
import json
import re
from collections.abc import Mapping
from pathlib import Path

from attnlib.course import language
from attnlib.course.experiments.study.claims import CLAIMS, digest
from attnlib.course.experiments.study.findings import Finding, findings
from attnlib.course.experiments.study.results import load
from attnlib.course.experiments.study.sentences import render

MARKED = re.compile(r"<!--claim:(?P<id>[\w.]+)(=\w+)?-->(?P<said>.*?)<!--/claim-->", re.DOTALL)
HALF = re.compile(r"<!--/?claim.*?-->")
CLAIMING = re.compile(r"\bmatters\b|\bnot matter\b|\bno differences?\b|无差别", re.IGNORECASE)

Sentences = Mapping[str, tuple[str, str]]  # id -> the sentence, its digest


def sentences(found: Mapping[str, Finding]) -> Sentences:
    """All claims in the language that is spoken now."""
    return {id_: (render(claim, found), digest(claim, found)) for id_, claim in CLAIMS.items()}


def weave(text: str, said: Sentences) -> str:
    """The text with every claim said as the results give it. KeyError for an unknown one."""

    def one(match):
        sentence, figures = said[match["id"]]
        return f"<!--claim:{match['id']}={figures}-->{sentence}<!--/claim-->"

    return MARKED.sub(one, text)


def check(text: str, said: Sentences) -> list[str]:
    """What is wrong with a text, each with its line; nothing where all follows."""
    faults = []
    for match in MARKED.finditer(text):
        line = text.count("\n", 0, match.start()) + 1
        if match["id"] not in said:
            faults.append(f"{line}: there is no claim {match['id']!r}")
        elif weave(match[0], said) != match[0]:
            faults.append(
                f"{line}: claim {match['id']} does not follow; the results give: "
                f"{said[match['id']][0]}"
            )
    rest = MARKED.sub(lambda match: "\n" * match[0].count("\n"), text)
    for number, line in enumerate(rest.splitlines(), 1):
        if HALF.search(line):
            faults.append(f"{number}: a marker without its other half: {line.strip()}")
        if CLAIMING.search(line):
            faults.append(f"{number}: a claim outside of a marker: {line.strip()}")
    return faults


def woven(path: Path, said: Sentences) -> str:
    """The file's text with its claims said: all of a .md, the prose of a notebook."""
    text = path.read_text(encoding="utf-8")
    if path.suffix != ".ipynb":
        return weave(text, said)
    notebook = json.loads(text)
    for cell in _prose(notebook):
        cell["source"] = weave("".join(cell["source"]), said).splitlines(keepends=True)
    return json.dumps(notebook, indent=1, ensure_ascii=False) + "\n"


def checked(path: Path, said: Sentences) -> list[str]:
    """What is wrong with a file; in a notebook, lines are those of the cell that is named."""
    text = path.read_text(encoding="utf-8")
    if path.suffix != ".ipynb":
        return [f"{path}:{fault}" for fault in check(text, said)]
    faults = []
    for cell in _prose(json.loads(text)):
        where = f"{path}, cell {cell.get('id')}"
        faults += [f"{where}:{fault}" for fault in check("".join(cell["source"]), said)]
    return faults


def _prose(notebook):
    return [cell for cell in notebook["cells"] if cell["cell_type"] == "markdown"]


def language_of(path: Path) -> str:
    """ "zh" for a file in Chinese, else "en"."""
    names = {*path.parts[:-1], *path.name.split(".")}
    return "zh" if "zh" in names else language.ENGLISH


def main() -> None:
    parser = argparse.ArgumentParser(description="Sentences of what matters, from the results.")
    parser.add_argument("files", nargs="*", type=Path)
    what = parser.add_mutually_exclusive_group()
    what.add_argument("--check", action="store_true", help="fail where one does not follow")
    what.add_argument("--weave", action="store_true", help="write them")
    asked = parser.parse_args()
    found, faults = findings(load()), []
    for path in asked.files:
        language.speak(language_of(path))
        said = sentences(found)
        if asked.weave:
            path.write_text(woven(path, said), encoding="utf-8")
        else:
            faults += checked(path, said)
    every = [] if asked.files else sentences(found).items()
    lines = faults + [f"[{id_}] {sentence}" for id_, (sentence, _) in every]
    print("\n".join(lines))
    raise SystemExit(bool(faults))


if __name__ == "__main__":
    main()
