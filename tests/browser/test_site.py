"""The site as a reader meets it: opened from a folder or from a server, by keyboard, in the dark.

It looks at build/docs/html, which `make docs` makes.
"""

import functools
import http.server
import threading
from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import unquote, urlsplit

import pytest

from notebooks.execute import HERE, LESSONS

ROOT = Path(__file__).resolve().parents[2]
SITE = ROOT / "build" / "docs" / "html"
AXE = ROOT / "build" / "assets" / "axe-core" / "axe.min.js"
SHOTS = Path(__file__).with_name("shots")
PAGES = sorted(
    str(path.relative_to(SITE)) for path in SITE.rglob("*.html") if "_static" not in path.parts
)
LOOKED_AT = (
    "index",
    "docs/glossary",
    "docs/beliefs",
    "docs/benchmarks",
    "docs/api",
    "docs/reply",
    "notebooks/",
)
WITH_EXPLORERS = sorted(
    path.stem for path in HERE.glob(LESSONS) if "explore_" in path.read_text("utf-8")
)
WITH_MAPS = ("03_blocks", "04_global_branch", "11_video", "12_transformer")
DESK, PHONE = 1280, 390
# The rest is the same at any width and in any colours.
BY_WIDTH_AND_COLOUR = ["color-contrast", "scrollable-region-focusable", "target-size"]
# Elements whose right end is out of sight, unless something round them scrolls.
CUT = """() => {
    const scrolls = (el) => /auto|scroll/.test(getComputedStyle(el).overflowX);
    const main = document.getElementById("furo-main-content");
    const reached = (el) => el && el !== main && (scrolls(el) || reached(el.parentElement));
    const outside = (el) => el.getBoundingClientRect().right > innerWidth + 1;
    const out = [...main.querySelectorAll("*")].filter((el) => outside(el) && !reached(el));
    const page = document.documentElement.scrollWidth > innerWidth ? ["the page"] : [];
    return page.concat(out.map((el) => el.outerHTML.slice(0, 150)));
}"""
# Every widget that has a view stands on the page.
DRAWN = """() => {
    const views = document.querySelectorAll("script[type$='widget-view+json']").length;
    return document.querySelectorAll(".widget-subarea > *").length >= views;
}"""


@pytest.fixture(scope="session", autouse=True)
def site():
    assert (SITE / "index.html").exists(), "there is no site in build/docs/html: make docs"
    return SITE


@pytest.fixture(scope="session")
def server():
    """The site behind a static server on this machine."""

    class Quiet(http.server.SimpleHTTPRequestHandler):
        def log_message(self, *_):
            pass

    handler = functools.partial(Quiet, directory=SITE)
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as served:
        threading.Thread(target=served.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{served.server_port}"
        served.shutdown()


@pytest.fixture
def open_site(open_page):
    """open_site(page, …) -> the watched page of the site, its widgets drawn."""

    def open_site(page, base=None, **how):
        watched = open_page(**how)
        watched.page.goto(f"{base or SITE.as_uri()}/{page}")
        watched.page.wait_for_function(DRAWN)
        return watched

    return open_site


def serious(page, rules=None):
    """What axe-core finds that keeps people out, in words."""
    if not page.evaluate("typeof axe === 'object'"):
        page.evaluate(AXE.read_text(encoding="utf-8"))
    options = {"resultTypes": ["violations"], "preload": False}
    if rules:
        options["runOnly"] = rules
    found = page.evaluate("(options) => axe.run(options)", options)["violations"]
    return [
        f"{each['id']}: {node['html'][:200]} {node['failureSummary']}"
        for each in found
        if each["impact"] in ("serious", "critical")
        for node in each["nodes"]
    ]


def cut(page):
    """What stands out of the page to the right, where nobody can scroll to it."""
    return page.evaluate(CUT)


def shoot(page, name):
    page.screenshot(path=SHOTS / f"site-{name.replace('/', '-')}.png", full_page=True)


@pytest.mark.parametrize("name", PAGES)
def test_a_page_opens_from_a_folder_and_keeps_nobody_out(open_site, name):
    page = open_site(name).page
    assert page.locator("h1, title").count() >= 1
    assert serious(page) == []
    assert cut(page) == []
    page.emulate_media(color_scheme="dark")
    page.set_viewport_size({"width": PHONE, "height": 900})
    page.wait_for_timeout(300)  # colours fade over
    assert serious(page, BY_WIDTH_AND_COLOUR) == []
    assert cut(page) == []
    red, green, blue = page.evaluate(
        "getComputedStyle(document.body).backgroundColor.match(/\\d+/g).map(Number)"
    )[:3]
    assert red + green + blue < 150
    if name.startswith(LOOKED_AT):
        shoot(page, f"{name.removesuffix('.html')}-phone")


@pytest.mark.parametrize("name", [page for page in PAGES if not page.startswith("_modules")])
def test_a_page_opens_from_a_static_server(open_site, server, name):
    page = open_site(name, server).page
    if name.startswith(LOOKED_AT):
        shoot(page, f"{name.removesuffix('.html')}-desk")


@pytest.mark.parametrize("name", WITH_MAPS)
def test_the_map_lives_without_a_kernel_and_moves_by_keyboard(open_site, name):
    page = open_site(f"notebooks/{name}.html").page
    map_ = page.locator(".attn-view").first
    map_.wait_for()
    map_.scroll_into_view_if_needed()
    page.wait_for_timeout(300)  # drawn again where it stands
    map_.focus()

    def seen():
        pixels = map_.evaluate("(el) => el.querySelector('.attn-mark').toDataURL()")
        return map_.locator(".attn-sentence").inner_text(), pixels

    before = seen()
    page.keyboard.press("ArrowDown")
    page.wait_for_timeout(200)
    moved = seen()
    assert moved[0] != before[0] and moved[1] != before[1]
    page.keyboard.press("ArrowUp")
    page.wait_for_timeout(200)
    assert seen() == before
    assert "needs a kernel" not in map_.inner_text()


@pytest.mark.parametrize("name", WITH_EXPLORERS)
def test_what_needs_a_kernel_says_so_and_shows_a_contact_sheet(open_site, name):
    page = open_site(f"notebooks/{name}.html").page
    sheet = page.locator(".attn-sheet").first
    assert "needs a kernel" in sheet.inner_text()
    cells = sheet.locator("figure")
    assert cells.count() >= 4
    assert all(cell.inner_text().strip() for cell in cells.all())
    boxes = [cells.nth(place).bounding_box() for place in (0, 1)]
    assert boxes[0]["y"] == boxes[1]["y"] and boxes[0]["x"] < boxes[1]["x"]  # side by side
    cells.first.locator("input").focus()
    page.keyboard.press("Space")
    assert cells.first.bounding_box()["width"] > 1.8 * boxes[0]["width"]
    dead = page.locator(".widget-slider, .widget-dropdown, .widget-radio, .widget-button")
    assert dead.count() == 0


def test_a_prediction_opens_by_keyboard(open_site):
    page = open_site("notebooks/03_blocks.html").page
    question = page.locator(".attn-predict").first
    said = question.locator("[role=status]")
    question.locator("input").first.focus()
    page.keyboard.press("Space")
    assert said.inner_text() == ""
    page.keyboard.press("Tab")
    page.keyboard.press("Enter")
    assert said.inner_text().startswith(("As you said", "Not so"))


@pytest.mark.parametrize("served", [False, True])
def test_the_search_finds(open_site, server, served):
    page = open_site("search.html?q=blockify", server if served else None).page
    page.wait_for_selector("#search-results li a")
    assert page.locator("#search-results li a").count() >= 2


def test_formulas_are_set(open_site):
    page = open_site("notebooks/00_two_cousins.html").page
    page.wait_for_selector("mjx-container")
    fonts = page.evaluate(
        "document.fonts.ready.then(() => [...document.fonts].map((f) => f.status))"
    )
    assert "error" not in fonts


class Links(HTMLParser):
    """Every href and src of a page, what it loads, and every name that can be linked to."""

    def __init__(self, path):
        super().__init__()
        self.links, self.loaded, self.names = [], [], set()
        self.feed(path.read_text(encoding="utf-8"))

    def handle_starttag(self, tag, attributes):
        for name, value in attributes:
            if name in ("href", "src") and value is not None:
                self.links.append(value)
                if name == "src" or tag == "link":
                    self.loaded.append(value)
            if name in ("id", "name"):
                self.names.add(value)


@pytest.fixture(scope="module")
def links():
    return {SITE / name: Links(SITE / name) for name in PAGES}


def test_every_link_inside_the_site_leads_somewhere(links):
    broken = []
    for path, found in links.items():
        for link in found.links:
            parts = urlsplit(link)
            if parts.scheme or parts.netloc:
                continue
            target = (path.parent / unquote(parts.path)).resolve() if parts.path else path
            names = links[target].names if target in links else {parts.fragment}
            if not target.is_file() or parts.fragment and unquote(parts.fragment) not in names:
                broken.append(f"{path.relative_to(SITE)}: {link}")
    assert len(links) > 20
    assert broken == []


def test_no_page_loads_anything_from_elsewhere(links):
    elsewhere = [
        f"{path.relative_to(SITE)}: {link[:100]}"
        for path, found in links.items()
        for link in found.loaded
        if urlsplit(link).netloc or urlsplit(link).scheme not in ("", "data")
    ]
    assert elsewhere == []
