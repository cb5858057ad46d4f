"""The first page of the site: a pair that lives, and two languages."""

import pytest

from tests.browser.days import SHOTS
from tests.browser.fingers import touch
from tests.browser.site import BY_WIDTH_AND_COLOUR, DRAWN, SITE, cut, serious

DESK, PHONE = {"width": 1280, "height": 800}, {"width": 390, "height": 844, "touch": True}
SHARE = 1 / 8  # of a photograph: a patch
# Of both photographs: where the red frame stands, and how much of each patch is hidden.
PAIR = """() => [...document.querySelectorAll(".attn-pair svg")].map((photograph) => {
    const number = (frame) => (side) => +photograph.querySelector(frame).getAttribute(side);
    const at = (frame) => ["y", "x"].map(number(frame));
    const covers = [...photograph.querySelectorAll(".attn-covers rect")];
    const hidden = covers.map((cover) => +cover.getAttribute("fill-opacity"));
    return { chosen: at(".attn-chosen"), own: at(".attn-own"), hidden };
})"""


def said(page):
    return page.locator(".attn-said").inner_text()


def block(row, column):
    """The corner of the block of 4 × 4 patches, and its patches, row by row."""
    corner = [row - row % 4, column - column % 4]
    inside = [corner == [r - r % 4, c - c % 4] for r in range(8) for c in range(8)]
    return corner, inside


def holds(page, row, column):
    """Both photographs show what that patch sees, and the sentence says so."""
    corner, inside = block(row, column)
    nest, pglsum = page.evaluate(PAIR)
    for shown in (nest, pglsum):
        assert shown["chosen"] == [row, column] and shown["own"] == corner
        assert shown["hidden"][8 * row + column] == 0
    assert [hidden < 1 for hidden in nest["hidden"]] == inside
    assert max(pglsum["hidden"]) < 1
    words = said(page)
    assert words.startswith(f"Row {row + 1}, column {column + 1} (red frame).")
    assert "16 of 64" in words and "64 of 64" in words


def middle(page, which, row, column):
    """Of a patch of a photograph, in the window."""
    box = page.locator(".attn-pair svg").nth(which).bounding_box()
    part = box["width"] * SHARE
    return box["x"] + (column + 0.5) * part, box["y"] + (row + 0.5) * part


def test_the_pair_moves_by_keys(open_site):
    page = open_site("index.html", **DESK).page
    holds(page, 2, 3)
    page.locator(".attn-photographs").focus()
    for keys, place in ((["ArrowRight"], (2, 4)), (["ArrowDown"] * 2, (4, 4))):
        for key in keys:
            page.keyboard.press(key)
        holds(page, *place)
    page.wait_for_timeout(200)  # scrolling is smooth
    assert page.evaluate("scrollY") == 0
    for key in ["ArrowLeft"] * 9 + ["ArrowUp"] * 9:
        page.keyboard.press(key)
    holds(page, 0, 0)
    page.keyboard.press("Tab")
    assert page.locator(".attn-photographs:focus").count() == 0


def test_the_pair_follows_the_mouse(open_site):
    page = open_site("index.html", **DESK).page
    page.mouse.move(*middle(page, 0, 7, 7))
    holds(page, 7, 7)
    page.mouse.move(*middle(page, 1, 5, 0))
    holds(page, 5, 0)
    page.mouse.move(*middle(page, 1, 1, 6))
    holds(page, 1, 6)


@pytest.mark.parametrize("which", [0, 1])
def test_the_pair_moves_by_a_finger(open_site, which):
    page = open_site("index.html", **PHONE).page
    page.touchscreen.tap(*middle(page, which, 6, 1))
    holds(page, 6, 1)
    touch(page, middle(page, which, 6, 1), middle(page, which, 6, 5))
    holds(page, 6, 5)
    assert page.evaluate("scrollY") == 0


@pytest.mark.parametrize("screen", [DESK, PHONE], ids=["desk", "phone"])
@pytest.mark.parametrize("locale", ["en-US", "zh-CN"])
def test_question_photographs_and_sentence_stand_on_the_first_screen(open_site, screen, locale):
    page = open_site("index.html", locale=locale, **screen).page
    page.screenshot(path=f"{SHOTS}/first-{screen['width']}-{locale}.png")
    seen = ".attn-question:visible, .attn-pair svg, .attn-said"
    boxes = [each.bounding_box() for each in page.locator(seen).all()]
    assert len(boxes) == 4
    assert max(box["y"] + box["height"] for box in boxes) < screen["height"]
    left, right = boxes[1:3]
    assert left["y"] == right["y"] and left["x"] + left["width"] < right["x"]


@pytest.mark.parametrize(("locale", "tongue"), [("zh-CN", "zh-Hans"), ("de-DE", "en")])
def test_the_language_of_the_browser_comes_first_and_a_button_gives_the_other(
    open_site, locale, tongue
):
    page = open_site("index.html", locale=locale).page
    texts = {"en": "Why do they not work equally well", "zh-Hans": "为什么效果不一样"}
    words = {"en": "Row 3, column 4", "zh-Hans": "第 3 行第 4 列"}
    (other,) = set(texts) - {tongue}
    for now, hidden in ((tongue, other), (other, tongue)):
        main = page.locator("#furo-main-content").inner_text()
        assert texts[now] in main and texts[hidden] not in main
        assert said(page).startswith(words[now])
        pressed = page.locator(".attn-tongues [aria-pressed=true]")
        assert pressed.get_attribute("lang") == now
        page.locator(f".attn-tongues [lang={hidden}]").click()


def test_the_chosen_language_stays_and_the_questions_begin_in_it(open_site, server):
    page = open_site("index.html", base=server, locale="en-US").page
    page.locator(".attn-tongues [lang=zh-Hans]").click()
    page.reload()
    assert said(page).startswith("第 3 行第 4 列")
    page.goto(f"{server}/notebooks/00_two_cousins.html")
    page.wait_for_function(DRAWN)
    page.locator(".attn-ask[lang=zh-Hans]").wait_for()
    page.locator(".attn-ask [data-language='0']").click()
    page.goto(f"{server}/index.html")
    assert said(page).startswith("Row 3, column 4")


def test_the_questions_begin_in_the_language_of_the_browser(open_site):
    page = open_site("notebooks/00_two_cousins.html", locale="zh-CN").page
    assert page.locator(".attn-ask").first.get_attribute("lang") == "zh-Hans"


def test_without_scripts_both_languages_and_the_first_state_stand_there(chromium):
    context = chromium.new_context(java_script_enabled=False)
    page = context.new_page()
    page.goto(f"{SITE.as_uri()}/index.html")
    main = page.locator("#furo-main-content").inner_text()
    assert "为什么效果不一样" in main and "Why do they not" in main
    assert not page.locator(".attn-tongues").is_visible()
    assert page.locator(".attn-covers rect").count() == 128
    assert "16 of 64" in said(page)
    context.close()


@pytest.mark.parametrize("theme", ["light", "dark"])
@pytest.mark.parametrize("screen", [DESK, PHONE], ids=["desk", "phone"])
def test_in_chinese_it_keeps_nobody_out_either(open_site, screen, theme):
    page = open_site("index.html", locale="zh-CN", theme=theme, **screen).page
    assert serious(page) == []
    assert serious(page, BY_WIDTH_AND_COLOUR) == []
    assert cut(page) == []
