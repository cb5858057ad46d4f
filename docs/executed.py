"""Every lesson run afresh, once, with its widgets: what the site and the slides are made of.

`python -m docs.executed` fills build/executed/. A lesson runs again only if it or attnlib changed.
"""

import hashlib
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path

import nbformat

from attnlib.course.copies.lessons import TRANSLATED
from notebooks.execute import HERE, LESSONS, execute, read

ROOT = HERE.parent
EXECUTED = ROOT / "build" / "executed"
# Figures with twice the dots: a projector, or a good screen, shows them larger than a notebook.
SHARP = "--InlineBackend.figure_formats={'retina'}"
# What needs a kernel is recorded, so that it lives without one.
RECORDS = "from attnlib.course.widgets.recording import install; install()"
# Figures are drawn once more, for telephones.
TWICE = "from attnlib.course.figures.twice import install; install()"
ARGUMENTS = (SHARP, f"--IPKernelApp.exec_lines={[RECORDS, TWICE]!r}")
MARK = "made_from"  # in the metadata: a digest of all that the outputs hang on


def executed(jobs: int = 2) -> dict[str, Path]:
    """Name to path of all lessons, executed, widget views and widget state included.

    A name is a stem, "02_heads", and in another language "02_heads.zh".

    Args:
        jobs: how many run at a time, each with one thread.
    """
    EXECUTED.mkdir(parents=True, exist_ok=True)
    lessons = sorted([*HERE.glob(LESSONS), *HERE.glob(TRANSLATED)])
    due = stale(lessons)
    with ProcessPoolExecutor(jobs) as pool:
        for path in pool.map(_run, due, due.values()):
            print("executed", path.name, flush=True)
    return {named(path): _place(path) for path in lessons}


def named(path: Path) -> str:
    """A lesson's name among those of all languages: "02_heads", and of notebooks/zh "02_heads.zh".

    Another file's is its stem.
    """
    is_translated = path.parents[1] == HERE
    return f"{path.stem}.{path.parent.name}" if is_translated else path.stem


def stale(lessons: list[Path]) -> dict[Path, str]:
    """The lessons that must run, the longest first, with the digest of what each is made from."""
    library = _library()
    made_from = {path: _digest([path, *library]) for path in lessons}
    due = [path for path in lessons if _mark(_place(path)) != made_from[path]]
    return {path: made_from[path] for path in sorted(due, key=lambda path: -path.stat().st_size)}


def _run(path, made_from):
    # An explorer is recorded when its cell is run, both widths of each state.
    settings = {"timeout": 600, "extra_arguments": [*ARGUMENTS]}
    nb = execute(read(path), store_widget_state=True, **settings)
    nb.metadata[MARK] = made_from
    nbformat.write(nb, _place(path))
    return path


def _place(path):
    return EXECUTED / f"{named(path)}.ipynb"


def _library():
    files = sorted(ROOT.glob("attnlib/**/*.*"))
    return [path for path in files if path.is_file() and path.suffix != ".pyc"]


def _digest(paths):
    digest = hashlib.sha256()
    for path in paths:
        digest.update(path.read_bytes())
    return digest.hexdigest()[:16]


def _mark(path):
    return read(path).metadata.get(MARK) if path.exists() else None


if __name__ == "__main__":
    executed()
