"""From a lesson to the slides of its deck: a notebook in, a notebook with slides out.

What becomes of a cell follows from what it is:

- a heading begins a section; core sections stand side by side, what is `more` hangs below;
- prose is cut down to its points (`prose`), and is whole in the presenter's notes;
- code, what it prints, its figures and widgets get slides of their own where they don't fit on one;
- a prediction is a poll before the cells that answer it, and stands once more after them, with the
  answer;
- an exercise is its task and the stub; hints and solution are in the notes;
- imports, and the code of widgets, are in the notes alone.

A cell whose metadata say `slideshow` is taken as it is: `slide` (beside), `subslide` (below), `-`
(on the slide before), `fragment` (the same, at the next press), `notes`, `skip`.
"""

import copy
import math
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from html import escape, unescape
from itertools import chain

from bs4 import BeautifulSoup
from nbformat import NotebookNode
from nbformat.v4 import new_code_cell, new_markdown_cell, new_output

from attnlib.course.language import ENGLISH, N_
from attnlib.course.lessons import exercise
from attnlib.course.wide import fill, width
from attnlib.course.widgets.asked import Asked, asked
from docs.alive import VIEW, Page, is_bar
from docs.slides import prose
from notebooks.badges import say

PARTS = {"core": N_("core"), "more": N_("more")}
CODE_LINES = 20  # of code and print together, in a type that is still read from behind
LINE = 102  # letters
PROSE_LINES = 12
PROSE_LINE = 70
PICTURE_LINES = 10
TABLE_ROWS = 8  # of prose
HTML_ROWS = 12  # of what a cell printed
LEAD = 140  # letters: prose up to here stands above the code that it leads to
CAPTION_LINES = 5
CODE_BESIDE = {"figure": 2, "output": 4}  # so many lines of code leave room for the result
ROWS_BESIDE = 9  # a table with more has a slide without code

PREDICTION = re.compile(r'^predict\("([\w.]+)"\)$')
TASK = re.compile(r'^exercise\("([\w.]+)"\)$')
CHECK = re.compile(r'^exercise\("[\w.]+"\)\.check\(', re.MULTILINE)


@dataclass
class Slide:
    """What is on it, and what the presenter says to it."""

    kind: str  # title, section, say, code, output, figure, widget, poll, task or own
    cells: list[NotebookNode]
    notes: list[str] = field(default_factory=list)
    more: bool = False


def storyboard(nb: NotebookNode) -> NotebookNode:
    """The notebook of the deck, with the slide types that nbconvert's SlidesExporter reads.

    Args:
        nb: a lesson, executed, with the state of its widgets.
    """
    deck = copy.deepcopy(nb)
    deck.cells = []
    for number, slide in enumerate(slides(nb)):
        deck.cells += _typed(slide, number)
    deck.metadata.pop("widgets", None)
    page = Page(nb)
    for cell in deck.cells:
        if "outputs" in cell:
            cell.outputs = [_alive(page, output) for output in cell.outputs]
    return deck


def _alive(page, output):
    if VIEW not in output.get("data", {}):
        return output
    return new_output("display_data", data={"text/html": page.html(output)})


def _typed(slide, number):
    first, *rest = slide.cells
    show = first.metadata.setdefault("slideshow", {})
    show["slide_type"] = "subslide" if slide.more else "slide"
    show["data"] = {"kind": slide.kind, "number": number}
    for cell in rest:
        cell.metadata.setdefault("slideshow", {}).setdefault("slide_type", "-")
    if slide.notes:
        notes = new_markdown_cell("\n\n".join(slide.notes))
        notes.metadata["slideshow"] = {"slide_type": "notes"}
        rest.append(notes)
    cells = [first, *rest]
    for place, cell in enumerate(cells):
        cell["id"] = f"slide-{number:03d}-{place}"
    return cells


def minutes(nb: NotebookNode, part: str | None = None) -> int:
    """How long a lesson takes, or its `core`."""
    cells = (cell.metadata for cell in nb.cells if part in (None, cell.metadata.get("part")))
    return sum(each.get("minutes", 0) for each in cells)


def slides(nb: NotebookNode) -> list[Slide]:
    """All slides of a lesson, in order."""
    return _Teller(nb).told()


class _Teller:
    """Goes through the cells once, and remembers what is still to be said."""

    def __init__(self, nb):
        self.nb, self.language = nb, nb.metadata.get("language", ENGLISH)
        self.slides: list[Slide] = []
        self.section, self.more = "", False
        self.head = ""  # of a section without a word of its own: on the slide that comes
        self.lead = ""  # short prose that waits for its code
        self.kept: list[str] = []  # notes that wait for a slide
        self.asked: list[Asked] = []  # polls that wait for their answer
        self.ran = False  # any code since

    def told(self):
        for cell in self.nb.cells:
            kind = cell.metadata.get("slideshow", {}).get("slide_type")
            if kind and kind != "skip":
                self.as_it_is(cell, kind)
            elif not kind and cell.source.strip():
                (self.prose if cell.cell_type == "markdown" else self.code)(cell)
        self.settle()
        self.say_lead()
        if self.kept:
            self.slides[-1].notes += self.kept
        return self.slides

    def add(self, kind, *cells, notes=()):
        if kind not in ("title", "section"):
            running = f'<p class="running">{marked(self.section)}</p>'
            head = self.head if kind != "widget" else ""  # it needs the room
            cells = (new_markdown_cell(head or running), *cells)
        self.head = ""
        slide = Slide(kind, list(cells), [*self.kept, *notes], self.more and kind != "title")
        self.kept = []
        self.slides.append(slide)

    def as_it_is(self, cell, kind):
        cell = copy.deepcopy(cell)
        if kind == "notes":
            self.slides[-1].notes.append(cell.source)
            return
        self.say_lead()
        self.ran = self.ran or cell.cell_type == "code"
        if kind in ("slide", "subslide"):
            self.slides.append(Slide("own", [cell], self.kept, kind == "subslide"))
            self.kept = []
        else:
            self.slides[-1].cells.append(cell)

    # Prose

    def prose(self, cell):
        if self.ran or cell.source.startswith("#"):
            self.settle()
        self.say_lead()
        if cell.source.startswith("#"):
            self.heading(cell)
            return
        points = prose.points(cell.source)
        if width(points) <= LEAD and "\n\n" not in points:
            self.lead = points
            self.kept.append(cell.source)
        else:
            self.pages("say", points, [cell.source])

    def heading(self, cell):
        line, _, text = cell.source.partition("\n")
        level, _, self.section = line.partition(" ")
        self.more = cell.metadata.get("part") == "more"
        if level == "#":
            self.slides_of_title(text.strip())
            return
        takes, part = cell.metadata.get("minutes", 0), cell.metadata.get("part", "core")
        takes = self.takes(takes, part)
        head = f'## {self.section}\n\n<p class="takes">{takes}</p>'
        text = text.strip()
        if points := prose.points(text):
            self.pages("section", points, [text], head)
            return
        self.head = head
        if text:
            self.kept.append(text)

    def takes(self, minutes, part):
        """ "2 minutes · core" """
        part = say(PARTS[part], self.language)
        if not minutes:
            return part
        message = N_("{minutes} minute · {part}")
        if minutes != 1:
            message = N_("{minutes} minutes · {part}")
        return say(message, self.language, minutes=minutes, part=part)

    def slides_of_title(self, text):
        question, *_ = [block for block in prose.blocks(text) if block.startswith("**")] or [""]
        all_of_it, core = minutes(self.nb), minutes(self.nb, "core")
        told = say(
            "{minutes} minutes, {core} of them the core",
            self.language,
            minutes=all_of_it,
            core=core,
        )
        head = f'# {self.section}\n\n{question}\n\n<p class="takes">{told}</p>'
        self.add("title", new_markdown_cell(head), notes=[text])

    def pages(self, kind, points, notes, head=""):
        """One slide, or more where the points are many; the notes go with the first."""
        pages = [*paged(points)] or [""]
        for place, page in enumerate(pages):
            if place:
                kind, head = "say", ""
            text = f"{head}\n\n{page}".strip()
            self.add(kind, new_markdown_cell(text), notes=notes if not place else ())

    def say_lead(self):
        """Short prose that no code came after has a slide of its own."""
        if self.lead:
            lead, self.lead = self.lead, ""
            self.add("say", new_markdown_cell(lead))

    # Code

    def code(self, cell):
        if match := PREDICTION.match(cell.source):
            self.ask(asked(match[1]).said())
            return
        self.ran = True
        if match := TASK.match(cell.source):
            self.say_lead()
            self.task(cell, match[1])
        elif CHECK.search(cell.source):
            self.stub(cell)
        elif _sets_up(cell):
            self.kept.append(f"{say('Set up:', self.language)}\n\n{fenced(cell.source)}")
        else:
            self.run(cell)

    def ask(self, poll):
        if self.ran:
            self.settle()
        self.say_lead()
        self.asked.append(poll)
        self.ran = False
        told = {"answer": poll.answer, "because": poll.because}
        notes = [
            say(
                "Hands up for each letter; write the numbers on the board. Tell nothing. To let "
                "them talk: one minute with a neighbour, then hands up again. Then run.",
                self.language,
            ),
            say("Answer: {answer}. {because}", self.language, **told),
        ]
        self.add("poll", before(poll, self.language), notes=notes)

    def settle(self):
        """The polls whose run has been shown, once more, and now with the answer: no vote."""
        for poll in self.asked:
            said = say(
                "What has the run said? Press once more for the answer: {answer}.",
                self.language,
                answer=poll.answer,
            )
            self.add("poll", after(poll, self.language), notes=[said])
        self.asked, self.ran = [], False

    def task(self, cell, key):
        text = "".join(output.data["text/plain"] for output in cell.outputs)
        notes = [fenced(cell.source), *_help(key, self.language)]
        self.add("task", new_markdown_cell(f"<pre>{escape(text)}</pre>"), notes=notes)

    def stub(self, cell):
        """On the slide of the task, if it fits there. What the check says of a stub is left out."""
        stub = _part(cell, source=cell.source)
        task = self.slides[-1].cells[-1].source.splitlines()
        if len(task) + len(cell.source.splitlines()) <= CODE_LINES:
            self.slides[-1].cells.append(stub)
        else:
            self.add("code", stub)

    def run(self, cell):
        found = _Outputs(self.nb, cell)
        if found.shown:
            self.lead = ""
            self.kept.append(fenced(cell.source))
            self.widget(found)
            return
        code = [_part(cell, source=cell.source)]
        if self.lead:
            code.insert(0, new_markdown_cell(self.lead))
            self.lead = ""
        if found.text and not found.rich and lines_of(f"{cell.source}\n{found.text}") <= CODE_LINES:
            code.append(_part(cell, [printed(*text_pages(found.text))]))
            found.text = ""
        if not (len(found.rich) == 1 and lines_of(cell.source) <= _beside(*found.rich)):
            self.add("code", *code)
            code = []
        self.results(found, code)

    def results(self, found, code):
        """Texts, figures and tables, the first of them below what is left of the code."""
        caption = found.text if found.rich and lines_of(found.text) <= CAPTION_LINES else ""
        if found.text and not caption:
            for page in text_pages(found.text):
                self.add("output", _part(found.cell, [printed(page)]))
        for output in chain.from_iterable(map(table_pages, found.rich)):
            told = [_caption(caption)] if caption else []
            self.add(_kind(output), *code, *told, _part(found.cell, [output]))
            caption, code = "", []

    def widget(self, found):
        for output in found.shown:
            self.add("widget", _part(found.cell, [output]))


class _Outputs:
    """What a cell gave: `text`, `rich` (figures, HTML) and `shown` (widgets)."""

    def __init__(self, nb, cell):
        self.cell, self.text, self.rich, self.shown = cell, "", [], []
        for output in cell.outputs:
            data = output.get("data", {})
            if is_bar(output):
                continue
            if VIEW in data:
                self.shown.append(output)
            elif "image/png" in data or "text/html" in data:
                self.rich.append(output)
            elif output.output_type == "error":
                self.text += f"{output.ename}: {output.evalue}\n"
            else:
                self.text += output.get("text", "") or data.get("text/plain", "")
        self.text = self.text.rstrip()


def before(poll: Asked, language: str = ENGLISH) -> NotebookNode:
    """The question and its choices. Whether they talk first, the lecturer says."""
    head = f"<h2>{say('Predict: hands up', language)}</h2>"
    return new_markdown_cell(
        f'{head}<p class="question">{escape(poll.question)}</p>{_choices(poll)}'
    )


def after(poll: Asked, language: str = ENGLISH) -> NotebookNode:
    """The same; at the next press, the answer."""
    answer = f"<strong>{poll.answer}.</strong> {escape(poll.because)}"
    return new_markdown_cell(
        f"<h2>{say('After the run: which was right?', language)}</h2>"
        f'<p class="question">{escape(poll.question)}</p>'
        f"{_choices(poll, reveal=True)}"
        f'<p class="fragment then" data-fragment-index="0">{answer}</p>'
    )


def _choices(poll, reveal=False):
    mark = ' class="fragment custom right" data-fragment-index="0"'
    items = (
        f"<li{mark if reveal and place == poll.place else ''}>{escape(choice)}</li>"
        for place, choice in enumerate(poll.choices)
    )
    return f'<ol type="a">{"".join(items)}</ol>'


def paged(points: str) -> Iterator[str]:
    """The points on as many slides as they need."""
    page, room = [], PROSE_LINES
    for block in chain.from_iterable(map(_rows_apart, prose.blocks(points))):
        lines = sum(math.ceil(width(line) / PROSE_LINE) for line in block.splitlines()) + 0.5
        lines = PICTURE_LINES if block.startswith("!") else lines
        if page and lines > room:
            yield "\n\n".join(page)
            page, room = [], PROSE_LINES
        page.append(block)
        room -= lines
    if page:
        yield "\n\n".join(page)


def _rows_apart(block):
    """A long table as several, each with the head."""
    if not block.startswith("|"):
        return [block]
    names, rule, *rows = block.splitlines()
    count = math.ceil(len(rows) / TABLE_ROWS)
    size = math.ceil(len(rows) / count)
    parts = (rows[start : start + size] for start in range(0, len(rows), size))
    return ["\n".join([names, rule, *part]) for part in parts]


def marked(heading: str) -> str:
    """A heading as HTML: escaped, but for the marks of a language."""
    mark = r"&lt;(/span|span lang=&quot;[\w-]+&quot;)&gt;"
    return re.sub(mark, lambda match: unescape(match[0]), escape(heading))


def lines_of(text: str) -> int:
    """How many lines it takes on a slide."""
    return sum(max(1, math.ceil(width(line) / LINE)) for line in text.splitlines())


def text_pages(text: str) -> list[str]:
    """A long print in equal pages, its long lines folded."""
    lines = [part for line in text.splitlines() for part in _folded(line)]
    count = math.ceil(len(lines) / CODE_LINES)
    size = math.ceil(len(lines) / count)
    return ["\n".join(lines[start : start + size]) for start in range(0, len(lines), size)]


def _kind(output):
    return "figure" if "image/png" in output.data else "output"


def _beside(output):
    """How many lines of code may stand on its slide."""
    rows = output.data.get("text/html", "").count("<tr")
    return CODE_BESIDE[_kind(output)] if rows <= ROWS_BESIDE else 0


def table_pages(output: NotebookNode) -> list[NotebookNode]:
    """Tables with a head, each by itself and in parts of few rows; any other output as it is."""
    html = output.data.get("text/html", "")
    tables = BeautifulSoup(html, "html.parser").select("table:has(> thead)")
    if not tables:
        return [output]
    pages = []
    for table in tables:
        rows = len(table.tbody("tr"))
        size = math.ceil(rows / math.ceil(rows / HTML_ROWS))
        for start in range(0, rows, size):
            part = BeautifulSoup(str(table.parent), "html.parser")  # with its title and legend
            for place, row in enumerate(part.table.tbody("tr")):
                if not start <= place < start + size:
                    row.decompose()
            pages.append(new_output("display_data", data={"text/html": str(part)}))
    return pages


def _folded(line):
    return fill(line, LINE, subsequent_indent="    ").split("\n") if width(line) > LINE else [line]


def printed(text: str) -> NotebookNode:
    return new_output("stream", name="stdout", text=text + "\n")


def fenced(source: str) -> str:
    return f"```python\n{source}\n```"


def _part(cell, outputs=(), source=""):
    """A cell that shows only this of another."""
    return new_code_cell(source, outputs=list(outputs), execution_count=cell.execution_count)


def _caption(text):
    lines, kind = text.splitlines(), "told"
    if "  " in text:
        lines, kind = chain.from_iterable(map(_folded, lines)), "told columns"
    return new_markdown_cell(f'<p class="{kind}">{"<br>".join(map(escape, lines))}</p>')


def _sets_up(cell):
    """Imports, settings, and nothing to see."""
    return not cell.outputs and cell.source.startswith(("import ", "from "))


def _help(key, language):
    """Hints and solution of an exercise, for the notes."""
    task = exercise(key)
    # As HTML: in Markdown, branches[g](x[start:stop]) is a link.
    hints = "".join(f"<li>{escape(hint)}</li>" for hint in task.hints)
    return [
        f"{say('Hints:', language)}\n\n<ol>{hints}</ol>",
        f"{say('Solution:', language)}\n\n{fenced(task.solved().strip())}",
    ]
