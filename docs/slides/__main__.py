"""Make the decks: `python -m docs.slides` fills build/slides/, for any static host or none."""

import shutil
from concurrent.futures import ProcessPoolExecutor
from functools import partial
from pathlib import Path

from attnlib.course.language import ENGLISH, speaking
from attnlib.course.manifest import LESSONS
from docs import assets
from docs.executed import ROOT, executed
from docs.slides.deck import LESSONS_IN, deck, index, page, relink
from docs.slides.storyboard import storyboard
from notebooks.execute import read

HERE = Path(__file__).resolve().parent
SLIDES = ROOT / "build" / "slides"
# What a deck loads: from where in build/assets, to where in build/slides/assets.
LOADED = {
    "reveal.js/dist/reset.css": "reveal.js/reset.css",
    "reveal.js/dist/reveal.css": "reveal.js/dist/reveal.css",
    "reveal.js/dist/reveal.js": "reveal.js/reveal.js",
    "reveal.js/dist/theme/white.css": "reveal.js/dist/theme/white.css",
    "reveal.js/dist/theme/fonts": "reveal.js/dist/theme/fonts",
    "reveal.js/plugin/notes/notes.js": "reveal.js/notes.js",
    "mathjax/es5/tex-chtml.js": "mathjax/tex-chtml.js",
    "mathjax/es5/output/chtml/fonts": "mathjax/output/chtml/fonts",
}
# Pages of docs/ that stand beside the decks: lesson 08 ends with them.
TEXTS = ("reply", "reply.zh")
UNUSED = shutil.ignore_patterns("*.eot", "*.ttf", "*.svg")


def main() -> None:
    lessons = executed()
    shutil.rmtree(SLIDES, ignore_errors=True)
    copy_assets(assets.fetch(), SLIDES / "assets")
    with ProcessPoolExecutor(2) as pool:
        list(pool.map(partial(make, lessons=set(lessons)), lessons.values()))
    write_texts(set(lessons))
    (SLIDES / "index.html").write_text(index(LESSONS, set(lessons)), encoding="utf-8")
    print(SLIDES / "index.html")


def copy_assets(source: Path, to: Path) -> None:
    for there, here in LOADED.items():
        (to / here).parent.mkdir(parents=True, exist_ok=True)
        if (source / there).is_dir():
            shutil.copytree(source / there, to / here, ignore=UNUSED)
        else:
            shutil.copy(source / there, to / here)
    for own in (HERE / "deck.css", HERE / "deck.js", ROOT / "docs/static/alive.js"):
        shutil.copy(own, to)


def make(lesson: Path, lessons: set[str]) -> None:
    """Write the deck of one executed lesson."""
    nb = read(lesson)
    folder = LESSONS_IN / nb.metadata.get("language", "")
    for cell in nb.cells:
        if cell.cell_type == "markdown":
            cell.source = relink(cell.source, {*lessons, *TEXTS}, folder)
    title = nb.cells[0].source.partition("\n")[0].removeprefix("# ")
    with speaking(nb.metadata.get("language", ENGLISH)):  # polls, hints and tasks
        html = deck(storyboard(nb), title)
    name = f"{lesson.stem}.html"
    (SLIDES / name).write_text(html, encoding="utf-8")
    print(name, flush=True)


def write_texts(lessons: set[str]) -> None:
    for name in TEXTS:
        text = (ROOT / "docs" / f"{name}.md").read_text(encoding="utf-8")
        (SLIDES / f"{name}.html").write_text(
            page(relink(text, {*lessons, *TEXTS})), encoding="utf-8"
        )


if __name__ == "__main__":
    main()
