"""What a reader has done so far: a table of all lessons, and one line at the end of each."""

from html import escape
from pathlib import Path

from attnlib.course.language import LOCALE, say
from attnlib.course.manifest import LESSONS, lesson
from attnlib.course.progress.done import Done, done
from attnlib.course.record import all_recorded
from attnlib.course.wide import ljust, rjust, width


class Progress:
    """All lessons, as text and as HTML with links to them."""

    def __init__(self, done_by_name: dict[str, Done]):
        self.done = done_by_name

    def __repr__(self) -> str:
        rows = [_columns(), *([name, *cells] for _, name, cells in self._rows())]
        widths = [max(map(width, column)) for column in zip(*rows, strict=True)]
        lines = (
            "  ".join([ljust(first, widths[0]), *map(rjust, cells, widths[1:])])
            for first, *cells in rows
        )
        return "\n".join([_title(), "", *lines])

    def _repr_html_(self) -> str:
        head = _line("th", map(escape, _columns()))
        rows = ([_link(stem, name), *cells] for stem, name, cells in self._rows())
        body = "".join(_line("td", row) for row in rows)
        table = f"<table><thead>{head}</thead><tbody>{body}</tbody></table>"
        return f"<p>{escape(_title())}</p>{table}"

    def _rows(self):
        """(file's name or "", name, cells) for each lesson, and for all of them."""
        for name, each in self.done.items():
            yield lesson(name).stem, lesson(name).heading, _cells(each)
        yield "", say("all"), _cells(Done(*map(sum, zip(*self.done.values(), strict=True))))


class LessonProgress:
    """One lesson, in a line."""

    def __init__(self, numbers: Done):
        self.done = numbers

    def __repr__(self) -> str:
        return say(
            "Exercises passed: {passed} of {exercises}. Predictions committed: {committed} of "
            "{predictions}, right: {right}, skipped: {skipped}.",
            **self.done._asdict(),
        )

    def _repr_html_(self) -> str:
        return f"<p>{escape(repr(self))} {_link(LESSONS[0].stem, say('All lessons'))}</p>"


def my_progress() -> Progress:
    """What has been done so far in all lessons, as it stands in my/progress.json."""
    record = all_recorded()
    return Progress({each.name: done(each.name, record) for each in LESSONS})


def lesson_progress(name: str) -> LessonProgress:
    """What has been done so far in one lesson.

        >>> lesson_progress("heads")

    Raises:
        ValueError: there is no such lesson.
    """
    return LessonProgress(done(lesson(name).name, all_recorded()))


def _title():
    return say("What you have done so far. Run this again to see it as it is then.")


def _columns():
    return [
        say("lesson"),
        say("exercises passed"),
        say("predictions committed"),
        say("of these right"),
        say("skipped"),
    ]


def _cells(each):
    passed = say("{done} of {all}", done=each.passed, all=each.exercises)
    committed = say("{done} of {all}", done=each.committed, all=each.predictions)
    return [passed, committed, str(each.right), str(each.skipped)]


def _link(stem, name):
    if not stem:
        return escape(name)
    file = f"{stem}.ipynb"
    # A lesson in another language lies in a folder of that name; what it has not, lies one above.
    above = (LOCALE / Path.cwd().name).is_dir() and not Path(file).exists()
    return f'<a href="{"../" if above else ""}{file}">{escape(name)}</a>'


def _line(tag, cells):
    row = (
        f'<{tag} style="text-align: {"right" if place else "left"}">{cell}</{tag}>'
        for place, cell in enumerate(cells)
    )
    return f"<tr>{''.join(row)}</tr>"
