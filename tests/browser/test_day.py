"""A student's day in JupyterLab: three lessons in copies of their own, closed and opened again."""

import re

import pytest
from playwright.sync_api import expect

from tests.browser.days import SECONDS, SHOTS

LESSONS = ("00_two_cousins", "03_blocks", "08_detective")


def test_a_day(day, no_kernel):
    morning(day)
    no_kernel()
    after_lunch(day)


@pytest.mark.release
def test_an_evening(day, no_kernel):
    own_module(day)
    no_kernel()
    compared(day)


def morning(day):
    """Lesson 00: predicted, typed beside it, solved, restarted, saved, closed."""
    day.open(LESSONS[0])
    page = day.page
    assert page.locator(".jp-RenderedText[data-mime-type*=stdout], .jp-RenderedImage").count() == 0
    assert page.locator("p", has_text="Three times about 1.4").is_visible()
    of_more = page.locator("p", has_text="fine edges at frames")
    assert not of_more.is_visible()
    page.screenshot(path=SHOTS / "day_copy.png")
    day.run_all()
    question = page.locator(".attn-predict").first
    question.locator("input").first.press(" ")
    cells = page.locator(".jp-Cell").count()
    for key in ("ArrowDown", "b", "d", "d", "a", "x", "ArrowUp"):
        page.keyboard.press(key)
    assert page.locator(".jp-Cell").count() == cells
    question.get_by_text("I commit to this").click()
    day.solve("two_cousins.same_segment")
    day.menu("Kernel", "Restart Kernel…")
    page.get_by_role("button", name="Confirm Kernel Restart").click()
    page.wait_for_timeout(1 * SECONDS)
    day.idle()
    panel = page.locator(".attn-panel").first
    panel.get_by_role("button", name="Check").click()
    expect(panel.locator("[role=status]")).to_have_text(re.compile(r"\w+"), timeout=30 * SECONDS)
    day.close()


def after_lunch(day):
    """Lesson 00 again, as it was left; then it changes."""
    day.open(LESSONS[0])
    question = day.page.locator(".attn-predict").first
    expect(question.locator("[role=status]")).to_have_text(re.compile(r"\w+"))
    assert "✔ Right." in day.cell('"two_cousins.same_segment").check(').inner_text()
    day.close()

    def edit(cells):
        cells[0].source = cells[0].source.replace("Two cousins", "Two kinds of cousins")
        (stub,) = (cell for cell in cells if '"two_cousins.same_segment").check(' in cell.source)
        stub.source = stub.source.replace("your line or two here", "one line is enough")

    said = day.update(LESSONS[0], edit)
    assert "1 cells came; 1 changed on both sides" in said
    day.open(LESSONS[0])
    expect(day.page.locator("h1").first).to_contain_text("Two kinds of cousins")
    expect(day.page.locator("summary").filter(has_text="The lesson has changed")).to_be_visible()
    assert "segment[:, None]" in day.cell('"two_cousins.same_segment").check(').inner_text()
    day.close()


def own_module(day):
    """Lesson 03, with a module of one's own."""
    day.open(LESSONS[1])
    day.run_all()
    day.solve("blocks.blockify")
    day.solve("blocks.MyBlockAttention")
    day.close()


def compared(day):
    """Lesson 08: the module of one's own, and the library's, are the same."""
    day.open(LESSONS[2])
    day.run_all()
    verdict = day.cell("own_blocks, own_branches = so_far(").inner_text()
    assert verdict.count("SAME both ways") == 2
    borrowed = verdict.partition("borrowed from the course")[2].partition("(48")[0]
    assert "MyBlockAttention (" not in borrowed and "MyGlobalLocalAttention (" in borrowed
    day.close()
