"""The map of the course, docs/course.svg, from the manifest: `python -m docs.course_map`.

Lessons stand in reading order. A box says which lessons come before it; its colour says whose side
it tells, its frame whether it belongs to the lecture.
"""

from collections.abc import Iterator, Sequence
from html import escape
from pathlib import Path

from attnlib.course.manifest import LESSONS, Lesson

FILE = Path(__file__).with_name("course.svg")
COLUMNS = 5
WIDTH, HEIGHT, GAP, EDGE = 196, 78, 16, 10  # of a box, between two, and round all of them
FILLS = {"": "#f2f2f2", "NesT": "#cfe3f2", "PGL-SUM": "#fbe5bf"}
LEGEND = 40
LINE = "#222222"
FRAMES = {True: 4, False: 1.5}  # thick: in the lecture


def svg(lessons: Sequence[Lesson] = LESSONS) -> str:
    """The picture. It is white, so that it can be read on a dark page too."""
    rows = -(-len(lessons) // COLUMNS)
    width = COLUMNS * (WIDTH + GAP) - GAP + 2 * EDGE
    height = rows * (HEIGHT + GAP) + LEGEND + EDGE
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" role="img" '
        'aria-labelledby="t d" font-family="sans-serif" text-anchor="middle">',
        '<title id="t">Map of the course</title>',
        f'<desc id="d">{escape(description(lessons))}</desc>',
        f'<rect width="{width}" height="{height}" rx="10" fill="white"/>',
    ]
    for place, lesson in enumerate(lessons):
        row, column = divmod(place, COLUMNS)
        parts += _box(lesson, EDGE + column * (WIDTH + GAP), EDGE + row * (HEIGHT + GAP), lessons)
    parts += _legend(EDGE + rows * (HEIGHT + GAP))
    return "\n".join([*parts, "</svg>\n"])


def description(lessons: Sequence[Lesson] = LESSONS) -> str:
    """The same in words, for who does not see the picture."""
    order = ", ".join(f"{each.heading} ({_needs(each, lessons)})" for each in lessons)
    lecture = ", ".join(f"{each.number:02d}" for each in lessons if each.lecture)
    return f"{order}. Thick frames: {lecture}, the lecture of 90 minutes."


def _box(lesson, x, y, lessons) -> Iterator[str]:
    middle = x + WIDTH / 2
    yield (
        f'<rect x="{x}" y="{y}" width="{WIDTH}" height="{HEIGHT}" rx="8" '
        f'fill="{FILLS[lesson.side]}" stroke="{LINE}" stroke-width="{FRAMES[lesson.lecture > 0]}"/>'
    )
    number = f"{lesson.number:02d}"
    yield f'<text x="{middle}" y="{y + 24}" font-size="18" font-weight="bold">{number}</text>'
    yield f'<text x="{middle}" y="{y + 46}" font-size="17">{escape(lesson.title)}</text>'
    needs = _needs(lesson, lessons)
    yield f'<text x="{middle}" y="{y + 67}" font-size="14" fill="#444444">{needs}</text>'


def _needs(lesson, lessons):
    numbers = {each.name: f"{each.number:02d}" for each in lessons}
    if lesson.needs:
        return f"after {', '.join(map(numbers.get, lesson.needs))}"
    return "begin here" if lesson is lessons[0] else "needs no other"


def _legend(y) -> Iterator[str]:
    yield '<g font-size="15" text-anchor="start">'
    keys = [
        (FILLS["NesT"], 1.5, "NesT’s side", 130),
        (FILLS["PGL-SUM"], 1.5, "PGL-SUM’s side", 160),
        ("white", 4, "they make one lecture of 90 minutes", 0),
    ]
    x = EDGE + 2
    for fill, frame, words, width in keys:
        yield (
            f'<rect x="{x}" y="{y + 6}" width="18" height="18" fill="{fill}" '
            f'stroke="{LINE}" stroke-width="{frame}"/>'
            f'<text x="{x + 26}" y="{y + 20}">{words}</text>'
        )
        x += width
    yield "</g>"


if __name__ == "__main__":
    FILE.write_text(svg(), encoding="utf-8")
