"""Explorers that are drawn in the browser, moved in the drawing itself: by mouse, finger, keys."""

import pytest

from attnlib.course.lessons.by_hand.explorer import explore_scores
from attnlib.course.lessons.fusion.explorer import explore_fusion
from tests.browser.drawn import EXPLORERS, row
from tests.browser.fingers import touch


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


# Where an SVG's own coordinates are on the page, whatever scales it.
ON_PAGE = """(svg, [x, y]) => {
    const point = new DOMPoint(x, y).matrixTransform(svg.getScreenCTM());
    return [point.x, point.y];
}"""


def tips(page):
    """The tips of key 0 and of the query."""
    return page.locator("[role=button]").all()


def middle(tip):
    box = tip.bounding_box()
    return box["x"] + box["width"] / 2, box["y"] + box["height"] / 2


def there(tip, x, y):
    """Where a tip at x, y would be on the page."""
    unit = 288 / 5
    inside = tip.locator("xpath=..")
    return inside.evaluate(ON_PAGE, [(2.5 + x) * unit, (2.5 - y) * unit])


@pytest.mark.parametrize("scale", [1, 0.6])
def test_tips_are_dragged_by_a_mouse_also_where_the_page_is_scaled(show, scale):
    page = show(explore_scores())
    page.add_style_tag(content=f"main {{ transform: scale({scale}); transform-origin: 20px 40px }}")
    key, query = tips(page)
    for tip, wanted, told in (
        (query, (0, 0), "All keys get the same"),
        (query, (-0.72, 1.38), "query at -0.7, 1.4"),
        (key, (2.4, -1), "key 0 at 2.0, -1.0"),  # beyond the edge it stops there
    ):
        page.mouse.move(*middle(tip))
        page.mouse.down()
        page.mouse.move(*there(tip, *wanted), steps=4)
        page.mouse.up()
        page.mouse.move(5, 5)  # it was let go
        assert told in page.locator("[role=status]").inner_text() + tip.get_attribute("aria-label")
    shown = page.locator(".attn-controls output").all_inner_texts()
    assert shown == ["-0.7", "1.4", "2.0", "-1.0"]


def test_a_finger_drags_a_tip_and_scrolls_the_page_beside_it(show):
    page = show(explore_scores(), width=390)
    page.set_viewport_size({"width": 390, "height": 600})
    _, query = tips(page)
    query.evaluate("(tip) => tip.scrollIntoView({ block: 'center' })")
    start, scrolled = page.locator("[role=status]").inner_text(), page.evaluate("scrollY")
    touch(page, middle(query), there(query, -1, 2))
    assert query.get_attribute("aria-label").startswith("query at -1.0, 2.0:")
    assert page.locator("[role=status]").inner_text() != start
    assert page.evaluate("scrollY") == scrolled
    touch(page, there(query, -2, -2), there(query, -2, 0))  # where no tip is
    page.wait_for_function("(before) => scrollY > before", arg=scrolled)
    assert query.get_attribute("aria-label").startswith("query at -1.0, 2.0:")


def test_arrow_keys_move_a_tip_and_stay_there(show):
    page = show(explore_scores())
    _, query = tips(page)
    start = page.locator("[role=status]").inner_text()
    page.evaluate("() => addEventListener('keydown', () => { document.title = 'heard' })")
    for keys in (["ArrowRight"] * 12, ["ArrowUp"] * 3, ["ArrowLeft"] * 12, ["ArrowDown"] * 3):
        for key in keys:
            query.press(key)
        assert "0.30000" not in query.get_attribute("aria-label")
    assert "query at 0.8, 0.3" in query.get_attribute("aria-label")  # it came to the edge, 2.0
    for _ in range(4):
        query.press("ArrowRight")
    assert page.locator("[role=status]").inner_text() == start
    assert page.title() == "Widgets"


@pytest.mark.parametrize(
    ("name", "rows", "cols"), [("blocks", 8, 12), ("learning", 8, 8)], ids=["blocks", "learning"]
)
def test_a_tap_on_a_picture_chooses_the_place_that_it_hits(show, name, rows, cols):
    explorer = EXPLORERS[name]()
    page = show(explorer, width=390)
    picture = page.locator("image").first
    box = picture.bounding_box()
    for down, column in ((0, cols - 1), (rows - 1, 0), (5, 4)):
        at = {"x": box["width"] * (column + 0.2) / cols, "y": box["height"] * (down + 0.9) / rows}
        picture.click(position=at)
        told = explorer.drawn(explorer.state | {"row": down, "column": column})[1]
        assert page.locator("[role=status]").inner_text() == told
