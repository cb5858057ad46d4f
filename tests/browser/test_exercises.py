"""The panel of an exercise in JupyterLab: by mouse and keyboard, with a kernel and without."""

import re
from pathlib import Path

import pytest

from tests.browser.notebook import written

SHOTS = Path(__file__).with_name("shots")
SECONDS = 1000
CELLS = (
    "from attnlib.course.lessons import exercise",
    'exercise("heads.split")',
    'exercise("two_cousins.same_segment")',
    'exercise("heads.unscramble")',
    """import torch

def split(x, heads):
    return x.reshape(heads, len(x), -1)

def same_segment(length, n):
    segment = torch.arange(length) // n
    return segment[:, None] == segment""",
)


@pytest.fixture(scope="module")
def exercises(tmp_path_factory):
    return written(CELLS, tmp_path_factory.mktemp("exercises") / "exercises.ipynb")


def panel(page, number):
    return page.locator(".attn-panel").nth(number)


def check(page, number):
    """What it says, once it has said something."""
    panel(page, number).get_by_role("button", name="Check").click()
    page.wait_for_function(
        "(number) => document.querySelectorAll('.attn-panel [role=status]')[number].innerText",
        arg=number,
        timeout=20 * SECONDS,
    )
    return panel(page, number).locator("[role=status]").inner_text()


@pytest.mark.parametrize("theme", ["light", "dark"])
@pytest.mark.parametrize("width", [1280, 760])
def test_it_names_the_mistake_shows_it_and_tells_the_hint_that_helps(
    run_notebook, exercises, theme, width
):
    page = run_notebook(exercises, width, theme).page
    assert "Numbers of several tokens are mixed" in check(page, 0)
    assert panel(page, 0).locator("caption").count() >= 2
    for told in (1, 2, 3):
        panel(page, 0).get_by_role("button", name=re.compile("^Hint")).click()
        assert panel(page, 0).locator("ol li").count() == told
    assert panel(page, 0).get_by_role("button", name="Hint 3 of 3").is_disabled()
    panel(page, 0).get_by_text("Solution").click()
    assert "rearrange" in panel(page, 0).locator("details[open]").inner_text()
    assert check(page, 1) == "✔ Right."
    assert "There is no unscramble yet" in check(page, 2)
    panel(page, 0).screenshot(path=SHOTS / f"exercise_{width}_{theme}.png")


def test_no_key_pressed_in_it_reaches_the_notebook(run_notebook, exercises):
    page = run_notebook(exercises).page
    panel(page, 0).get_by_role("button", name="Check").focus()
    for key in ("ArrowDown", "b", "a", "B"):  # new cells
        page.keyboard.press(key)
    assert page.locator(".jp-CodeCell").count() == len(CELLS)
    # But the notebook's own keys do: Shift+Enter runs the cell, Escape leaves the widget.
    page.keyboard.press("Shift+Enter")
    page.wait_for_selector(".jp-InputArea-prompt:has-text('[6]:')")
    panel(page, 0).get_by_role("button", name="Check").focus()
    page.keyboard.press("Escape")
    assert not page.evaluate("document.activeElement.closest('.attn-panel') !== null")


def test_without_a_kernel_hints_live_on_and_check_says_so(run_notebook, exercises, no_kernel):
    watched = run_notebook(exercises)
    page = watched.page
    no_kernel()
    page.wait_for_timeout(2 * SECONDS)
    panel(page, 0).get_by_role("button", name=re.compile("^Hint")).click()
    assert panel(page, 0).locator("ol li").count() == 1
    assert "No answer yet" in check(page, 0)
    watched.errors.clear()  # JupyterLab's own, about the kernel that is gone
