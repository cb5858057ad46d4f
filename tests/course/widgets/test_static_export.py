"""The contact sheet of an explorer holds what the widget would show, control by control."""

import re

import ipywidgets as widgets
import pytest
from IPython.core.interactiveshell import InteractiveShell
from matplotlib.figure import Figure

from attnlib.course.widgets import static_export as page
from attnlib.course.widgets.controls import choice, slider
from attnlib.course.widgets.explorer import Explorer


def draw(kind, level):
    if level == 9:
        raise ValueError("level=9 must be below 9 & above 0")
    return Figure(figsize=(4, 2)), f"kind {kind}, level {level}"


@pytest.fixture
def explorer():
    controls = {"kind": choice("kind", "a", ("a", None, "c")), "level": slider("level", 3, 0, 9)}
    return Explorer("explore_it", draw, controls)


def captions(html):
    return re.findall(r"<figcaption><strong>(.*?)\.</strong> (.*?)</figcaption>", html)


def test_it_starts_as_the_widget_and_then_moves_one_control_at_a_time(explorer):
    assert captions(page.sheet(explorer)) == [
        ("as it starts", "kind a, level 3"),
        ("kind: none", "kind None, level 3"),
        ("kind: c", "kind c, level 3"),
        ("level: 9", "level=9 must be below 9 &amp; above 0"),
        ("level: 0", "kind a, level 0"),
    ]


def test_it_says_that_the_widget_needs_a_kernel_and_leaves_the_widget_as_it_was(explorer):
    drawn = explorer.drawn
    assert "<strong>needs a kernel</strong>" in page.sheet(explorer)
    assert explorer.drawn == drawn and explorer.sentence == "kind a, level 3"


def test_a_state_that_cannot_be_drawn_has_no_picture(explorer):
    html = page.sheet(explorer)
    assert html.count("<figure>") == 5
    assert html.count('<img src="data:image/png;base64,') == html.count(' alt="The picture, ') == 4
    assert 'width="440" height="220"' in html


def test_with_many_controls_each_shows_one_other_value():
    controls = {name: slider(name, 1, 0, 9) for name in "abcde"}
    explorer = Explorer("many", lambda **state: (Figure(), str(state)), controls)
    assert len(captions(page.sheet(explorer))) == 1 + 5


def test_a_state_that_looks_and_says_the_same_is_shown_once():
    controls = {"undone": widgets.Checkbox(True, description="undone")}
    same = Explorer("same", lambda undone: (Figure(), "the same"), controls)
    assert len(captions(page.sheet(same))) == 1
    other = Explorer("other", lambda undone: (Figure(), str(undone)), controls)
    assert [label for label, _ in captions(page.sheet(other))] == ["as it starts", "undone: False"]
    drawn = Explorer("drawn", lambda undone: (Figure(facecolor=str(undone / 2)), "same"), controls)
    assert len(captions(page.sheet(drawn))) == 2  # the same words, another picture


def test_once_installed_the_sheet_stands_beside_the_view(explorer, monkeypatch):
    shell = InteractiveShell()
    monkeypatch.setattr(page, "get_ipython", lambda: shell)
    before, _ = shell.display_formatter.format(explorer)
    page.install()
    after, _ = shell.display_formatter.format(explorer)
    assert "attn-sheet" not in before["text/html"]
    assert set(after) == set(before) | {"text/html"}
    assert after["text/html"] == page.sheet(explorer)
    assert after["text/plain"] == "explore_it: kind a, level 3"
