"""A whole lesson, in a language in which every message stands in brackets: no English is left."""

import re

import pytest
from nbformat.v4 import new_code_cell

from notebooks.execute import HERE, read, write
from tests.pseudo import left_in_english, write_catalogues

# The outputs of each code cell, with what it says to a screen reader, and the cell's own source.
SHOWN = """() => [...document.querySelectorAll(".jp-CodeCell")].map((cell) => {
    const outputs = cell.querySelector(".jp-Cell-outputWrapper");
    const told = ["aria-label", "title", "placeholder", "alt"].flatMap((name) =>
        [...outputs.querySelectorAll(`[${name}]`)].map((part) => part.getAttribute(name)));
    return { source: cell.querySelector(".jp-Cell-inputWrapper").textContent,
             shown: [outputs.innerText, ...told].join("\\n") };
})"""
# JupyterLab's own words, and ipywidgets'.
THEIRS = {"Click", "collapse", "expand", "output", "double", "click", "scroll"}


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
    for button in page.get_by_role("button", name=re.compile("^⟦")).all():
        button.scroll_into_view_if_needed()
    cells = page.evaluate(SHOWN)
    shown = "\n".join(cell["shown"] for cell in cells)
    assert shown.count("⟦") > 100
    for cell in cells:
        own = set(re.findall(r"\w+", cell["source"]))  # what the lesson itself writes
        assert set(left_in_english(cell["shown"])) - own - THEIRS == set()
