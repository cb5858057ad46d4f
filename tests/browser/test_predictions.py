"""A prediction in JupyterLab: by keyboard, kept, skipped, and without a kernel."""

from pathlib import Path

import pytest

from tests.browser.notebook import written

SHOTS = Path(__file__).with_name("shots")
CELLS = (
    "from attnlib.course.widgets.prediction import predict",
    'predict("heads.keys_of_head_1")',
    'predict("heads.merge_of_columns")',
)


@pytest.fixture(scope="module")
def predictions(tmp_path_factory):
    return written(CELLS, tmp_path_factory.mktemp("predictions") / "predictions.ipynb")


def question(page, number):
    return page.locator(".attn-predict").nth(number)


def said(page, number):
    return question(page, number).locator("[role=status]").inner_text()


@pytest.mark.parametrize("theme", ["light", "dark"])
@pytest.mark.parametrize("width", [1280, 760])
def test_choose_commit_and_only_then_see(run_notebook, predictions, theme, width):
    page = run_notebook(predictions, width, theme).page
    one = question(page, 0)
    assert one.get_by_text("I commit to this").is_disabled()
    one.locator("input").first.press(" ")
    page.keyboard.press("ArrowDown")
    assert one.locator("input").nth(1).is_checked()
    assert said(page, 0) == ""
    one.get_by_text("I commit to this").press("Enter")
    assert said(page, 0).startswith(("As you said.", "Not so. The answer: c."))
    assert one.locator("input").first.is_disabled()
    one.screenshot(path=SHOTS / f"prediction_{width}_{theme}.png")


def test_what_is_skipped_is_told_without_a_judgement(run_notebook, predictions):
    page = run_notebook(predictions).page
    question(page, 1).get_by_text("Skip").click()
    assert said(page, 1).startswith("The answer: a.")


def test_no_key_pressed_in_it_reaches_the_notebook(run_notebook, predictions):
    page = run_notebook(predictions).page
    question(page, 0).locator("input").first.press(" ")
    for key in ("ArrowDown", "b", "a", "ArrowUp"):  # new cells
        page.keyboard.press(key)
    assert page.locator(".jp-CodeCell").count() == len(CELLS)


def test_without_a_kernel_it_lives_on(run_notebook, predictions, no_kernel):
    watched = run_notebook(predictions)
    page = watched.page
    no_kernel()
    page.wait_for_timeout(2000)
    question(page, 0).locator("input").first.press(" ")
    question(page, 0).get_by_text("I commit to this").click()
    assert said(page, 0)
    watched.errors.clear()  # JupyterLab's own, about the kernel that is gone


def test_saved_shut_down_and_opened_again_it_is_as_it_was_left(
    run_notebook, predictions, lab, open_page, no_kernel
):
    watched = run_notebook(predictions)
    page = watched.page
    question(page, 0).locator("input").first.press(" ")
    question(page, 0).get_by_text("I commit to this").click()
    answer = said(page, 0)
    question(page, 1).locator("input").nth(1).press(" ")
    page.keyboard.press("Control+s")
    page.wait_for_timeout(2000)
    page.close()
    no_kernel()
    again = open_page()
    page = again.page
    page.goto(f"{lab[0]}/lab/tree/notebooks/x.ipynb?reset")
    page.wait_for_selector(".attn-predict", timeout=60_000)
    assert said(page, 0) == answer
    assert question(page, 1).locator("input").nth(1).is_checked()
    question(page, 1).get_by_text("I commit to this").click()
    assert said(page, 1)


def test_in_two_tabs_it_is_one(run_notebook, predictions, lab, open_page):
    page = run_notebook(predictions).page
    page.keyboard.press("Control+s")
    page.wait_for_timeout(2000)
    other = open_page().page
    other.goto(f"{lab[0]}/lab/workspaces/other/tree/notebooks/x.ipynb?reset")
    other.wait_for_selector(".attn-predict", timeout=60_000)
    question(other, 0).locator("input").first.press(" ")
    question(other, 0).get_by_text("I commit to this").click()
    page.wait_for_function(
        "document.querySelector('.attn-predict [role=status]')?.innerText", timeout=20_000
    )
    assert said(page, 0) == said(other, 0)
