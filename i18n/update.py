"""`make messages LANGUAGE=zh`: bring the catalogues of a language up to what the course says now.

Those of what the library says lie in attnlib/course/locale/zh/, those of the lessons in i18n/zh/.
A new message comes in empty, or as another catalogue of that folder has it. One that changed keeps
its old translation, marked "fuzzy": it is said in English until somebody has looked at it and taken
the mark away. PARTS="heads 02_heads" begins these catalogues; without it, those that are there are
brought up.
"""

import argparse
from collections.abc import Iterable
from pathlib import Path

from babel.messages.catalog import Catalog
from babel.messages.pofile import read_po, write_po

from attnlib.course.language import LOCALE
from i18n import lessons
from i18n.messages import templates

LESSONS = Path(__file__).resolve().parent  # a folder of the lessons' catalogues for each language

COLUMNS = 100
HEADER = r"""msgid ""
msgstr ""
"Language: {language}\n"
"MIME-Version: 1.0\n"
"Content-Type: text/plain; charset=utf-8\n"
"Content-Transfer-Encoding: 8bit\n"

"""


def update(folder: Path, parts: Iterable[str] = (), now: dict[str, Catalog] | None = None) -> None:
    """Bring up the catalogues of a folder, and begin those of `parts`.

    Args:
        folder: attnlib/course/locale/zh.
        parts: names as `templates` has them.
        now: what is said now; by default what the course says.

    Raises:
        ValueError: for a part that nothing is said in.
    """
    now = templates() if now is None else now
    names = sorted({path.stem for path in folder.glob("*.po")} | set(parts))
    if unknown := [name for name in names if name not in now]:
        raise ValueError(f"PARTS must be among {sorted(now)}, got {unknown}")
    folder.mkdir(parents=True, exist_ok=True)
    known = _known(folder)
    for name in names:
        path = folder / f"{name}.po"
        catalog = read(path) if path.exists() else Catalog()
        catalog.update(now[name])
        for message in catalog:
            message.string = message.string or known.get(message.id, "")
        write(catalog, path)


def _known(folder):
    """What is translated anywhere in a folder: said once more, it is said alike."""
    catalogs = [read(path) for path in sorted(folder.glob("*.po"))]
    messages = (each for catalog in catalogs for each in catalog if each.id and not each.fuzzy)
    return {each.id: each.string for each in messages}


def read(path: Path) -> Catalog:
    """A catalogue file."""
    with path.open("rb") as lines:
        return read_po(lines)


def write(catalog: Catalog, path: Path) -> None:
    """Write a catalogue as all are written: the same messages give the same bytes."""
    with path.open("wb") as lines:
        # Babel's own header holds times and versions, which differ from run to run.
        lines.write(HEADER.format(language=path.parent.name).encode())
        write_po(lines, catalog, width=COLUMNS, omit_header=True, include_previous=True)


def main() -> None:
    reader = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    reader.add_argument("language", help="zh")
    reader.add_argument("parts", nargs="*", help="catalogues to begin: a room, or a lesson")
    asked = reader.parse_args()
    rooms = {LOCALE: templates(), LESSONS: lessons.templates()}
    if unknown := sorted(set(asked.parts).difference(*rooms.values())):
        known = sorted(name for now in rooms.values() for name in now)
        raise SystemExit(f"PARTS must be among {known}, got {unknown}")
    for folder, now in rooms.items():
        update(folder / asked.language, set(asked.parts) & set(now), now)


if __name__ == "__main__":
    main()
