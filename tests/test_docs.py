"""What the site is laid out from: links, tables and lessons, before Sphinx reads them."""

import json
import re
from base64 import b64encode

import pytest
from matplotlib.figure import Figure
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook, new_output

import attnlib
from attnlib.course.figures.twice import NARROW, png
from attnlib.course.widgets.questions.data import misconceptions
from docs import assets, beliefs, tables
from docs.alive import STATE, VIEW
from docs.lessons import for_page
from docs.narrow import with_narrow
from notebooks.execute import HERE, LESSONS, read

DOCS = HERE.parent / "docs"
PIXEL = (  # one, as a PNG
    "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADU"
    "lEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg=="
)
OURS = {"_esm": "code of </script>", "_css": "", "_model_name": "AnyModel", "told": "a < b"}
SMALL = b64encode(png(Figure(figsize=(0.02, 0.01)))).decode()
MODELS = {
    "map": ("AnyModel", "anywidget", OURS),
    "other": ("AnyModel", "anywidget", OURS | {"told": "c"}),
    "bar": ("IntProgressModel", "@jupyter-widgets/controls", {}),
}


def state():
    models = {
        name: {"model_name": model, "model_module": module, "state": dict(traits), "buffers": []}
        for name, (model, module, traits) in MODELS.items()
    }
    models["map"]["buffers"] = [{"data": PIXEL, "path": ["picture"], "encoding": "base64"}]
    return {STATE: {"state": models}}


def shows(widget):
    return new_output(
        "display_data", data={VIEW: {"model_id": widget}, "text/html": "<b>still</b>"}
    )


def lesson(*outputs, **metadata):
    cell = new_code_cell("x", outputs=list(outputs), metadata=metadata)
    return new_notebook(cells=[cell], metadata={"widgets": state(), "made_from": "1f"})


def scripts(html):
    """The data in the page, by what marks it."""
    found = re.findall(r'<script type="application/json" ([^>]+)>(.*?)</script>', html)
    return {mark: json.loads(text) for mark, text in found}


def test_a_widget_stands_in_the_page_with_its_state_and_its_code():
    nb = for_page(lesson(shows("map")))
    html = nb.cells[0].outputs[0].data["text/html"]
    code, model = scripts(html).values()
    assert code == {"esm": OURS["_esm"], "css": ""}
    assert model == {"state": {"told": "a < b"}, "buffers": {"picture": PIXEL}}
    assert '<div class="attn-live" data-model="map"' in html
    assert set(nb.metadata) == set()
    assert VIEW not in nb.cells[0].outputs[0].data


def test_a_model_shown_twice_and_code_that_two_need_stand_there_once():
    nb = for_page(lesson(shows("map"), shows("other"), shows("map")))
    first, second, third = (
        len(scripts(output.data["text/html"])) for output in nb.cells[0].outputs
    )
    assert (first, second, third) == (2, 1, 0)


def test_a_bar_that_has_left_leaves_nothing():
    bar = new_output("display_data", data={VIEW: {"model_id": "bar"}})
    assert for_page(lesson(bar)).cells[0].outputs == []


def test_a_widget_that_needs_a_kernel_is_refused():
    with pytest.raises(ValueError, match="must live without a kernel, .* got IntProgressModel"):
        for_page(lesson(shows("bar")))


def test_a_figure_is_told_by_what_the_cell_prints_and_not_at_length():
    figure = new_output("display_data", data={"image/png": PIXEL})
    cell = for_page(lesson(new_output("stream", text="entropy\n  39%\n"), figure)).cells[0]
    assert cell.metadata["mystnb"]["image"]["alt"] == "Figure. entropy 39%"
    long = for_page(lesson(new_output("stream", text="x" * 500), figure)).cells[0]
    assert len(long.metadata["mystnb"]["image"]["alt"]) < 170


def test_a_figure_that_is_drawn_narrow_too_shows_that_to_telephones(tmp_path):
    both = new_output("display_data", data={"image/png": PIXEL, NARROW: SMALL})
    (output,) = with_narrow(for_page(lesson(both)), tmp_path).cells[0].outputs
    source, image = re.findall(r"<(?:source|img) [^>]*>", output.data["text/html"])
    assert 'media="(max-width: 600px)"' in source and 'width="2" height="1"' in source
    assert 'width="0" height="0"' in image and 'alt="Figure. "' in image
    for tag, picture in ((source, SMALL), (image, PIXEL)):
        (name,) = re.findall(r'="\.\./_static/(figures/\w+\.png)"', tag)
        assert b64encode((tmp_path / name).read_bytes()).decode() == picture


def test_a_figure_without_a_narrow_one_stays(tmp_path):
    figure = new_output("display_data", data={"image/png": PIXEL})
    (output,) = with_narrow(for_page(lesson(figure)), tmp_path).cells[0].outputs
    assert output.data == {"image/png": PIXEL}


def test_code_that_jupyter_folds_is_folded():
    folded = for_page(lesson(jupyter={"source_hidden": True})).cells[0]
    assert "hide-input" in folded.metadata.tags
    assert "hide-input" not in for_page(lesson()).cells[0].metadata.tags


def test_a_link_to_the_readme_leads_to_the_first_page():
    cell = new_markdown_cell("see [there](../README.md) and [words](../docs/glossary.md)")
    nb = for_page(new_notebook(cells=[cell]))
    assert nb.cells[0].source == "see [there](../index.md) and [words](../docs/glossary.md)"


def test_a_page_says_nothing_of_running_cells():
    text = "Before.\n\nPress <kbd>Shift</kbd>+<kbd>Enter</kbd>,\nagain and again.\n\nAfter."
    (cell,) = for_page(new_notebook(cells=[new_markdown_cell(text)])).cells
    assert cell.source == "Before.\n\nAfter."


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


def test_every_table_of_speeds_is_of_a_stored_run():
    text = (DOCS / "speed.md").read_text(encoding="utf-8").partition("\n## In a browser\n")[0]
    rows = [line for line in text.splitlines() if line.startswith("|")]
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
    unpacked = []
    monkeypatch.setattr(assets, "_unpack", lambda package, to: unpacked.append(package))
    for name, version in assets.pinned().items():
        assets.folder(name).mkdir()
        there = "0.0.1" if name == "mathjax" else version
        (assets.folder(name) / "package.json").write_text(json.dumps({"version": there}))
    assert assets.fetch() == tmp_path
    assert unpacked == [f"mathjax@{assets.pinned()['mathjax']}"]
