"""What the site is laid out from: links, tables and lessons, before Sphinx reads them."""

import json
import re

import pytest
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook, new_output

import attnlib
from attnlib.course.widgets.questions.data import misconceptions
from docs import assets, beliefs, tables
from docs.lessons import for_page
from docs.slides.widgets import STATE, VIEW
from notebooks.execute import HERE, LESSONS, read

DOCS = HERE.parent / "docs"
PIXEL = (  # one, as a PNG
    "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADU"
    "lEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg=="
)
MODELS = {
    "box": ("VBoxModel", "@jupyter-widgets/controls", {"children": ["IPY_MODEL_image"]}),
    "image": ("ImageModel", "@jupyter-widgets/controls", {"after": "IPY_MODEL_line"}),
    "line": ("HTMLModel", "@jupyter-widgets/controls", {"value": "<p>loss &lt; 1</p>"}),
    "map": ("AnyModel", "anywidget", {}),
    "bar": ("IntProgressModel", "@jupyter-widgets/controls", {}),
}


def state():
    models = {
        name: {"model_name": model, "model_module": module, "state": dict(traits), "buffers": []}
        for name, (model, module, traits) in MODELS.items()
    }
    models["image"]["buffers"] = [{"data": PIXEL}]
    return {STATE: {"state": models}}


def shows(widget, **data):
    view = {VIEW: {"model_id": widget}, "text/plain": "a widget"}
    return new_output("display_data", data=view | {f"text/{kind}": x for kind, x in data.items()})


def lesson(*outputs, **metadata):
    cell = new_code_cell("x", outputs=list(outputs), metadata=metadata)
    return new_notebook(cells=[cell], metadata={"widgets": state(), "made_from": "1f"})


def page_of(*outputs):
    nb = for_page(lesson(*outputs))
    return nb, nb.cells[0].outputs


def test_a_widget_that_lives_in_the_browser_keeps_its_view_and_its_state_alone():
    nb, (output,) = page_of(shows("map"))
    assert VIEW in output.data
    assert set(nb.metadata.widgets[STATE]["state"]) == {"map"}
    assert "made_from" not in nb.metadata


def test_a_widget_that_needs_a_kernel_leaves_its_last_picture_and_its_line():
    nb, (output,) = page_of(shows("box"))
    assert VIEW not in output.data
    html = output.data["text/html"]
    assert f'src="data:image/png;base64,{PIXEL}" width="1" height="1" alt="' in html
    assert "<figcaption>loss &lt; 1</figcaption>" in html
    assert "widgets" not in nb.metadata


def test_a_widget_with_html_of_its_own_shows_that():
    _, (output,) = page_of(shows("box", html="<b>Predict.</b>"))
    assert output.data["text/html"] == "<b>Predict.</b>"
    assert VIEW not in output.data


def test_a_bare_bar_leaves_nothing():
    bar = new_output("display_data", data={VIEW: {"model_id": "bar"}})
    _, outputs = page_of(bar)
    assert outputs == []


def test_a_figure_is_told_by_what_the_cell_prints_and_not_at_length():
    figure = new_output("display_data", data={"image/png": PIXEL})
    cell = for_page(lesson(new_output("stream", text="entropy\n  39%\n"), figure)).cells[0]
    assert cell.metadata["mystnb"]["image"]["alt"] == "Figure. entropy 39%"
    long = for_page(lesson(new_output("stream", text="x" * 500), figure)).cells[0]
    assert len(long.metadata["mystnb"]["image"]["alt"]) < 170


def test_code_that_jupyter_folds_is_folded():
    folded = for_page(lesson(jupyter={"source_hidden": True})).cells[0]
    assert "hide-input" in folded.metadata.tags
    assert "hide-input" not in for_page(lesson()).cells[0].metadata.tags


def test_a_link_to_the_readme_leads_to_the_first_page():
    cell = new_markdown_cell("see [there](../README.md) and [words](../docs/glossary.md)")
    nb = for_page(new_notebook(cells=[cell]))
    assert nb.cells[0].source == "see [there](../index.md) and [words](../docs/glossary.md)"


def test_every_wrong_belief_is_in_the_index_and_leads_to_a_heading():
    page = beliefs.page()
    links = re.findall(r"\]\(\.\./notebooks/(\w+)\.ipynb#([^)]+)\)", page)
    lessons = sorted(HERE.glob(LESSONS))
    assert len(links) == len(misconceptions()) + len(lessons)
    for stem, anchor in links:
        headings = [
            re.sub(r"[^\w -]", "", line.lstrip("# ").lower()).replace(" ", "-")
            for cell in read(HERE / f"{stem}.ipynb").cells
            for line in cell.source.splitlines()
            if cell.cell_type == "markdown" and line.startswith("#")
        ]
        assert anchor in headings
    assert "“If the shapes fit, the code is right.”" in page


MACHINE = {"cpu": "A chip", "threads": "2", "torch": "2.13", "date": "2026-11-22"}
ROW = {"length": 320, "what": "forward", "ours": 0.025, "rebuilt": 0.05, "kept": 0.0275}


@pytest.fixture
def tables_of(tmp_path):
    def tables_of(**found):
        stored = {"machine": MACHINE, "matrix_flops": 191.4e9} | found
        (tmp_path / "a-chip.json").write_text(json.dumps(stored))
        return tables.page(tmp_path)

    return tables_of


def test_the_tables_stand_under_their_machine_and_say_how_to_read_them(tables_of):
    page = tables_of(module=[ROW])
    assert "## A chip, 2 threads\n\nA chip, 2 threads, PyTorch 2.13, 2026-11-22: 191 GF" in page
    assert "### `GlobalLocalAttention` against the published way\n\nHow many times" in page
    assert "| 320 | forward | 25 ms | 2.00 × | 1.10 × |" in page
    assert "What a map costs" not in page


def test_what_was_not_run_is_named(tables_of):
    row = {"heads": 8, "length": 16384, "what": "out", "seconds": None, "bytes": None}
    assert "not run: more than 60 s" in tables_of(maps=[row | {"not_run": "more than 60 s"}])


def test_the_browser_has_a_table_of_its_own(tables_of):
    times = {"a move": {"median": 1.9, "largest": 14.7, "count": 40}}
    assert "| a move | 1.9 | 14.7 | 40 |" in tables_of(milliseconds=times)


def test_every_part_that_is_measured_has_its_heading():
    assert list(tables.READ) == list(tables.PARTS)


def test_the_stored_results_make_a_page():
    page = tables.page()
    assert page.count("## ") >= 2
    for line in page.splitlines():
        assert line.count("|") in (0, *range(3, 20))


def test_every_table_of_speeds_in_the_readme_is_of_a_stored_run():
    text = (HERE.parent / "README.md").read_text(encoding="utf-8")
    speed = text.split("\n## Speed\n")[1].split("\n## ")[0].splitlines()
    rows = [line for line in speed if line.startswith("|")]
    assert len(rows) > 50 and set(rows) <= set(tables.page().splitlines())


def test_every_public_name_has_its_place_among_the_pages():
    text = (DOCS / "api.md").read_text(encoding="utf-8")
    assert [name for name in attnlib.__all__ if f":: attnlib.{name}\n" not in text] == []


def test_what_npm_brings_has_an_exact_version_and_no_address():
    assert all(re.fullmatch(r"\d+\.\d+\.\d+", version) for version in assets.pinned().values())
    assert "http" not in (DOCS / "package.json").read_text(encoding="utf-8")
    assert not list(DOCS.rglob("package-lock.json"))


def test_what_is_there_is_not_fetched_again(tmp_path, monkeypatch):
    monkeypatch.setattr(assets, "ASSETS", tmp_path)
    monkeypatch.setattr(assets, "WHEEL", tmp_path / "index.js")
    (tmp_path / "index.js").touch()
    unpacked = []
    monkeypatch.setattr(assets, "_unpack", lambda package, to: unpacked.append(package))
    for name, version in assets.pinned().items():
        assets.folder(name).mkdir()
        there = "0.0.1" if name == "jquery" else version
        (assets.folder(name) / "package.json").write_text(json.dumps({"version": there}))
    assert assets.fetch() == tmp_path
    assert unpacked == [f"jquery@{assets.pinned()['jquery']}"]
    assert (tmp_path / "anywidget/index.js").exists()
