"""A whole lesson, in a language in which every message stands in brackets: no English is left."""

import re
from pathlib import Path

import pytest
from nbformat.v4 import new_code_cell

from notebooks.execute import HERE, read, write
from tests.pseudo import left_in_english, pseudo, write_catalogues

SHOTS = Path(__file__).with_name("shots")
# The outputs of each code cell, with what it says to a screen reader, and the cell's own source.
SHOWN = """() => [...document.querySelectorAll(".jp-CodeCell")].map((cell) => {
    const outputs = cell.querySelector(".jp-Cell-outputWrapper");
    const told = ["aria-label", "title", "placeholder", "alt"].flatMap((name) =>
        [...outputs.querySelectorAll(`[${name}]`)].map((part) => part.getAttribute(name)));
    return { source: cell.querySelector(".jp-Cell-inputWrapper").textContent,
             shown: [outputs.innerText, ...told].join("\\n") };
})"""
# JupyterLab's own words, the title of a label without one, what Python prints, and the code that a
# verdict writes.
THEIRS = {"Collapse", "Output", "null", "False", "True", "import", "torch", "with"}


@pytest.fixture
def lesson(tmp_path):
    """A lesson that has predictions, exercises, an explorer and the viewer."""
    nb = read(HERE / "03_blocks.ipynb")
    folder = write_catalogues(tmp_path / "xx")
    speak = f"from attnlib.course.language import speak; speak({folder!r})"
    nb.cells.insert(0, new_code_cell(speak, id="speak"))
    write(nb, tmp_path / "x.ipynb")
    return tmp_path / "x.ipynb"


def test_nothing_said_is_left_in_english(run_notebook, lesson):
    page = run_notebook(lesson).page
    for question in page.locator(".attn-predict").all():  # commit to each prediction
        question.locator("input").first.check()
        question.get_by_text(pseudo("I commit to this")).click()
    page.locator(".attn-view").first.screenshot(path=SHOTS / "pseudo.png")
    cells = page.evaluate(SHOWN)
    assert sum(cell["shown"].count("⟦") for cell in cells) > 80
    # What the lesson itself writes, in this cell or, as a text, in an earlier one.
    texts = " ".join(text for cell in cells for text in re.findall(r'"[^"]*"', cell["source"]))
    for cell in cells:
        if "except ValueError" in cell["source"]:
            continue  # it prints an error, and errors are in English
        own = set(re.findall(r"\w+", f"{cell['source']} {texts}"))
        assert set(left_in_english(cell["shown"])) - own - THEIRS == set()
