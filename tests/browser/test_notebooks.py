"""Every lesson and every widget of the course in JupyterLab: run, moved by keyboard, looked at."""

import random
from pathlib import Path

import pytest

from notebooks.execute import HERE as LESSONS
from tests.browser.days import IDLE

HERE = Path(__file__).parent
SHOWN = """Array.from(document.querySelectorAll(".attn-stage img, [role=status]"))
    .map((one) => one.src ?? one.innerText).join()"""
SCROLLS = """() => [...document.querySelectorAll(".jp-OutputArea-output, .jp-OutputArea-output *")]
    .filter((one) => ["auto", "scroll"].includes(getComputedStyle(one).overflowX))
    .filter((one) => one.clientWidth && one.scrollWidth > one.clientWidth)
    .map((one) => `${one.className} ${one.scrollWidth} > ${one.clientWidth}`)"""
# Of a control: its kind, where it stands, how many options it has.
PLACE = """(one) => one.options ? ["list", one.selectedIndex, one.options.length]
    : one.type === "range" ? ["slider", Number(one.value), 0] : ["tick", one.checked, 2]"""
# What is drawn: the pictures of a kernel, and drawings.
STATE = """(box) => [
    Array.from(box.querySelectorAll(".attn-stage img"), (img) => {
        const canvas = document.createElement("canvas");
        [canvas.width, canvas.height] = [img.naturalWidth, img.naturalHeight];
        canvas.getContext("2d").drawImage(img, 0, 0);
        return img.style.visibility === "hidden" || !img.naturalWidth ? "" : canvas.toDataURL();
    }),
    Array.from(box.querySelectorAll(".attn-stage svg"), (svg) => svg.outerHTML),
    box.querySelector("[role=status]").innerText,
]"""
CONTROL = ".attn-controls :is(input, select)"


def settle(page):
    """Until the kernel has drawn all it was asked for, and the pictures stand still."""
    last, now = None, ""
    while now != last:
        page.wait_for_function(IDLE)
        last, now = now, page.evaluate(SHOWN)
        page.wait_for_timeout(90)


def press(page, control, *keys):
    control.focus()
    for key in keys:
        page.keyboard.press(key)
    settle(page)


def keys(*pressed):
    return lambda page, control: press(page, control, *pressed)


def choose(index):
    """By hand: a list has keys for its ends, but JupyterLab keeps the arrows for its cells."""

    def act(page, control):
        control.select_option(index=index)
        settle(page)

    return act


def controls(box):
    """Sliders, lists and boxes to tick: ways to both ends and a middle, and the way back."""
    found = []
    for control in box.locator(CONTROL).all():
        kind, place, count = control.evaluate(PLACE)
        if kind == "slider":
            ways, back = (keys("End"), keys("Home"), keys("Home", "PageUp")), slide_to(place)
        elif kind == "list":
            ways, back = (keys("End"), keys("Home"), choose(count // 2)), choose(place)
        else:
            ways, back = (keys(" "),), keys(" ")
        found.append((control, ways, place, back))
    return found


def slide_to(place):
    def act(page, slider):
        press(page, slider, "Home")
        for _ in range(400):
            if float(slider.input_value()) >= place:
                break
            slider.focus()
            page.keyboard.press("ArrowRight")
        settle(page)

    return act


def move_every_control(page, box):
    """Both ends and a middle; the picture or its line changes, and comes back to the byte."""
    found = controls(box)
    for control, ways, *_ in found:
        if control.is_disabled():
            continue  # it would change nothing
        before, seen = box.evaluate(STATE), []
        for act in ways:
            act(page, control)
            seen.append(box.evaluate(STATE))
        assert any(state != before for state in seen), control.evaluate("(one) => one.outerHTML")
        for each, _, place, back in found:  # others may have moved with it
            if each.evaluate(PLACE)[1] != place:
                back(page, each)
        # Not ==, whose difference of two pictures takes minutes to print.
        same = box.evaluate(STATE) == before
        assert same, control.evaluate("(one) => one.outerHTML")


def boxes(page):
    """The explorers on the page."""
    return page.locator(".attn-explorer").all()


def walk(page, seed):
    """A hundred actions at random on all controls; the page must live."""
    chance = random.Random(seed)
    found = page.locator(f"{CONTROL}, .attn-view").all()
    found = [control for control in found if control.is_enabled()]
    for _ in range(100):
        control = chance.choice(found)
        control.focus()
        page.keyboard.press(chance.choice(["ArrowUp", "ArrowDown", "PageUp", "PageDown", "Home"]))
    settle(page)
    errors = page.locator('[data-mime-type="application/vnd.jupyter.stderr"]')
    assert errors.count() == 0


# A viewer with an explorer; an explorer that the kernel draws; one that draws itself.
OFTEN = ("00_two_cousins", "03_blocks", "05_segments")


PARAMS = [
    pytest.param(path, id=path.stem, marks=[] if path.stem in OFTEN else pytest.mark.release)
    for path in sorted(LESSONS.glob("[0-9][0-9]_*.ipynb"))
]


@pytest.mark.parametrize("lesson", PARAMS)
def test_a_lesson_runs_and_its_controls_move(run_notebook, lesson):
    page = run_notebook(lesson).page
    found = boxes(page)
    assert found
    for number, box in enumerate(found):
        move_every_control(page, box)
        box.screenshot(path=HERE / f"shots/{lesson.stem}_{number}.png")
    for question in page.locator(".attn-predict").all():
        assert question.locator("label").first.inner_text().startswith("a. ")
        question.locator("input").first.press(" ")
        question.get_by_text("I commit to this").press("Enter")
        assert question.locator("[role=status]").inner_text()
    walk(page, seed=0)
    fits(page)


def fits(page):
    """Nothing scrolls sideways, wide or narrow; controls, figure and sentence are seen at once."""
    for width in (1280, 760):
        page.set_viewport_size({"width": width, "height": 900})
        page.wait_for_timeout(500)
        assert page.evaluate(SCROLLS) == []
        heights = [box.evaluate("(one) => one.clientHeight") for box in boxes(page)]
        assert max(heights) < 880


def test_no_key_pressed_in_a_control_reaches_the_notebook(run_notebook, widgets):
    page = run_notebook(widgets).page
    cells = page.locator(".jp-Cell").count()
    controls = page.locator(CONTROL)
    assert controls.count() > 10
    for control in controls.all():
        control.focus()
        for key in ("b", "a", "ArrowDown"):  # new cells, below and above
            page.keyboard.press(key)
    assert page.locator(".jp-Cell").count() == cells


@pytest.mark.parametrize("width", [1280, 800])
@pytest.mark.parametrize("theme", ["light", "dark"])
def test_every_widget_is_drawn_in_both_themes_and_widths(run_notebook, widgets, theme, width):
    watched = run_notebook(widgets, width, theme)
    page = watched.page
    found = boxes(page)
    assert len(found) == 7
    for number, box in enumerate(found):
        box.scroll_into_view_if_needed()
        box.screenshot(path=HERE / f"shots/explorer_{number}_{width}_{theme}.png")
    for number, seen in enumerate(page.locator(".attn-view").all()):
        seen.screenshot(path=HERE / f"shots/lab_view_{number}_{width}_{theme}.png")


def test_a_map_shown_twice_and_run_again_stays_alive(run_notebook, widgets):
    page = run_notebook(widgets).page
    views = page.locator(".attn-view")
    assert views.count() == 2
    views.first.focus()
    page.keyboard.press("ArrowDown")
    settle(page)
    first, second = page.locator(".attn-sentence").all_inner_texts()
    assert first == second
    assert "query 1 on key 0" in first
    # Run the last cell again: its old view goes, the new one stands where the other does.
    page.locator(".jp-CodeCell").last.locator(".cm-content").click()
    page.keyboard.press("Shift+Enter")
    settle(page)
    page.wait_for_timeout(500)
    assert page.locator(".attn-sentence").all_inner_texts() == [first, first]
    views.last.focus()
    page.keyboard.press("ArrowDown")
    settle(page)
    assert all("query 2 on" in each for each in page.locator(".attn-sentence").all_inner_texts())
    # The notebook is saved, closed and opened again: its kernel lives, and so do the maps.
    page.keyboard.press("Control+s")
    page.wait_for_timeout(1000)
    page.goto(page.url)
    page.wait_for_selector(".attn-view", timeout=60_000)
    settle(page)
    assert views.count() == 2
    views.first.focus()
    page.keyboard.press("ArrowDown")
    settle(page)
    assert all("query 3 on" in each for each in page.locator(".attn-sentence").all_inner_texts())
