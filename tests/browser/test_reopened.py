"""A lesson whose kernel was started again, and that was closed and opened: nothing is lost."""

import pytest

from tests.browser.days import IDLE, SECONDS
from tests.browser.notebook import written

CELLS = (
    "import torch\n"
    "from attnlib.course.lessons import exercise\n"
    "from attnlib.course.lessons.positions.explorer import explore_positions\n"
    "from attnlib.course.lessons.segments.explorer import explore_segments\n"
    "from attnlib.course.widgets.live import watch\n"
    "from attnlib.course.widgets.prediction import predict",
    'predict("heads.keys_of_head_1")',
    "explore_positions(torch.arange(24.0).view(6, 4))",
    "explore_segments()",
    'exercise("heads.split")',
    "_ = watch(iter([2.0, 1.0, 0.5]), 3)",
)
SENTENCE = "No kernel answers: run this cell to move it."
WIDTH = "document.querySelector('.attn-stage img').naturalWidth"
MARKS = """() => [...document.querySelectorAll(".jupyter-widgets-disconnected")]
    .filter((one) => getComputedStyle(one, "::before").content !== "none").length"""


@pytest.fixture
def notebook(tmp_path):
    return written(CELLS, tmp_path / "all.ipynb")


def restart(page):
    page.click("text=Kernel >> nth=0")
    page.click("text=Restart Kernel…")
    page.click(".jp-Dialog button:has-text('Restart')")
    page.wait_for_selector(".attn-alone:not(:empty)", timeout=20 * SECONDS)
    page.wait_for_function(IDLE, timeout=60 * SECONDS)  # one that only starts cannot be stopped


def alone(page):
    """What the explorers say of their kernel: the one that is drawn in the browser needs none."""
    return "".join(page.locator(".attn-alone").all_inner_texts())


def save(page):
    page.keyboard.press("Control+s")
    page.wait_for_timeout(1500)


def test_saved_after_a_restart_and_opened_again_twice_it_is_as_it_was_left(
    run_notebook, notebook, no_kernel
):
    watched = run_notebook(notebook)
    page = watched.page
    assert alone(page) == ""
    restart(page)
    assert alone(page) == SENTENCE
    assert page.evaluate(MARKS) == 0
    page.locator(".attn-predict input").first.press(" ")
    page.get_by_text("I commit to this").click()
    answer = page.locator(".attn-predict [role=status]").inner_text()
    save(page)
    for _ in range(2):
        address = page.url
        page.goto("about:blank")
        no_kernel()
        page.goto(address)
        page.wait_for_function(IDLE, timeout=60 * SECONDS)
        page.wait_for_selector(".attn-alone:not(:empty)", timeout=60 * SECONDS)
        assert page.locator(".attn-predict [role=status]").inner_text() == answer
        assert page.locator(".attn-panel").count() == 1
        assert page.evaluate(WIDTH) > 0
        assert page.locator(".attn-explorer svg").count() > 0
        assert page.locator(".attn-curve svg").count() == 1
        assert page.evaluate(MARKS) == 0
        assert "model not found" not in page.content()
        save(page)
    # Its cell is run again: it moves, and the sentence is gone.
    page.click("text=Run >> nth=0")
    page.click("text=Run All Cells")
    page.wait_for_function(
        "document.querySelectorAll('.attn-alone').length === 2"
        " && !document.querySelector('.attn-alone:not(:empty)')",
        timeout=60 * SECONDS,
    )


def test_a_control_that_is_moved_without_a_kernel_says_so(run_notebook, notebook, no_kernel):
    watched = run_notebook(notebook)
    page = watched.page
    no_kernel()
    page.wait_for_timeout(1 * SECONDS)
    slider = page.locator(".attn-explorer:has(img) input[type=range]").first
    slider.focus()
    slider.press("ArrowLeft")
    page.wait_for_selector(".attn-alone:not(:empty)", timeout=10 * SECONDS)
    assert alone(page) == SENTENCE
    watched.errors.clear()  # JupyterLab's own, about the kernel that is gone
