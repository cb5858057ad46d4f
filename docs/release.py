"""`make release` begins with this: what must be true of a release and can be read off the files.

    python -m docs.release

A line for each fault; exit status 1 if there is one. Nothing is built, tagged or sent.
"""

import re
import sys
from collections.abc import Iterator
from pathlib import Path

import attnlib
from attnlib.course.language import LOCALE
from i18n.check import faults as faults_of
from i18n.messages import templates
from i18n.update import read

ROOT = Path(__file__).resolve().parents[1]
PAGES = ("*.md", "docs/*.md", "notebooks/*.md")
MADE = ("docs/beliefs.md", "docs/benchmarks.md")  # by docs/build.py, for the site
# Where each file says which version this is.
VERSIONS = {
    "CITATION.cff": re.compile(r"^version: (\S+)$", re.MULTILINE),
    "CHANGELOG.md": re.compile(r"^## (\S+)", re.MULTILINE),  # the newest stands first
}
BLOCK = re.compile(r"^```.*?^```$|<!--.*?-->", re.DOTALL | re.MULTILINE)
CODE = re.compile(r"`[^`\n]+`")
LINK = re.compile(r"\]\(([^)\s]+)\)")


def faults(root: Path = ROOT, locale: Path = LOCALE) -> Iterator[str]:
    """Why this state may not be released; nothing if it may.

    Args:
        root: of the repository.
        locale: the folder with a folder of catalogues for each language.
    """
    yield from versions(root)
    yield from links(root)
    yield from catalogues(locale)


def versions(root: Path) -> Iterator[str]:
    """Files that name another version than `attnlib.__version__`, or none."""
    for name, pattern in VERSIONS.items():
        match = pattern.search((root / name).read_text(encoding="utf-8"))
        if (found := match and match[1]) != attnlib.__version__:
            yield f"{name}: the version must be {attnlib.__version__}, got {found}"


def links(root: Path) -> Iterator[str]:
    """Links of pages that lead to no file, or to no heading of it."""
    for page in sorted(path for pattern in PAGES for path in root.glob(pattern)):
        for link in dangling(page, root):
            yield f"{page.relative_to(root)}: {link} leads nowhere"


def dangling(page: Path, root: Path) -> Iterator[str]:
    """Links of one page that lead to no file, or to no heading of it."""
    for link in LINK.findall(CODE.sub("", BLOCK.sub("", page.read_text(encoding="utf-8")))):
        if not re.match(r"[a-z]+:", link) and not _leads(page, link, root):
            yield link


def _leads(page, link, root):
    path, _, heading = link.partition("#")
    # docs/build.py moves the site's first page up: its links are those of the root.
    folder = root if page == root / "docs/index.md" else page.parent
    file = (folder / path).resolve() if path else page
    if not file.exists():
        return file.is_relative_to(root) and file.relative_to(root).as_posix() in MADE
    if not heading:
        return True
    return file.suffix == ".md" and heading in _headings(file.read_text(encoding="utf-8"))


def _headings(text):
    """Names of the headings, as GitHub and the site make them."""
    titles = re.findall(r"^#+ (.*)$", BLOCK.sub("", text), re.MULTILINE)
    return {re.sub(r"[^\w -]", "", title.lower()).strip().replace(" ", "-") for title in titles}


def catalogues(locale: Path) -> Iterator[str]:
    """What is wrong with the catalogues of other languages."""
    now = templates()
    for path in sorted(locale.glob("*/*.po")):
        name = path.relative_to(locale).as_posix()
        if path.stem not in now:
            yield f"{name}: nothing is said in such a part of the course"
            continue
        yield from (f"{name}: {fault}" for fault in faults_of(read(path), now[path.stem]))


def main() -> int:
    found = list(faults())
    print("\n".join(found) or f"{attnlib.__version__}: versions, links and catalogues are right.")
    return int(bool(found))


if __name__ == "__main__":
    sys.exit(main())
