"""The decks as a room meets them: from behind, by keyboard, on a telephone, in the dark.

It looks at build/slides, which `make slides` makes.
"""

import functools
import http.server
import re
import threading
from pathlib import Path

import pytest

from attnlib.course.lessons.by_hand.explorer import explore_scores
from tests.browser.fingers import touch
from tests.browser.hosted import hosted

ROOT = Path(__file__).resolve().parents[2]
SHOTS = Path(__file__).with_name("shots")
SLIDES = ROOT / "build" / "slides"
AXE = ROOT / "build" / "assets" / "axe-core" / "axe.min.js"
DECKS = sorted(path.stem for path in SLIDES.glob("[0-9]*.html"))
LESSONS = [path.stem for path in ROOT.glob("notebooks/[0-9]*.ipynb")]
LESSONS += [
    f"{path.stem}.{path.parent.name}" for path in ROOT.glob("notebooks/[a-z]*/[0-9]*.ipynb")
]
ROOMS = {"1280x720": (1280, 720), "1920x1080": (1920, 1080)}
SETTLED = "() => window.Reveal?.isReady() && document.readyState === 'complete'"

# One pass through all slides: what reaches over an edge, and the smallest type of each sort, in
# pixels of a slide 720 high.
WALK = """async () => {
    const next = () => new Promise((done) => requestAnimationFrame(done));
    const outside = [], sizes = { prose: [99], code: [99], table: [99] };
    const parts = "h1, h2, p, li, pre, code, td, th, img, canvas, button";
    const sort = (part) => part.closest("td, th") ? "table"
        : part.closest("pre, code, .columns") ? "code" : "prose";
    for (const slide of Reveal.getSlides()) {
        const { h, v } = Reveal.getIndices(slide);
        Reveal.slide(h, v, 99);
        const room = document.querySelector(".slides").getBoundingClientRect();
        if (slide.dataset.kind === "widget") { // it shrinks, once it has drawn
            const low = (part) => part.getBoundingClientRect().bottom > room.bottom + 1;
            const all = [...slide.querySelectorAll(parts)];
            await next(); await next();
            for (let n = 0; n < 60 && all.some(low); n++) await next();
        }
        for (const part of slide.querySelectorAll(parts)) {
            const box = part.getBoundingClientRect();
            if (part.closest(".notes, mjx-container") || !box.width || !box.height) continue;
            const over = Math.max(room.left - box.left, room.top - box.top,
                box.right - room.right, box.bottom - room.bottom);
            const cut = part.tagName === "PRE" && part.scrollWidth > part.clientWidth + 1;
            if (over > 1 || cut) outside.push([h, v, part.tagName, Math.round(over)]);
            if (part.closest(".attn-view") || !part.textContent.trim()) continue;
            const size = parseFloat(getComputedStyle(part).fontSize);
            sizes[sort(part)].push(size * (part.currentCSSZoom ?? 1));
        }
    }
    const smallest = Object.entries(sizes).map(([kind, found]) => [kind, Math.min(...found)]);
    return { outside, smallest: Object.fromEntries(smallest) };
}"""
# Type that the back row reads, in pixels of a slide 720 high.
READABLE = {"prose": 24, "code": 18, "table": 20}


def address(name):
    return (SLIDES / f"{name}.html").as_uri()


@pytest.fixture
def open_deck(open_page):
    """open_deck(name, …) -> the page, its slides and widgets drawn."""

    def open_deck(name, size=(1280, 720), theme="light", query="", at=address):
        page = open_page(size[0], theme).page
        page.set_viewport_size({"width": size[0], "height": size[1]})
        page.goto(at(name) + query)
        page.wait_for_function(SETTLED)
        page.wait_for_function("!document.querySelector('.attn-live:not([data-alive])')")
        return page

    return open_deck


def shoot(page, name):
    page.screenshot(path=SHOTS / f"slides_{name}.png")


def go_to(page, selector):
    """To the slide that holds the first such element."""
    page.evaluate(
        """(selector) => {
            const { h, v } = Reveal.getIndices(document.querySelector(selector).closest("section"));
            Reveal.slide(h, v);
        }""",
        selector,
    )


def test_every_lesson_has_a_deck():
    assert sorted(LESSONS) == DECKS, "run `make slides` first"


@pytest.mark.parametrize("size", ROOMS.values(), ids=ROOMS)
@pytest.mark.parametrize("name", DECKS)
def test_everything_is_on_its_slide_and_large_enough(open_deck, name, size):
    found = open_deck(name, size).evaluate(WALK)
    assert found["outside"] == []
    for sort, smallest in found["smallest"].items():
        assert smallest >= READABLE[sort], (sort, smallest)


@pytest.mark.parametrize("name", DECKS)
def test_on_a_telephone_in_the_dark_it_is_read_by_scrolling_down_only(open_deck, name):
    page = open_deck(name, (390, 800), "dark")
    wide = page.evaluate(
        """() => Reveal.getSlides().filter((slide) => {
            const { h, v } = Reveal.getIndices(slide);
            Reveal.slide(h, v, 99);
            return slide.scrollWidth > 390 || document.documentElement.scrollWidth > 390;
        }).map((slide) => slide.innerText.slice(0, 60))"""
    )
    assert wide == []
    paper = "getComputedStyle(document.querySelector('.reveal')).backgroundColor"
    assert page.evaluate(paper) == "rgb(255, 255, 255)"
    for kind in ("title", "poll", "figure"):
        go_to(page, f"[data-kind={kind}] > *")
        shoot(page, f"{name[:2]}_{kind}_phone_dark")


@pytest.mark.parametrize("name", DECKS)
def test_axe_finds_nothing_serious(open_deck, name):
    page = open_deck(name, query="?print-pdf")  # all slides at once
    page.add_script_tag(path=AXE)
    assert serious(page) == []


def test_on_paper_widgets_are_looked_for_only_when_all_slides_are_back(open_page):
    page = open_page().page  # Reveal takes them out of the page for a frame
    page.add_init_script(
        """new MutationObserver((_, observer) => {
            if (!document.querySelector("[data-alive]")) return;
            window.back = document.querySelector(".pdf-page") !== null;
            observer.disconnect();
        }).observe(document, { attributes: true, childList: true, subtree: true })"""
    )
    page.goto(address("03_blocks") + "?print-pdf")
    page.wait_for_selector("[data-kind=widget] .attn-view", state="attached")
    assert page.evaluate("window.back")


def test_axe_finds_nothing_serious_in_the_index(open_page):
    for theme in ("light", "dark"):
        page = open_page(390, theme).page
        page.goto(address("index"))
        page.add_script_tag(path=AXE)
        assert serious(page) == []
        assert page.evaluate("document.documentElement.scrollWidth") <= 390
        shoot(page, f"index_{theme}_phone")


def serious(page):
    # preload would fetch style sheets, which a page from the file system may not.
    found = page.evaluate("axe.run(document, { resultTypes: ['violations'], preload: false })")
    return [
        (each["id"], each["nodes"][0]["html"][:200])
        for each in found["violations"]
        if each["impact"] in ("serious", "critical")
    ]


@pytest.mark.parametrize("name", ["index", *DECKS])
def test_every_link_to_a_file_leads_there(name):
    html = (SLIDES / f"{name}.html").read_text(encoding="utf-8")
    targets = re.findall(r'<(?:a|img|link|script)\b[^>]*?(?:href|src)="([^"#?]+)', html)
    files = [target for target in targets if not re.match(r"(https?|data):", target)]
    assert [file for file in files if not (SLIDES / file).exists()] == []
    if name != "index":
        assert not [target for target in targets if target.endswith((".ipynb", ".md"))]


def test_to_the_right_goes_the_core_and_down_what_is_more(open_deck):
    page = open_deck("00_two_cousins")
    seen = []
    for _ in range(60):
        seen.append(page.locator("section.present section.present").inner_text())
        page.keyboard.press("ArrowRight")
    text = "\n".join(seen)
    assert "What you can now do" in text
    assert "· core" in text and "· more" not in text
    go_to(page, "[data-kind=title]")
    for _ in range(60):
        page.keyboard.press("Space")
        text += page.locator("section.present section.present").inner_text()
    assert "· more" in text


def test_a_poll_is_answered_at_the_last_press_only(open_deck):
    page = open_deck("00_two_cousins")
    go_to(page, "li.right")
    answer = page.locator("section.present section.present .then")
    right = page.locator("section.present section.present li.right")
    assert answer.evaluate("part => getComputedStyle(part).visibility") == "hidden"
    plain = right.evaluate("part => getComputedStyle(part).backgroundColor")
    marks = right.evaluate("part => getComputedStyle(part).listStyleType")
    assert marks == "lower-alpha", "as in the notes and in JupyterLab"
    shoot(page, "poll")
    page.keyboard.press("ArrowRight")
    assert answer.evaluate("part => getComputedStyle(part).visibility") == "visible"
    assert right.evaluate("part => getComputedStyle(part).backgroundColor") != plain
    shoot(page, "poll_answered")


VIEWER = "[data-kind=widget] .attn-view"


@pytest.mark.parametrize("size", ROOMS.values(), ids=ROOMS)
def test_the_viewer_is_moved_by_keyboard_and_the_slide_stays(open_deck, size):
    page = open_deck("03_blocks", size)
    go_to(page, VIEWER)
    page.wait_for_timeout(300)
    before = page.evaluate("JSON.stringify(Reveal.getIndices())")
    sentence, viewer = page.locator(".attn-sentence"), page.locator(VIEWER)
    for _ in range(40):
        page.keyboard.press("Tab")
        if viewer.evaluate("part => part === document.activeElement"):
            break
    first, picture = sentence.inner_text(), viewer.screenshot()
    page.keyboard.press("ArrowDown")
    page.keyboard.press("ArrowRight")
    assert sentence.inner_text() != first
    shoot(page, f"viewer_{size[0]}")
    page.keyboard.press("ArrowLeft")
    page.keyboard.press("ArrowUp")
    assert sentence.inner_text() == first
    assert viewer.screenshot() == picture
    assert page.evaluate("JSON.stringify(Reveal.getIndices())") == before


def test_the_mouse_finds_the_same_cell_however_large_the_screen(open_deck):
    found = []
    for size in ROOMS.values():
        page = open_deck("03_blocks", size)
        go_to(page, VIEWER)
        page.wait_for_timeout(300)
        box = page.locator(f"{VIEWER} .attn-mark").bounding_box()
        page.mouse.click(box["x"] + 0.7 * box["width"], box["y"] + 0.6 * box["height"])
        found.append(page.locator(".attn-sentence").inner_text())
    assert found[0] == found[1]


def test_the_notes_open_in_a_window_of_their_own(open_deck):
    page = open_deck("00_two_cousins")
    page.keyboard.press("ArrowRight")
    with page.expect_popup() as opened:
        page.keyboard.press("s")
    notes = opened.value
    notes.wait_for_function(
        "() => document.querySelector('.speaker-controls-notes')?.innerText.includes('one formula')"
    )
    notes.close()


def test_from_a_server_it_is_the_same(open_deck):
    handler = functools.partial(http.server.SimpleHTTPRequestHandler, directory=SLIDES)
    handler.log_message = lambda *_: None
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        origin = f"http://127.0.0.1:{server.server_port}"
        page = open_deck("03_blocks", at=lambda name: f"{origin}/{name}.html")
        go_to(page, VIEWER)
        assert page.locator(VIEWER).is_visible()
        server.shutdown()


def test_a_finger_that_moves_something_turns_no_slide(open_page, tmp_path):
    assets = (SLIDES / "assets/reveal.js").as_uri()
    deck = hosted(explore_scores()).replace(
        "<main>", '<div class="reveal"><div class="slides"><section>'
    )
    deck = deck.replace("</main>", "</section><section>the next</section></div></div>")
    deck += (
        f'<link rel="stylesheet" href="{assets}/dist/reveal.css"><script src="{assets}/reveal.js">'
    )
    deck += "</script><script>Reveal.initialize({ center: false, transition: 'none' })</script>"
    (tmp_path / "deck.html").write_text(deck, encoding="utf-8")
    page = open_page(touch=True).page  # where fingers are, controls are larger
    page.goto((tmp_path / "deck.html").as_uri())
    page.wait_for_selector("[data-alive]", state="attached")
    page.wait_for_function(SETTLED)
    for part in (page.locator("[role=button]").last, page.locator("input[type=range]").first):
        box, before = part.bounding_box(), page.locator("[role=status]").inner_text()
        x, y = box["x"] + box["width"] * 0.6, box["y"] + box["height"] / 2
        touch(page, (x, y), (x - 80, y))
        assert page.locator("[role=status]").inner_text() != before
        assert page.locator("[role=status]").inner_text() != before
        assert page.evaluate("Reveal.getIndices().h") == 0
    touch(page, (900, 650), (700, 650))  # beside them it does
    page.wait_for_function("() => Reveal.getIndices().h === 1")
