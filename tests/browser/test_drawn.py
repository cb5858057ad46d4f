"""What JavaScript draws is what Python's `draw` says, state by state."""

import random

import numpy as np
import pytest
import torch

from attnlib.course.lessons.blocks.explorer import explore_blocks
from attnlib.course.lessons.fusion.explorer import explore_fusion
from attnlib.course.lessons.segments.explorer import explore_segments
from attnlib.layout import segment_slices
from attnlib.segments import FUSIONS, fuse
from tests.browser.hosted import hosted

GENERATOR = torch.Generator().manual_seed(0)
PICTURE = torch.rand(24, 36, 3, generator=GENERATOR)
FRAMES = torch.rand(40, 6, 14, 3, generator=GENERATOR)


def edges(explorer, state):
    slices = segment_slices(state["length"], state["num_segments"])
    return {"edges": [0, *(each.stop for each in slices)]}


def row(angle, length):
    angle = torch.deg2rad(torch.as_tensor(angle, dtype=torch.float64))
    return length * torch.stack([angle.cos(), angle.sin()], -1)


def fused(explorer, state):
    whole = row(state["global_angle"], state["global_length"])
    length = state["local_length"]
    turned = row(torch.arange(361), length)
    norms = [fuse(whole, turned, mode).norm(dim=-1) for mode in FUSIONS]
    local = row(state["local_angle"], length)
    return {"norms": torch.stack(norms), "fused": fuse(whole, local, state["fusion"])}


# How to make each.
EXPLORERS = {
    "blocks": lambda: explore_blocks({"a": PICTURE, "b": PICTURE.flip(0)}, 3),
    "segments": lambda: explore_segments(FRAMES),
    "fusion": explore_fusion,
}
# The numbers that are seen in a state, by the names that JavaScript has for them; how near.
NUMBERS = {"segments": (edges, 0), "fusion": (fused, 1e-9)}
STATES = 150
# Moves the controls through these states; gives back what is drawn of each.
WALK = """(states) => {
    const stage = document.querySelector(".attn-stage"), found = [];
    const model = [...models.values()][0];
    // A slider, or a list: how many values it offers.
    const count = ({ max, options }) => options?.length ?? Number(max) + 1;
    const offered = () => Object.fromEntries([...document.querySelectorAll("label[data-name]")]
        .map((label) => [label.dataset.name, count(label.querySelector("input, select"))]));
    stage.addEventListener("drawn", ({ detail }) => found.push({ ...detail, offered: offered() }));
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
    numbers_of, near = NUMBERS.get(name, (lambda *_: {}, 0))
    for state, found in zip(states, told, strict=True):
        assert found["sentence"] == explorer.drawn(state)[1], state
        open_ = explorer.placed(state)["open"]
        assert found["offered"] == {control: len(places) for control, places in open_.items()}
        for seen, numbers in numbers_of(explorer, state).items():
            there = np.hstack(found[seen])
            np.testing.assert_allclose(there, np.hstack(numbers), 0, near, err_msg=str(state))


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


@pytest.fixture
def plane(show):
    """plane(**how) -> the page of two rows, and place(angle, length) of a tip on the screen."""

    def plane(scale=1, **how):
        page = show(explore_fusion(), **how)
        page.add_style_tag(content=f"body {{ min-height: 3000px; scale: {scale}; }}")
        box = page.locator("circle[fill=none]").bounding_box()  # of radius 1
        middle = [box[axis] + box["width"] / 2 for axis in ("x", "y")]

        def place(angle, length):
            across, up = row(angle, length * box["width"] / 2).tolist()
            return middle[0] + across, middle[1] - up

        return page, place

    return plane


def written(page, branch):
    """The angle and the length of a row, as its controls show them."""
    names = [f"label[data-name={branch}_{name}] output" for name in ("angle", "length")]
    return [float(page.locator(name).inner_text()) for name in names]


@pytest.mark.parametrize("scale", [1, 0.6])
def test_a_mouse_drags_the_tip_of_a_row(plane, scale):
    page, place = plane(scale)
    page.mouse.move(*place(30, 1.6))
    page.mouse.down()
    for angle, length, shown in ((75, 1.2, 1.2), (359, 1, 1), (200, 2.3, 2)):
        page.mouse.move(*place(angle, length), steps=3)
        # It went down on a whole pixel: that is a degree, or two where the page is scaled.
        assert written(page, "global") == [pytest.approx(angle, abs=2), shown]
    angle, _ = written(page, "global")
    page.mouse.move(*place(310, 0))
    assert written(page, "global") == [angle, 0]  # a row of zeros has no other angle
    page.mouse.move(*place(310, 1.5))
    page.mouse.up()
    page.mouse.move(*place(310, 1.4))  # still over it
    assert written(page, "global") == [pytest.approx(310, abs=2), 1.5]
    assert written(page, "local") == [120, 0.6]


def test_a_finger_drags_a_tip_and_beside_it_the_page(plane):
    page, place = plane(width=390)
    session = page.context.new_cdp_session(page)

    def touch(kind, *points):
        points = [{"x": x, "y": y} for x, y in points]
        session.send("Input.dispatchTouchEvent", {"type": kind, "touchPoints": points})

    def drag(*places):
        touch("touchStart", places[0])
        for each in places[1:]:
            touch("touchMove", each)
        touch("touchEnd")

    drag(*(place(120, length) for length in (0.6, 0.8, 1.1, 1.5)), place(160, 1.5))
    page.get_by_text("The angle between is 130°.").wait_for()
    assert written(page, "local") == [160, 1.5]
    assert page.evaluate("scrollY") == 0
    drag(*(place(20, length) for length in (2.2, 2, 1.8)), place(40, 2.4), place(80, 2.4))
    page.wait_for_function("scrollY > 0")
    assert written(page, "global") == [30, 1.6]


def test_keys_turn_and_stretch_a_row_and_the_page_stays(plane):
    page, _ = plane()
    page.get_by_role("button", name="the local row").focus()
    for key, right in (
        ("ArrowLeft", [119, 0.6]),
        ("ArrowRight", [120, 0.6]),
        ("ArrowUp", [120, 0.7]),
        ("ArrowDown", [120, 0.6]),
    ):
        page.keyboard.press(key)
        assert written(page, "local") == right
    for _ in range(7):
        page.keyboard.press("ArrowDown")
    assert written(page, "local") == [120, 0]
    assert page.evaluate("scrollY") == 0
