"""What JavaScript draws is what Python's `draw` says, state by state."""

import random

import numpy as np
import pytest
import torch

from attnlib.course.lessons.blocks.explorer import explore_blocks
from attnlib.course.lessons.segments.explorer import explore_segments
from attnlib.layout import segment_slices
from tests.browser.hosted import hosted

GENERATOR = torch.Generator().manual_seed(0)
PICTURE = torch.rand(24, 36, 3, generator=GENERATOR)
FRAMES = torch.rand(40, 6, 14, 3, generator=GENERATOR)


def edges(explorer, state):
    slices = segment_slices(state["length"], state["num_segments"])
    return {"edges": [0, *(each.stop for each in slices)]}


# How to make each.
EXPLORERS = {
    "blocks": lambda: explore_blocks({"a": PICTURE, "b": PICTURE.flip(0)}, 3),
    "segments": lambda: explore_segments(FRAMES),
}
# Of some: (explorer, state) -> the numbers that are seen, beside the sentence, by name.
NUMBERS = {"segments": edges}
STATES = 150
# Moves the controls through these states; gives back what is drawn of each.
WALK = """(states) => {
    const stage = document.querySelector(".attn-stage"), found = [];
    const model = [...models.values()][0];
    stage.addEventListener("drawn", ({ detail }) => found.push(detail));
    for (const at of states) model.set("shown", { at });
    return found;
}"""


@pytest.fixture
def show(open_page, tmp_path):
    """show(widget) -> the page that hosts it, at work."""

    def show(widget, **how):
        (tmp_path / "page.html").write_text(hosted(widget), encoding="utf-8")
        page = open_page(**how).page
        page.goto((tmp_path / "page.html").as_uri())
        page.wait_for_selector("[data-alive]", state="attached")
        return page

    return show


def sampled(explorer):
    """States that a hand may reach: each control at its first value, at its last, at any."""
    chance, values = random.Random(0), explorer.values
    ends = [{name: every[end] for name, every in values.items()} for end in (0, -1)]
    others = [
        {name: chance.choice(every) for name, every in values.items()}
        for _ in range(STATES - len(ends))
    ]
    return [explorer.fitted(state)[0] for state in ends + others]


@pytest.mark.parametrize("name", EXPLORERS)
def test_it_says_in_the_browser_what_it_says_in_python(show, name):
    explorer = EXPLORERS[name]()
    states = sampled(explorer)
    told = show(explorer).evaluate(WALK, [explorer.placed(state)["at"] for state in states])
    assert len(told) == len(states)
    for state, found in zip(states, told, strict=True):
        assert found["sentence"] == explorer.drawn(state)[1], state
        numbers = NUMBERS[name](explorer, state) if name in NUMBERS else {}
        for key, right in numbers.items():
            np.testing.assert_allclose(found[key], right, rtol=0, atol=1e-9, err_msg=str(state))


# How tall the letters of a drawing are on the screen, in CSS pixels.
LETTERS = """all => all.map((one) => {
    const { a, b } = one.getScreenCTM();
    return parseFloat(getComputedStyle(one).fontSize) * Math.hypot(a, b);
})"""


@pytest.mark.parametrize("name", EXPLORERS)
def test_on_a_phone_it_is_as_wide_as_the_page_and_can_be_read(show, name):
    page = show(EXPLORERS[name](), width=390)
    assert page.evaluate("document.documentElement.scrollWidth") == 390
    assert min(page.locator("svg text").evaluate_all(LETTERS)) >= 11


@pytest.mark.parametrize(("width", "down"), [(1280, False), (390, True)])
def test_the_frames_go_down_on_a_narrow_page_and_a_tap_chooses_one(show, width, down):
    page = show(EXPLORERS["segments"](), width=width)
    page.locator("[data-frame='3']").click()
    assert "Frame 3 lies in segment 0" in page.locator(".attn-told").inner_text()
    boxes = [page.locator(f"[data-frame='{frame}']").bounding_box() for frame in (3, 4)]
    moved = {axis: boxes[1][axis] - boxes[0][axis] for axis in ("x", "y")}
    assert (moved["y"] > 0) == down and (moved["x"] > 0) != down
