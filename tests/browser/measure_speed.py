"""From key press to changed pixels: `make bench-browser` writes benchmarks/results/browser.json."""

import json
import statistics
from pathlib import Path

import pytest

from attnlib.course.manifest import LESSONS
from benchmarks.run import machine
from notebooks.execute import HERE
from tests.browser.notebook import written

RESULTS = Path(__file__).resolve().parents[2] / "benchmarks/results/browser.json"
CELLS = (
    "import torch\nfrom attnlib import attention\nfrom attnlib.course.widgets.viewer import view",
    "view(attention(*torch.randn(3, 6, 64, 8))[1])",
    "view(attention(*torch.randn(3, 1, 16384, 64))[1])",
)

# Until the next frame after the change; the pixels of all canvases tell whether there was one.
MOVE = """async (root) => {
    const pixels = () => Array.from(root.querySelectorAll("canvas")).map((c) => c.toDataURL());
    const before = pixels(), start = performance.now();
    root.dispatchEvent(new KeyboardEvent("keydown", { key: "ArrowDown", bubbles: true }));
    await new Promise(requestAnimationFrame);
    const time = performance.now() - start;
    return pixels().join() === before.join() ? null : time;
}"""

# Until what the kernel sent is drawn: the map changes once at once, coarse, and once more then.
ZOOM = """async ([root, key]) => {
    const map = root.querySelector(".attn-map"), start = performance.now();
    root.dispatchEvent(new KeyboardEvent("keydown", { key, bubbles: true }));
    const coarse = map.toDataURL();
    while (map.toDataURL() === coarse && performance.now() < start + 20000) {
        await new Promise(requestAnimationFrame);
    }
    return performance.now() - start;
}"""

# Until the new picture is decoded, or the drawing has changed.
CONTROL = """async ([box, control, turn]) => {
    const img = box.querySelector("img"), stage = box.querySelector(".attn-stage");
    const seen = () => img?.src ?? stage.innerHTML, before = seen();
    const start = performance.now();
    if (control.tagName === "SELECT") control.selectedIndex = turn;
    else control.value = Number(control.value) + (turn ? 1 : -1);
    control.dispatchEvent(new Event(control.oninput ? "input" : "change", { bubbles: true }));
    while (seen() === before) {
        if (performance.now() > start + 3000) return null; // it changes nothing here
        await new Promise((done) => setTimeout(done, 1));
    }
    await img?.decode();
    await new Promise(requestAnimationFrame);
    return performance.now() - start;
}"""


@pytest.fixture(scope="module")
def results():
    found = {}
    yield found
    RESULTS.write_text(json.dumps({"machine": machine(), "milliseconds": found}, indent=1) + "\n")


def summary(times):
    return {
        "median": round(statistics.median(times), 1),
        "largest": round(max(times), 1),
        "count": len(times),
    }


def test_moves_and_zooms_of_the_viewer(run_notebook, tmp_path, results):
    page = run_notebook(written(CELLS, tmp_path / "speed.ipynb")).page
    small, large = page.locator(".attn-view").all()
    moves = [small.evaluate(MOVE) for _ in range(40)]
    assert None not in moves
    results["a move inside the viewer, 6 heads of 64 tokens"] = summary(moves)
    zooms = []
    for key in ["+", "+", "+", "-", "-", "+", "+", "-", "+", "+"]:
        root = large.element_handle()
        zooms.append(page.evaluate(ZOOM, [root, key]))
        page.wait_for_timeout(300)
    results["a zoom step in a map of 16 384 tokens"] = summary(zooms)


def time_controls(page, results, where):
    for number, box in enumerate(page.locator(".attn-explorer").all()):
        kind = "that the kernel draws" if box.locator("img").count() else "drawn in the browser"
        times = time_box(page, box)
        if times:  # the curve of a training has no control
            results[f"a control {kind}, {where}, {number}"] = summary(times)


def time_box(page, box):
    """Times of its first control that changes something at every turn."""
    for control in box.locator("input[type=range], select").all():
        times = []
        for turn in [1, 0] * 10:
            handles = [box.element_handle(), control.element_handle(), turn]
            times.append(page.evaluate(CONTROL, handles))
            page.wait_for_timeout(200)
            if times[0] is None:
                break
        if None not in times:
            return times
    return []


@pytest.mark.parametrize("lesson", LESSONS, ids=lambda lesson: lesson.stem)
def test_controls_of_lessons(run_notebook, results, lesson):
    time_controls(run_notebook(HERE / f"{lesson.stem}.ipynb").page, results, lesson.name)


def test_controls_of_explorers(run_notebook, results, widgets):
    time_controls(run_notebook(widgets).page, results, "explorer")
