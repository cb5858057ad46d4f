"""A short day with every lesson: `make test-release`, before a release."""

import pytest

from notebooks.execute import HERE, LESSONS
from tests.browser.days import SECONDS

STEMS = [path.stem for path in sorted(HERE.glob(LESSONS))]


@pytest.mark.release
@pytest.mark.parametrize("stem", STEMS)
def test_run_saved_closed_and_opened_again_a_lesson_is_alive(day, no_kernel, stem):
    day.open(stem)
    assert day.page.locator(".jp-RenderedText[data-mime-type*=stdout]").count() == 0
    day.run_all()
    asked = day.page.locator(".attn-predict").count()
    panels = day.page.locator(".attn-panel").count()
    assert asked and panels
    day.page.locator(".attn-predict input:visible").first.press(" ")
    day.close()
    no_kernel()
    day.open(stem)
    day.page.wait_for_function(
        "(count) => document.querySelectorAll('.attn-predict, .attn-panel').length === count",
        arg=asked + panels,
        timeout=60 * SECONDS,
    )
    assert day.page.locator(".attn-predict input:visible").first.is_checked()
    assert "widget model not found" not in day.page.content()
    day.watched.errors.clear()  # JupyterLab's own, about the kernel that is gone
