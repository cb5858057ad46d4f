"""`make docs`: the site, in build/docs/html, from the lessons, the docstrings and docs/.

Sphinx reads a copy, build/docs/source, laid out as the repository is, so that a link from page to
page leads there as it does in the repository. What is made of data is added: the live pair of the
first page, the tables of the benchmarks and the index of wrong beliefs.
"""

import re
import shutil
import sys
from pathlib import Path

import nbformat
from sphinx.cmd.build import main as sphinx

from docs import alone, assets, beliefs, doors, first, tables
from docs.address import repository
from docs.executed import executed
from docs.lessons import for_page
from docs.narrow import with_narrow

ROOT = Path(__file__).resolve().parents[1]
SITE = ROOT / "build" / "docs"
SOURCE, STATIC, HTML = SITE / "source", SITE / "static", SITE / "html"
LINK = re.compile(r"\]\((?!https?:|#)")  # to a file
# What a page may load. The rest of each package stays out of the site.
LOADED = (
    "mathjax/es5/tex-chtml.js",
    "mathjax/es5/output/chtml/fonts/woff-v2/*.woff",
)


def main() -> int:
    """Make the site anew; 0 if nothing was wrong, not even a warning."""
    shutil.rmtree(SITE, ignore_errors=True)
    lay_out_static(STATIC)
    lay_out_pages(SOURCE)
    address = repository()
    alone.write(STATIC / doors.FOLDER, address)
    for name, path in executed().items():
        stem, _, language = name.partition(".")
        up = "../.." if language else ".."
        nb = with_narrow(for_page(nbformat.read(path, 4)), STATIC, up)
        if not language:  # nowhere else is there one to be opened
            nb = doors.with_doors(nb, stem, address)
        folder = SOURCE / "notebooks" / language
        folder.mkdir(exist_ok=True)
        nbformat.write(nb, folder / f"{stem}.ipynb")
    strict = ["-W", "--keep-going", "-q"]
    places = ["-c", ROOT / "docs", "-d", SITE / "doctrees", SOURCE, HTML]
    return sphinx([*strict, "-j2", *map(str, places)])


def lay_out_static(static: Path) -> None:
    """What the pages load: the site's own files, and those from npm."""
    shutil.copytree(ROOT / "docs/static", static)
    first.photograph().save(static / first.FILE, quality=88)
    fetched = assets.fetch()
    for pattern in LOADED:
        for path in fetched.glob(pattern):
            to = static / path.relative_to(fetched)
            to.parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(path, to)


def lay_out_pages(source: Path) -> None:
    """All pages but the lessons."""
    (source / "docs").mkdir(parents=True)
    (source / "notebooks").mkdir()
    for path in ROOT.glob("docs/*"):
        if path.suffix in (".md", ".svg", ".webp"):
            shutil.copy(path, source / "docs")
    shutil.move(source / "docs/index.md", source)
    shutil.copy(ROOT / "README.md", source)
    for path in ROOT.glob("README.*.md"):  # the first page in another language: zh/
        to = source / path.suffixes[0][1:] / "index.md"
        to.parent.mkdir()
        text = path.read_text(encoding="utf-8").replace("](README.md", "](index.md")
        to.write_text(LINK.sub("](../", text), encoding="utf-8")
    shutil.copy(ROOT / "notebooks/CREDITS.md", source / "notebooks")
    (source / "docs/benchmarks.md").write_text(tables.page(), encoding="utf-8")
    (source / "docs/first.html").write_text(first.html(), encoding="utf-8")
    (source / "docs/beliefs.md").write_text(beliefs.page(), encoding="utf-8")


if __name__ == "__main__":
    sys.exit(main())
