"""From a lesson to its deck: nothing is lost, and what a presenter needs is there."""

import base64
import re

import pytest
from bs4 import BeautifulSoup
from hypothesis import given
from hypothesis import strategies as st
from nbformat import NotebookNode
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook, new_output

from attnlib.course.manifest import LESSONS as COURSE
from attnlib.course.manifest import Lesson
from attnlib.course.widgets.asked import Asked, asked
from docs.alive import STATE, VIEW
from docs.slides import __main__ as making
from docs.slides import prose
from docs.slides.deck import deck, index, page, relink
from docs.slides.storyboard import (
    CODE_LINES,
    HTML_ROWS,
    ROWS_BESIDE,
    TABLE_ROWS,
    after,
    before,
    minutes,
    slides,
    storyboard,
)
from notebooks.execute import HERE, LESSONS, read

PNG = base64.b64encode(b"no real picture").decode()
ASK, ASK_MORE = 'predict("heads.keys_of_head_1")', 'predict("heads.merge_of_columns")'
FIRST, SECOND = asked("heads.keys_of_head_1"), asked("heads.merge_of_columns")


def said(text: str, **metadata) -> NotebookNode:
    return new_markdown_cell(text, metadata=metadata)


def headed(text: str, minutes: int = 3, part: str = "core") -> NotebookNode:
    return said(text, minutes=minutes, part=part)


def ran(source: str, *outputs: NotebookNode, **metadata) -> NotebookNode:
    return new_code_cell(source, outputs=list(outputs), execution_count=1, metadata=metadata)


def prints(text: str) -> NotebookNode:
    return new_output("stream", name="stdout", text=text)


def shows(**data: str) -> NotebookNode:
    kinds = {"png": "image/png", "html": "text/html", "text": "text/plain"}
    return new_output("display_data", data={kinds[kind]: value for kind, value in data.items()})


def lesson(*cells: NotebookNode) -> NotebookNode:
    title = headed("# 99 · A lesson\n\n**The question.** *What is it?*\n\nWords.", minutes=1)
    return new_notebook(cells=[title, *cells])


def of_kind(nb: NotebookNode, kind: str) -> list:
    return [slide for slide in slides(nb) if slide.kind == kind]


def on(slide) -> str:
    """All that stands on a slide, as text."""
    parts = [cell.source for cell in slide.cells]
    for cell in slide.cells:
        for output in cell.get("outputs", ()):
            parts.append(output.get("text", "") or str(output.get("data", "")))
    return "\n".join(parts)


def noted(nb: NotebookNode) -> str:
    return "\n".join(note for slide in slides(nb) for note in slide.notes)


# ---- Polls


def test_a_prediction_is_a_poll_before_the_run_and_again_after_it():
    nb = lesson(ran(ASK), ran("x = 1", prints("1")), said("**So it is.** " * 40))
    assert [slide.kind for slide in slides(nb)][1:] == ["poll", "code", "poll", "say"]


def test_the_answer_comes_after_the_run_and_only_when_a_key_is_pressed():
    first, last = of_kind(lesson(ran(ASK), ran("x = 1", prints("1"))), "poll")
    for slide in (first, last):
        assert FIRST.question in on(slide)
        assert tuple(re.findall("<li[^>]*>([^<]+)</li>", on(slide))) == FIRST.choices
        assert '<ol type="a">' in on(slide)
    assert FIRST.because not in on(first)
    assert f"Answer: {FIRST.answer}. {FIRST.because}" in "".join(first.notes)
    (right,) = re.findall('<li class="fragment[^>]*>([^<]+)', on(last))
    assert right == FIRST.choices[FIRST.place]
    (answer,) = re.findall('<p class="fragment.*?</p>', on(last))
    assert f"<strong>{FIRST.answer}.</strong> {FIRST.because}" in answer


def test_no_vote_is_asked_for_once_the_run_is_seen_and_before_it_one_wording_fits_all():
    first, last = of_kind(lesson(ran(ASK), ran("x = 1", prints("1"))), "poll")
    assert "hands up" in on(first) and "fragment" not in on(first)
    assert not re.search("neighbour|minute", on(first)), "the lecturer says whether they talk"
    assert not re.search("hands|say now|discuss|chang", on(last) + "".join(last.notes))


def test_two_predictions_in_a_row_are_both_answered_after_the_run():
    nb = lesson(ran(ASK), ran(ASK_MORE), said("Now run it."), ran("x = 1", prints("1")))
    found = [on(slide) for slide in slides(nb) if slide.kind in ("poll", "code")]
    marks = {FIRST.question: "first", SECOND.question: "second", "x = 1": "run"}
    what = [mark for text in found for words, mark in marks.items() if words in text]
    assert what == ["first", "second", "run", "first", "second"]


def test_the_next_prediction_or_section_first_answers_the_last():
    for next_one in (ran(ASK_MORE), headed("## Another")):
        nb = lesson(ran(ASK), ran("x = 1", prints("1")), next_one)
        kinds = [slide.kind for slide in slides(nb)]
        assert kinds[1:4] == ["poll", "code", "poll"]
        assert FIRST.because in on(slides(nb)[3])


def test_what_a_poll_says_cannot_become_html():
    poll = Asked("a < b?", ("<b>", "no"), "a", "a & b")
    assert "a &lt; b?" in before(poll).source
    assert "&lt;b&gt;" in after(poll).source and "a &amp; b" in after(poll).source


# ---- Prose


def test_the_notes_hold_the_whole_prose_and_the_slide_its_points():
    text = "It begins so. " + "More is said about it. " * 20 + "But **this counts**."
    (slide,) = of_kind(lesson(said(text)), "say")
    assert "It begins so. But **this counts**." in on(slide)
    assert "More is said" not in on(slide)
    assert slide.notes == [text]


def test_little_prose_stays_whole_and_short_prose_stands_above_its_code():
    little = "One thing is said here. " * 8
    assert little.strip() in on(of_kind(lesson(said(little)), "say")[0])
    (slide,) = of_kind(lesson(said("Now the code:"), ran("x = 1")), "code")
    assert [cell.source for cell in slide.cells[1:]] == ["Now the code:", "x = 1"]


CHINESE = '<div lang="zh-Hans">\n\n{}\n\n</div>'


def test_what_is_told_in_a_language_stays_so_when_slides_part_it():
    long = "一句话很长，" * 30
    text = CHINESE.format(f"**甲。** {long}。后面。**这个**。\n\n- 乙\n- 丙\n\n> 丁")
    parts = [
        CHINESE.format(f"**甲。** {long}。**这个**。"),
        CHINESE.format("- 乙\n- 丙"),
        CHINESE.format("> 丁"),
    ]
    assert prose.blocks(f"One.\n\n{text}\n\nTwo.")[2:] == [*parts[1:], "Two."]
    assert prose.points(f"{text}\n\n{'Long. ' * 60}") == "\n\n".join([*parts, "Long."])


def test_the_running_head_says_its_language():
    nb = lesson(headed('## <a> & (<span lang="zh-Hans">效果</span>)'), ran("x = 1"), ran("y = 2"))
    assert '<p class="running">&lt;a&gt; &amp; (<span lang="zh-Hans">效果</span>)</p>' in on(
        slides(nb)[-1]
    )


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        ("A. B.", ["A.", "B."]),
        ("See `a. B` and $x. Y$ here. Then [b. C](d.e) there.", 2),
        ("Vaswani et al. 2017 said it. Others too.", 2),
        ("**How to read it.** Down are queries.", 2),
        ('He said "no." She left (soon. Or so). End.', 3),
        ("一句话。又一句。", ["一句话。", "又一句。"]),
    ],
)
def test_sentences(text, wanted):
    found = prose.sentences(text)
    assert found == wanted if isinstance(wanted, list) else len(found) == wanted


def test_points_keep_labels_and_questions_with_what_follows_them():
    long = " It goes on and on, for quite a while, as prose does." * 8
    assert prose.points(f"**How to read it.** Down are queries.{long}") == (
        "**How to read it.** Down are queries."
    )
    assert prose.points(f"Why is that? Because it is cheap.{long}") == (
        "Why is that? Because it is cheap."
    )


@given(
    words=st.lists(st.sampled_from(["What", "to", "read", "It"]), min_size=1), many=st.booleans()
)
def test_a_label_of_any_length_never_stands_alone(words, many):
    label = f"{'- ' * many}**{' '.join(words)}.**"
    text = f"{label} It says this. {'And more. ' * 40}"
    assert prose.points(text) == f"{label} It says this."


def test_points_keep_formulas():
    formula = "So the output is $a \\cdot b. C$, always."
    text = f"It is one formula. {'And more. ' * 40}{formula} {'And more. ' * 40}"
    assert prose.points(text) == f"It is one formula. {formula}"


def test_points_leave_out_what_only_a_lone_reader_needs():
    text = 'Stuck? `exercise("1").hint()`.\n\n(An aside.)\n\nBut this.\n\n<small>Photo: me</small>'
    assert prose.points(text) == "But this."
    answer = "<details><summary>Answer</summary>Yes.</details>"
    assert prose.points(f"Is it so?\n\n{answer}") == "Is it so?"


def test_points_keep_tables_and_shorten_each_item_of_a_list():
    table = "| a | b |\n|---|---|\n" + "| long enough to count | indeed |\n" * 10
    items = "\n".join(f"- **Item {n}.** It is so. {'And more. ' * 15}" for n in range(3))
    kept = prose.points(f"{table}\n\n{items}")
    assert table.strip() in kept
    assert kept.endswith("- **Item 2.** It is so.")
    assert "And more" not in kept


def test_a_long_table_is_cut_and_each_part_has_the_head():
    rows = [f"| {n} | is row {n} |" for n in range(TABLE_ROWS + 1)]
    found = slides(lesson(said("\n".join(["| n | what |", "|---|---|", *rows]))))[1:]
    assert len(found) == 2
    assert all("| n | what |\n|---|---|" in on(slide) for slide in found)
    assert all(row in on(found[0]) + on(found[1]) for row in rows)


def test_a_picture_leaves_no_room_for_a_table():
    table = "\n".join(["| n | what |", "|---|---|", *["| 1 | is a row |"] * 6])
    picture, rows = of_kind(lesson(said(f"![map](a.svg)\n\n{table}")), "say")
    assert "a.svg" in on(picture) and "is a row" not in on(picture)
    assert "is a row" in on(rows)


# ---- Code


def test_code_and_what_it_prints_share_a_slide_if_they_fit():
    (slide,) = of_kind(lesson(ran("print(1)", prints("1\n"))), "code")
    assert "print(1)" in on(slide) and "1\n" in on(slide)


def test_a_long_print_is_cut_in_pages_and_no_line_of_it_is_lost():
    lines = [f"line {n} " + "x" * n for n in range(3 * CODE_LINES)]
    nb = lesson(ran("print(lines)", prints("\n".join(lines))))
    pages = of_kind(nb, "output")
    assert len(pages) > 2
    texts = [cell.outputs[0].text for page in pages for cell in page.cells if "outputs" in cell]
    assert all(len(text.splitlines()) <= CODE_LINES for text in texts)
    assert " ".join(texts).split() == " ".join(lines).split()


def test_a_figure_has_a_slide_of_its_own_with_its_sentence():
    nb = lesson(ran("a\nb\nc", prints("It shows this.\n"), shows(png=PNG)))
    code, figure = slides(nb)[1:]
    assert (code.kind, figure.kind) == ("code", "figure")
    assert "It shows this." in on(figure) and PNG in on(figure)
    assert "a\nb\nc" not in on(figure)


def test_a_long_table_of_html_is_cut_and_others_are_not():
    row = "<tr><td>{}</td></tr>"
    rows = "".join(row.format(f"row {n}") for n in range(HTML_ROWS + 1))
    head = "<thead><tr><th>what</th></tr></thead>"
    table = f"<div><b>Title</b><table>{head}<tbody>{rows}</tbody></table></div>"
    nb = lesson(ran("x", shows(html=table)))
    pages = of_kind(nb, "output")
    assert len(pages) == 2
    assert all("Title" in on(page) and "what" in on(page) for page in pages)
    found = re.findall(r"row \d+", on(pages[0]) + on(pages[1]))
    assert found == [f"row {n}" for n in range(HTML_ROWS + 1)]
    headless = lesson(ran("x", shows(html=f"<table><tbody>{rows}</tbody></table>")))
    assert len(of_kind(headless, "output")) == 1


def test_above_a_long_table_stands_no_code():
    def with_rows(count):
        table = f"<table><tbody>{'<tr><td>1</td></tr>' * count}</tbody></table>"
        return [slide.kind for slide in slides(lesson(ran("x", shows(html=table))))]

    assert with_rows(ROWS_BESIDE) == ["title", "output"]
    assert with_rows(ROWS_BESIDE + 1) == ["title", "code", "output"]


def test_imports_are_in_the_notes_alone():
    nb = lesson(ran("import torch\n\ntorch.manual_seed(0)"), ran("x = 1"))
    assert "import torch" in noted(nb)
    assert not any("import torch" in on(slide) for slide in slides(nb))


def test_a_task_shows_its_stub_and_keeps_its_solution_for_the_notes():
    check = 'exercise("two_cousins.same_segment").check(f)'
    stub = f"def same_segment(length, segment_length):\n    pass\n\n\n{check}"
    task = shows(text="Exercise two_cousins.same_segment\nWrite <it>.")
    (slide,) = of_kind(
        lesson(ran('exercise("two_cousins.same_segment")', task), ran(stub, shows(text="✘"))),
        "task",
    )
    assert "Write &lt;it&gt;." in on(slide) and "pass" in on(slide) and "✘" not in on(slide)
    notes = "\n".join(slide.notes)
    assert "Solution:" in notes and "def same_segment" in notes and "Hints:\n\n<ol><li>" in notes
    assert "Solution" not in on(slide)


# ---- Widgets


def test_a_widget_lives_on_its_slide_and_its_code_is_in_the_notes():
    model = {"model_module": "anywidget", "model_name": "AnyModel", "state": {"_esm": "code"}}
    view = new_output("execute_result", execution_count=1)
    view.data = {VIEW: {"model_id": "live"}, "text/plain": "a widget"}
    view.data |= {"text/html": "still", "image/png": PNG}
    nb = lesson(ran("view(map)", view))
    nb.metadata["widgets"] = {STATE: {"state": {"live": model}}}
    board = storyboard(nb)
    (html,) = (
        output.data["text/html"] for cell in board.cells for output in cell.get("outputs", [])
    )
    assert 'data-model="live"' in html and "still" not in html
    assert PNG not in str(board)
    assert "widgets" not in board.metadata
    assert "view(map)" in noted(nb)


# ---- The deck


def types(nb: NotebookNode) -> list[str]:
    return [cell.metadata["slideshow"]["slide_type"] for cell in storyboard(nb).cells]


def test_the_core_stands_side_by_side_and_more_hangs_below():
    nb = lesson(
        headed("## First\n\nSaid."),
        headed("## Extra\n\nSaid.", part="more"),
        ran("x = 1"),
        headed("## Last\n\nSaid."),
    )
    starts = [kind for kind in types(nb) if "slide" in kind]
    assert starts == ["slide", "slide", "subslide", "subslide", "slide"]


def test_a_section_says_how_long_it_takes():
    (slide,) = of_kind(lesson(headed("## First\n\nSaid.", minutes=1)), "section")
    assert "## First" in on(slide) and "1 minute · core" in on(slide)
    nb = lesson(headed("## First\n\nSaid.", 4), headed("## Extra\n\nSaid.", 5, "more"))
    assert (minutes(nb), minutes(nb, "core")) == (10, 5)
    assert "10 minutes, 5 of them the core" in on(slides(nb)[0])


def test_a_section_without_words_is_a_heading_on_the_next_slide():
    (slide,) = slides(lesson(headed("## First"), ran("x = 1")))[1:]
    assert "## First" in on(slide) and "x = 1" in on(slide)
    aside = "<small>● core · 3 min</small>"
    (slide,) = slides(lesson(headed(f"## First\n\n{aside}"), ran("x = 1")))[1:]
    assert "## First" in on(slide) and "x = 1" in on(slide) and slide.notes == [aside]


def test_a_widget_leaves_no_room_for_such_a_heading():
    view = new_output("display_data", data={VIEW: {}, "text/html": "still"})
    (slide,) = slides(lesson(headed("## First"), ran("view(map)", view)))[1:]
    assert slide.cells[0].source == '<p class="running">First</p>'


def test_what_the_metadata_say_wins():
    def told(kind):
        return said("Whole. " * 60, slideshow={"slide_type": kind})

    for kind, wanted in (("slide", "slide"), ("subslide", "subslide"), ("-", "-")):
        assert types(lesson(told(kind)))[-1 if kind != "-" else 1] == wanted
        assert any("Whole. " * 60 in on(slide) + " " for slide in slides(lesson(told(kind))))
    assert "fragment" in types(lesson(told("fragment")))
    assert "Whole." in slides(lesson(told("notes")))[0].notes[-1]
    assert "Whole." not in str(storyboard(lesson(told("skip"))).cells)


@pytest.mark.parametrize("path", sorted(HERE.glob(LESSONS)), ids=lambda path: path.stem)
def test_no_cell_of_a_lesson_is_lost(path):
    nb = read(path)
    shown = "\n".join(on(slide) for slide in slides(nb)) + noted(nb)
    for cell in nb.cells:
        if cell.metadata.get("slideshow", {}).get("slide_type") == "skip":
            continue
        if cell.cell_type == "markdown":
            line, _, rest = cell.source.partition("\n")
            text = rest.strip() if line.startswith("#") else cell.source
        elif cell.source.startswith("predict("):
            continue  # a poll: counted below
        else:
            text = cell.source
        assert text in shown, text[:80]
    asked = sum(cell.source.startswith("predict(") for cell in nb.cells)
    assert asked
    assert len(of_kind(nb, "poll")) == 2 * asked


FORMULA = re.compile(r"\$\$?[^$]+\$\$?")


@pytest.mark.parametrize("path", sorted(HERE.glob(LESSONS)), ids=lambda path: path.stem)
def test_every_formula_of_a_lesson_is_on_a_slide_and_no_slide_is_a_bare_heading(path):
    nb = read(path)
    shown = "\n".join(map(on, slides(nb)))
    for cell in nb.cells:
        if cell.cell_type == "markdown" and "slideshow" not in cell.metadata:
            assert [each for each in FORMULA.findall(cell.source) if each not in shown] == []
    for slide in slides(nb)[1:]:
        text = "\n\n".join(cell.source for cell in slide.cells)
        said = [each for each in prose.blocks(text) if not each.startswith(("#", "<p class="))]
        assert said or any(cell.get("outputs") for cell in slide.cells), text
        assert [each for each in said if prose.LABEL.fullmatch(each)] == []


def test_the_formula_of_lesson_00_is_drawn_on_its_slide():
    html = deck(storyboard(read(HERE / f"{COURSE[0].stem}.ipynb")), "00")
    body = BeautifulSoup(html, "html.parser").select_one(".slides")
    for notes in body.select("aside.notes"):
        notes.decompose()
    formula = r"$\mathrm{softmax}(\mathrm{scale} \cdot QK^\top + \mathrm{bias})\,V$"
    assert formula in body.get_text(), "between these marks MathJax draws it"
    assert 'inlineMath: [["$", "$"]]' in html and "assets/mathjax/" in html


def test_a_deck_holds_slides_and_notes_and_loads_nothing_from_elsewhere():
    nb = lesson(said("Long. " * 80), ran("x = 1", prints("one")), ran(ASK))
    html = deck(storyboard(nb), "99 · A lesson")
    assert html.count('<aside class="notes">') == 4
    assert html.count('data-kind="poll"') == 4, "on the slide, and on the stack that it opens"
    assert "<title>99 · A lesson slides</title>" in html
    loaded = re.findall(r'<(?:script|link|img)[^>]+(?:src|href)="([^"]+)"', html)
    assert "assets/deck.js" in loaded
    assert all(address.startswith(("assets/", "data:")) for address in loaded)


def test_links_lead_to_decks_or_nowhere():
    text = "[10](10_learning.ipynb), [words](../docs/glossary.md), [it](https://arxiv.org/abs/1)"
    assert relink(text, {"10_learning"}) == (
        "[10](10_learning.html), words, [it](https://arxiv.org/abs/1)"
    )
    assert relink("[10](10_learning.ipynb)", set()) == "10"
    assert relink("![map](../docs/course.svg)", set()) == "![map](docs/course.svg)"


def test_links_of_a_lesson_in_another_language_lead_to_decks_in_it():
    text = "[08](08_detective.ipynb), [10](../10_learning.ipynb), [it](../../docs/reply.zh.md)"
    pages = {"08_detective", "08_detective.zh", "10_learning", "reply.zh"}
    assert relink(text, pages, HERE / "zh") == (
        "[08](08_detective.zh.html), [10](10_learning.html), [it](reply.zh.html)"
    )


def test_the_reply_stands_beside_the_decks_and_every_link_leads_somewhere(tmp_path, monkeypatch):
    monkeypatch.setattr(making, "SLIDES", tmp_path)
    monkeypatch.setattr(making, "copy_assets", lambda source, to: to.mkdir(parents=True))
    monkeypatch.setattr(making.assets, "fetch", lambda: None)
    monkeypatch.setattr(making, "executed", dict)  # no lesson: its deck is made below
    making.main()
    lessons = {each.stem for each in COURSE}
    (detective,) = [each.stem for each in COURSE if each.name == "detective"]
    making.make(HERE / f"{detective}.ipynb", lessons)
    links = {}
    for path in tmp_path.glob("*.html"):
        found = BeautifulSoup(path.read_text(encoding="utf-8"), "html.parser").select("a[href]")
        links[path.stem] = {each["href"] for each in found}
        near = {each for each in links[path.stem] if not each.startswith("https://")}
        assert near <= {f"{name}.html" for name in (*lessons, *making.TEXTS)}
    for name in (detective, "index"):
        assert {"reply.html", "reply.zh.html"} <= links[name]
    assert "reply.zh.html" in links["reply"] and "reply.html" in links["reply.zh"]
    assert all((tmp_path / f"{name}.html").is_file() for name in making.TEXTS)


def test_a_text_as_a_page():
    text = '# <span lang="zh-Hans">甲</span> & b\n\n**c** <!--no-->\n\n```python\nx < 1\n```'
    html = page(text)
    assert "<title>甲 &amp; b</title>" in html and '<h1><span lang="zh-Hans">甲</span>' in html
    assert "<strong>c</strong>" in html and "¶" not in html
    assert "x < 1" in BeautifulSoup(html, "html.parser").pre.get_text()


def test_the_index_lists_the_decks_and_the_lecture():
    lessons = [Lesson(n, "x", "<T>", "why?", [], 9, core=5, aim="", lecture=n) for n in range(3)]
    html = index(lessons)
    assert html.count('<td><a href="0') == 3
    assert "00 · &lt;T&gt;" in html
    assert ": 3 minutes." in html
