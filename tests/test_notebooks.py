"""Every committed lesson is in its normal form, and each rule of that form refuses what it should.

That the outputs come out again is nbval's part (`make test`).
"""

import copy
import sys
from pathlib import Path

import pytest
from nbformat import NotebookNode, from_dict
from nbformat.v4 import (
    new_code_cell,
    new_markdown_cell,
    new_output,
)

from notebooks.execute import HERE, LESSONS, METADATA, execute, normalise, problems, read, write

WIDGET_VIEW = "application/vnd.jupyter.widget-view+json"


@pytest.mark.parametrize("path", sorted(HERE.glob(LESSONS)), ids=lambda path: path.name)
def test_a_committed_lesson_has_no_problems(path: Path):
    assert problems(read(path)) == []


def test_there_is_a_lesson():
    assert read(HERE / "00_two_cousins.ipynb").cells


def ran(source: str = "x = 1", outputs=(), tags=(), count: int | None = 1, **metadata):
    """One code cell after its run."""
    return new_code_cell(
        source,
        id="the-cell",
        execution_count=count,
        outputs=list(outputs),
        metadata={"tags": list(tags)} | metadata,
    )


def lesson(*cells: NotebookNode, minor: int = 5, **metadata) -> NotebookNode:
    """Not by new_notebook, which mends the ids that some tests break."""
    metadata = copy.deepcopy(METADATA) | metadata
    parts = {"cells": list(cells), "metadata": metadata, "nbformat": 4, "nbformat_minor": minor}
    return from_dict(parts)


def shows(data: dict) -> NotebookNode:
    return new_output("display_data", data=data)


def prints(text: str, name: str = "stdout") -> NotebookNode:
    return new_output("stream", name=name, text=text)


def error() -> NotebookNode:
    frames = ["---", "File /somewhere/attnlib/attention.py:1, in f", "ValueError: no"]
    return new_output("error", ename="ValueError", evalue="no", traceback=frames)


def def_of(lines: int) -> str:
    return "\n".join(["def f(x):", *["    x = x + 1"] * (lines - 2), "    return x"])


GOOD = {
    "plain": lesson(new_markdown_cell("# A", id="head"), ran("x = 1")),
    "15 lines": lesson(ran("\n".join(["x = 1"] * 15))),
    "a def of 10 lines": lesson(ran(def_of(10))),
    "a ; inside": lesson(ran("x = 1; y = ';'  # ;")),
    "magic": lesson(ran("%matplotlib inline\n!true")),
    "meant failure": lesson(
        ran(
            "1 / 0",
            [new_output("error", ename="ValueError", evalue="no", traceback=["ValueError: no"])],
            tags=["raises-exception"],
        )
    ),
    "meant failure to parse": lesson(ran("def", tags=["raises-exception"])),
    "empty cell": lesson(ran("", count=None)),
    "bytes that look like an address": lesson(ran(outputs=[shows({"image/png": "0x7f3a5c0012"})])),
    "a link with home in it": lesson(ran(outputs=[prints("example.org/home/x")])),
    "minutes and tags": lesson(ran(minutes=5, tags=["core"])),
}

# What is wrong, and the words that must name it.
BROKEN = {
    "never run": (lesson(ran(count=None)), "was never run"),
    "numbers": (lesson(ran(count=7)), "execution_count is not normalised"),
    "result's number": (
        lesson(ran(outputs=[new_output("execute_result", {"text/plain": "1"}, execution_count=7)])),
        "outputs is not normalised",
    ),
    "failure": (lesson(ran(outputs=[error()])), "tag the cell raises-exception"),
    "frames of a failure": (
        lesson(ran(outputs=[error()], tags=["raises-exception"])),
        "outputs is not normalised",
    ),
    "16 lines": (lesson(ran("\n".join(["x = 1"] * 16))), "16 lines, at most 15"),
    "a def of 11 lines": (lesson(ran(def_of(11))), "def f has 11 lines, at most 10"),
    "a method of 11 lines": (
        lesson(ran("class A:\n" + "\n".join("    " + line for line in def_of(11).splitlines()))),
        "def f has 11 lines, at most 10",
    ),
    "an async def of 11 lines": (lesson(ran("async " + def_of(11))), "def f has 11 lines"),
    "trailing ;": (lesson(ran("f(x);")), "a `;` ends line 1"),
    "trailing ; before a comment": (lesson(ran("f(x);  # quiet")), "a `;` ends line 1"),
    "trailing ; beside magic": (lesson(ran("%matplotlib inline\nf(x);\n")), "a `;` ends line 2"),
    "not Python": (lesson(ran("def")), "is not Python"),
    "address in a result": (
        lesson(ran(outputs=[shows({"text/plain": "<A at 0x7f3a5c001230>"})])),
        "prints an address, 0x7f3a5c001230",
    ),
    "address on stdout": (lesson(ran(outputs=[prints("<A at 0x7f3a5c001230>")])), "an address"),
    "address in SVG": (
        lesson(ran(outputs=[shows({"image/svg+xml": "<g id='0x7f3a5c001230'/>"})])),
        "an address",
    ),
    "path of a package": (
        lesson(ran(outputs=[prints("/x/site-packages/a.py:1: UserWarning", "stderr")])),
        "a path of this machine",
    ),
    "path of somebody's home": (lesson(ran(outputs=[prints("in /home/me")])), "a path of this"),
    "path of the checkout": (lesson(ran(outputs=[prints(f"{HERE}/a.py")])), "a path of this"),
    "file of a kernel": (lesson(ran(outputs=[prints("/t/ipykernel_71/1.py:3")])), "a path of this"),
    "text in pieces": (lesson(ran(outputs=[prints("a"), prints("b")])), "outputs is not"),
    "view of a widget": (
        lesson(
            ran(outputs=[shows({WIDGET_VIEW: {"model_id": "1f"}, "text/plain": "IntSlider()"})])
        ),
        "outputs is not normalised",
    ),
    "timing": (lesson(ran(execution={"iopub.execute_input": "…"})), "metadata is not normalised"),
    "state of widgets": (lesson(ran(), widgets={"state": {}}), "metadata is not normalised"),
    "version of Python": (
        lesson(ran(), language_info={"name": "python", "version": "3.11.7"}),
        "metadata is not normalised",
    ),
    "old format": (lesson(ran(), minor=4), "nbformat_minor is not normalised"),
}


@pytest.mark.parametrize("nb", GOOD.values(), ids=GOOD)
def test_a_good_lesson_has_no_problems(nb):
    assert problems(nb) == []


@pytest.mark.parametrize(("nb", "words"), BROKEN.values(), ids=BROKEN)
def test_a_broken_lesson_is_refused_in_words(nb, words):
    assert any(words in problem for problem in problems(nb)), problems(nb)


def test_a_problem_names_its_cell():
    assert problems(lesson(new_markdown_cell("A", id="head"), ran("f(x);"))) == [
        "cell 2 (f(x);): a `;` ends line 1, which nbval cannot compare: use `_ = …`"
    ]


@pytest.mark.parametrize("nb", [nb for nb, _ in BROKEN.values()], ids=BROKEN)
def test_normalise_leaves_its_argument_alone_and_twice_is_once(nb):
    before = copy.deepcopy(nb)
    once = normalise(nb)
    assert nb == before
    assert normalise(once) == once
    assert not [problem for problem in problems(once) if "normalised" in problem]


def test_normalise_keeps_what_a_reader_sees():
    slider = shows({WIDGET_VIEW: {"model_id": "1f"}, "text/plain": "IntSlider(value=3)"})
    outputs = [prints("a"), prints("w", "stderr"), prints("b"), slider, prints("c"), error()]
    (cell,) = normalise(lesson(ran(outputs=outputs, minutes=5))).cells
    assert cell.metadata == {"tags": [], "minutes": 5}
    assert cell.id == "the-cell"
    # A text after a figure stays after it; beside each other, stdout comes first.
    out, err, shown, later, failure = cell.outputs
    assert (out.name, out.text, err.name, err.text) == ("stdout", "ab", "stderr", "w")
    assert shown.data == {"text/plain": "IntSlider(value=3)"}
    assert later.text == "c"
    assert failure.traceback == ["ValueError: no"]


def test_texts_on_both_sides_of_a_view_that_goes_become_one():
    view = shows({WIDGET_VIEW: {"model_id": "1f"}})
    nb = lesson(ran(outputs=[prints("a"), view, prints("b")]))
    (output,) = normalise(nb).cells[0].outputs
    assert output.text == "ab"
    assert normalise(normalise(nb)) == normalise(nb)


def test_normalise_makes_up_no_number_for_a_cell_that_was_never_run():
    cells = normalise(lesson(ran(count=None), ran(count=4), ran("", count=None))).cells
    assert [cell.execution_count for cell in cells] == [None, 1, None]


def test_two_executions_write_the_same_bytes(tmp_path):
    """A figure (its PNG too), a widget, a result, both streams, a meant failure."""
    figure = "%matplotlib inline\nimport matplotlib.pyplot as plt\nplt.plot([1, 3, 2])\nplt.show()"
    sources = [
        "import os, sys, ipywidgets",
        f"print(sys.executable == {sys.executable!r}, os.getcwd() == {str(tmp_path)!r})\n"
        "print(os.environ['OMP_NUM_THREADS'])",
        "print('b', file=sys.stderr)\nprint('a', flush=True)\nprint('c')",
        figure,
        "ipywidgets.IntSlider(value=3)",
        "6 * 7",
    ]
    cells = [new_markdown_cell("# A lesson"), *map(new_code_cell, sources)]
    cells.append(new_code_cell("1 / 0", metadata={"tags": ["raises-exception"]}))
    path = tmp_path / "lesson.ipynb"
    nb = normalise(execute(lesson(*cells), tmp_path))
    assert problems(nb) == []
    assert write(nb, path)
    again = normalise(execute(read(path), tmp_path))
    assert not write(again, path)
    told, both, drawn, slider, result, failure = [cell.outputs for cell in again.cells[2:]]
    assert told[0].text == "True True\n1\n"
    assert [output.text for output in both] == ["a\nc\n", "b\n"]
    assert [sorted(output.data) for output in drawn] == [["image/png", "text/plain"]]
    assert [sorted(output.data) for output in slider] == [["text/plain"]]
    assert result[0].data == {"text/plain": "42"}
    assert failure[0].traceback == ["ZeroDivisionError: division by zero"]


def test_a_kernel_listens_on_files_of_its_own(tmp_path):
    ask = (
        "from ipykernel.connect import get_connection_info as told; told(unpack=True)['transport']"
    )
    (cell,) = execute(lesson(ran(ask)), tmp_path).cells
    assert cell.outputs[0].data["text/plain"] == ("'tcp'" if sys.platform == "win32" else "'ipc'")
