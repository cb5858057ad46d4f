"""Chinese lessons of the short path: alive on their pages, and in JupyterLab, and in Chinese."""

import re

import pytest

from notebooks.execute import HERE
from tests.browser.test_notebooks import boxes, move_every_control

HAN = re.compile("[\u4e00-\u9fff]")
ENGLISH = re.compile(r"(?:[A-Za-z]{2,}[,;]? ){3}[a-z]{2,}")  # four words in a row
# What each widget says, but for code.
TOLD = """() => [...document.querySelectorAll(".attn-predict, .attn-panel, .attn-explorer")]
    .map((widget) => {
        const copy = widget.cloneNode(true);
        for (const code of copy.querySelectorAll("code, pre, textarea, style")) code.remove();
        return copy.textContent;
    })"""


def speaks_chinese(page):
    told = page.evaluate(TOLD)
    assert len(told) > 3
    for text in told:
        assert HAN.search(text), text
        assert not ENGLISH.search(text), text


def commit_to_all(page):
    for question in page.locator(".attn-predict").all():
        question.locator("input").first.press(" ")
        question.locator("button").first.press("Enter")
        assert HAN.search(question.locator("[role=status]").inner_text())


@pytest.mark.parametrize("width", [1280, 390])
@pytest.mark.parametrize("name", ["00_two_cousins", "08_detective"])
def test_a_page_lives_in_chinese(open_site, name, width):
    page = open_site(f"notebooks/zh/{name}.html", width=width, locale="zh-CN").page
    assert page.evaluate("document.documentElement.lang") == "zh-Hans"
    commit_to_all(page)
    for explorer in page.locator(".attn-explorer").all():
        slider = explorer.locator("input[type=range]:enabled, select:enabled").first
        assert HAN.search(explorer.locator("[role=status]").inner_text())
        for key in ("End", "Home"):
            slider.press(key)
            page.wait_for_timeout(300)
            speaks_chinese(page)
    page.screenshot(path=HERE.parent / f"tests/browser/shots/zh-{name}-{width}.png", full_page=True)


@pytest.mark.parametrize(
    "name", ["00_two_cousins", pytest.param("08_detective", marks=pytest.mark.release)]
)
def test_a_lesson_runs_in_chinese_and_its_controls_move(run_notebook, name):
    page = run_notebook(HERE / "zh" / f"{name}.ipynb").page
    for box in boxes(page):
        move_every_control(page, box)
    commit_to_all(page)
    speaks_chinese(page)
