"""A class's numbers as a page that a lecturer can show: no script, nothing from elsewhere."""

from collections.abc import Iterator
from html import escape
from pathlib import Path

from attnlib.course.language import language, say
from attnlib.course.manifest import LESSONS, Lesson
from attnlib.course.progress.mistakes import commonest, told
from attnlib.course.progress.sums import Chosen, Sum, Worked
from attnlib.course.widgets.asked import LETTERS
from attnlib.course.widgets.questions.languages import tag

CSS = Path(__file__).with_name("page.css")
MISTAKES = 3  # of each exercise


def page(found: Sum, above: str = "") -> str:
    """The page, as HTML.

    Args:
        above: HTML that is to stand at its top.
    """
    title = say("What the class has done")
    begun = [each for each in LESSONS if _is_begun(found, each)]
    parts = [
        *filter(None, [above]),
        f"<h1>{escape(title)}</h1>",
        _quiet(
            say(
                "Readers: {count}. Green: passed, or the right choice. Yellow: tried, and not "
                "passed yet. Of each lesson first the exercises passed, of all of its exercises "
                "and all readers.",
                count=found.readers,
            )
        ),
        *(part for each in begun for part in _overview(found, each)),
        *(part for each in begun for part in _section(found, each)),
    ]
    return (
        f'<!doctype html>\n<html lang="{tag(language())}">\n'
        '<meta charset="utf-8">\n<meta name="viewport" content="width=device-width">\n'
        f"<title>{escape(title)}</title>\n<style>\n{CSS.read_text(encoding='utf-8')}</style>\n"
        f"<body>\n{chr(10).join(parts)}\n</body>\n</html>\n"
    )


def _is_begun(found, lesson):
    worked, chosen = _of(found, lesson)
    return any(each.tried or each.hints or each.passed for each in worked.values()) or any(
        each.answered for each in chosen.values()
    )


def _of(found: Sum, lesson: Lesson) -> tuple[dict[str, Worked], dict[str, Chosen]]:
    """The exercises and the predictions of a lesson."""
    return tuple(
        {key: each for key, each in all_of_it.items() if key.startswith(f"{lesson.name}.")}
        for all_of_it in (found.exercises, found.predictions)
    )


def _overview(found, lesson):
    """What of a lesson has passed: of all its exercises, of all readers."""
    worked, _ = _of(found, lesson)
    share = sum(each.passed for each in worked.values()) / (len(worked) * found.readers)
    link = f'<a href="#{lesson.name}">{escape(lesson.heading)}</a>'
    yield _row(link, _percent(share), [("right", share)])


def _section(found, lesson) -> Iterator[str]:
    worked, chosen = _of(found, lesson)
    yield f'<section id="{lesson.name}">\n<h2>{escape(lesson.heading)}</h2>'
    for key, each in worked.items():
        yield from _exercise(key, each, found.readers)
    for each in chosen.values():
        yield from _prediction(each)
    yield "</section>"


def _exercise(key, each, readers):
    passed, tried = each.passed / readers, each.tried / readers
    name = f"<h3><code>{escape(key.partition('.')[2])}</code></h3>"
    yield _row(name, _percent(passed), [("right", passed), ("tried", max(0, tried - passed))])
    yield _quiet(
        say(
            "Passed: {passed} of {readers}. Tried: {tried}. "
            "All tries: {tries}. All hints: {hints}.",
            passed=each.passed,
            readers=readers,
            tried=each.tried,
            tries=each.tries,
            hints=each.hints,
        )
    )
    if each.mistakes:
        items = (
            f"<li><b>{times} ×</b><span>{escape(told(kind))}</span></li>"
            for kind, times in commonest(each.mistakes)[:MISTAKES]
        )
        yield f'<ol class="mistakes">{"".join(items)}</ol>'


def _prediction(each):
    ask = each.ask.said()
    yield f"<h3>{escape(ask.question)}</h3>"
    yield _quiet(say("Committed or skipped: {count}.", count=each.answered))
    rows = [
        _choice(choice, count, each, letter == ask.answer)
        for letter, choice, count in zip(LETTERS, ask.lettered, each.counts, strict=False)
    ]
    rows.append(_choice(say("skipped"), each.skipped, each, False))
    yield f'<ol class="choices">{"".join(f"<li>{row}</li>" for row in rows)}</ol>'


def _choice(text, count, each, is_right):
    share = count / max(each.answered, 1)
    kind = "right" if is_right else ""
    return _row(f"{escape(text)}{' ✓' if is_right else ''}", _percent(share), [(kind, share)])


def _row(head, share, bars):
    parts = "".join(f'<i class="{kind}" style="width: {part:.1%}"></i>' for kind, part in bars)
    return (
        f'<div class="row"><div>{head}</div><div class="share">{share}</div>'
        f'<div class="bar">{parts}</div></div>'
    )


def _percent(share):
    return say("{share:.0%}", share=share)


def _quiet(text):
    return f'<p class="quiet">{escape(text)}</p>'
