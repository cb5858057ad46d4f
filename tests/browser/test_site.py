"""The site as a reader meets it: opened from a folder or from a server, by keyboard, in the dark.

It looks at build/docs/html, which `make docs` makes.
"""

import re
from html.parser import HTMLParser
from io import BytesIO
from pathlib import Path
from urllib.parse import quote, unquote, urlsplit

import pytest
from PIL import Image

from notebooks.execute import HERE, LESSONS
from tests.browser.site import BY_WIDTH_AND_COLOUR, CUT, SITE, cut, serious

SHOTS = Path(__file__).with_name("shots")
ALL = sorted(path for path in SITE.rglob("*.html") if "_static" not in path.parts)
SOURCES = [path for path in ALL if "_modules" in path.parts]  # made alike: the longest serves
PAGES = [
    str(path.relative_to(SITE))
    for path in [each for each in ALL if each not in SOURCES]
    + sorted(SOURCES, key=lambda path: path.stat().st_size)[-1:]
]
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
LESSONS_PAGES = [page for page in PAGES if page.startswith("notebooks/") and "CREDITS" not in page]
DESK, PHONE, WALL = 1280, 390, 1920
HEAVIEST, HEAVIEST_WIDGET = 3_000_000, 1_000_000  # bytes
# What a reader has before them: the sentence, and the pixels or the parts of the drawing.
SEEN = """(box) => [
    box.querySelector("[role=status]").innerText,
    Array.from(box.querySelectorAll("canvas"), (canvas) => canvas.toDataURL()).join(),
    Array.from(box.querySelectorAll("svg"), (svg) => svg.outerHTML).join(),
]"""


@pytest.fixture(scope="session", autouse=True)
def site():
    assert (SITE / "index.html").exists(), "there is no site in build/docs/html: make docs"
    return SITE


def shoot(page, name):
    page.screenshot(path=SHOTS / f"site-{name.replace('/', '-')}.png", full_page=True)


def weight(watched):
    """Bytes of the page from the folder, and of all that it loads."""
    files = {unquote(urlsplit(url).path) for url in watched.loaded if url.startswith("file:")}
    return sum(Path(file).stat().st_size for file in files)


@pytest.mark.parametrize("name", PAGES)
def test_a_page_opens_from_a_folder_and_keeps_nobody_out(open_site, name):
    watched = open_site(name)
    page = watched.page
    assert page.locator("h1, title").count() >= 1
    assert serious(page) == []
    assert weight(watched) < HEAVIEST
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
    screen = Image.open(BytesIO(map_.locator(".attn-stage").screenshot())).convert("RGB")
    assert len(screen.getcolors(screen.width * screen.height)) > 100, "something lies over the map"


@pytest.mark.parametrize("name", WITH_EXPLORERS)
@pytest.mark.parametrize(("width", "theme"), [(DESK, "light"), (PHONE, "dark")])
def test_an_explorer_lives_without_a_kernel(open_site, name, width, theme):
    page = open_site(f"notebooks/{name}.html", width=width, theme=theme).page
    for number, box in enumerate(page.locator(".attn-explorer:has(.attn-controls)").all()):
        box.scroll_into_view_if_needed()
        page.wait_for_timeout(300)
        first = box.evaluate(SEEN)
        assert first[0] and (first[1] or first[2])
        moved = 0
        for control in box.locator(".attn-controls :is(input, select)").all():
            if control.is_disabled():
                continue
            control.focus()
            page.keyboard.press("Home")
            page.wait_for_timeout(200)
            before = box.evaluate(SEEN)
            page.keyboard.press("End")
            page.wait_for_timeout(200)
            moved += box.evaluate(SEEN) != before
        assert moved
        assert "No kernel" not in box.inner_text()
        box.screenshot(path=SHOTS / f"alive-{name}-{number}-{width}.png")


@pytest.mark.parametrize("name", LESSONS_PAGES)
def test_a_page_hosts_its_own_widgets_alone(name):
    text = (SITE / name).read_text(encoding="utf-8")
    assert "@jupyter-widgets" not in text and "embed-amd" not in text
    models = re.findall(r'<script[^>]* id="attn-model-[^>]*>(.*?)</script>', text, re.DOTALL)
    assert models
    assert max(len(model.encode()) for model in models) < HEAVIEST_WIDGET


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


SHOWN = """() => [...document.querySelectorAll(".attn-figure img")].map((img) => ({
    chosen: img.currentSrc.split("/").at(-1),
    wide: img.getAttribute("src").split("/").at(-1),
    narrow: img.previousElementSibling.srcset.split("/").at(-1),
    part: img.clientWidth / img.closest(".text_html").clientWidth,
    inches: img.naturalWidth / 200,
}))"""


@pytest.mark.parametrize("name", LESSONS_PAGES)
def test_a_telephone_shows_the_narrow_figures_and_a_desk_the_wide_ones(open_site, name):
    page = open_site(name, width=PHONE).page
    figures = page.evaluate(SHOWN)
    assert figures
    for figure in figures:
        assert figure["chosen"] == figure["narrow"] != figure["wide"]
        assert figure["inches"] == 4 and figure["part"] > 0.98
    page.set_viewport_size({"width": DESK, "height": 900})
    page.wait_for_function(f"({SHOWN})().every(({{ chosen, wide }}) => chosen === wide)")


# How far each part that may be wider than the page fades out, at its left and right, in px.
FADES = """async (end) => {
    const frame = () => new Promise((done) => requestAnimationFrame(done));
    const wide = ".table-wrapper, .output.text_html, .highlight pre, p:has(> img)";
    const parts = [...document.querySelectorAll(wide)].filter((part) => part.checkVisibility());
    if (end) parts.forEach((part) => (part.scrollLeft = part.scrollWidth));
    await frame();
    await frame();
    return parts.map((part) => {
        const side = (name) => parseFloat(getComputedStyle(part).getPropertyValue(name));
        const hidden = part.scrollWidth > part.clientWidth;
        return { hidden, left: side("--more-left"), right: side("--more-right") };
    });
}"""


@pytest.mark.parametrize("name", ["index", "docs/benchmarks", "notebooks/09_does_it_matter"])
def test_what_is_cut_at_an_edge_fades_there(open_site, name):
    page = open_site(f"{name}.html", width=PHONE).page
    parts = page.evaluate(FADES, False)
    assert any(part["hidden"] for part in parts)
    for part in parts:
        assert part["left"] == 0
        assert (part["right"] > 20) == part["hidden"]
    shoot(page, f"{name}-tables")
    for part in page.evaluate(FADES, True):
        assert (part["left"] > 20) == part["hidden"]
        assert part["right"] == 0


@pytest.mark.parametrize("theme", ["light", "dark"])
@pytest.mark.parametrize("name", ["index", "notebooks/03_blocks", "notebooks/09_does_it_matter"])
def test_on_a_large_screen_nothing_is_cut(open_site, name, theme):
    page = open_site(f"{name}.html", width=WALL, theme=theme).page
    assert cut(page) == []
    shoot(page, f"{name}-wall-{theme}")


@pytest.mark.parametrize("name", ["02_heads", "03_blocks", "09_does_it_matter"])
def test_on_paper_stands_the_page_alone_and_nothing_is_folded(open_site, name):
    page = open_site(f"notebooks/{name}.html", theme="dark").page
    folds = "document.querySelectorAll('details:not([open])').length"
    closed = page.evaluate(folds)
    assert closed > 0
    page.evaluate(f"addEventListener('beforeprint', () => {{ window.still = {folds}; }})")
    page.pdf(path=SHOTS / "site-paper.pdf")
    assert page.evaluate("window.still") == 0
    assert page.evaluate(folds) == closed
    page.emulate_media(media="print", color_scheme="dark")
    page.set_viewport_size({"width": 718, "height": 1000})  # A4 between its margins
    for part in (".skip-to-content", ".sidebar-drawer", ".toc-drawer", ".mobile-header"):
        assert not page.locator(part).is_visible()
    paper = "getComputedStyle(document.body).backgroundColor"
    assert page.evaluate(paper) == "rgb(255, 255, 255)"
    assert page.evaluate(CUT) == []
    wide = "(part) => part.scrollWidth > part.clientWidth + 1"
    for part in page.locator(".table-wrapper, .output.text_html, .highlight pre").all():
        assert part.evaluate("(part) => getComputedStyle(part).maskImage") == "none"
        assert not part.evaluate(wide)
    shoot(page, f"{name}-paper")


@pytest.mark.parametrize("served", [False, True])
@pytest.mark.parametrize("words", ["blockify", "效果", "头", "softmax 效果"])
def test_the_search_finds(open_site, server, served, words):
    page = open_site(f"search.html?q={quote(words)}", server if served else None).page
    page.wait_for_selector("#search-results p.search-summary:has-text('found')")  # all are listed
    found = page.locator("#search-results li a")
    assert found.count() >= 2
    if words != "blockify":
        assert found.evaluate_all("(all) => all.some((each) => /reply.zh/.test(each.href))")
    assert not [title for title in found.all_inner_texts() if "<" in title]


def test_the_search_does_not_find_what_is_not_there(open_site):
    page = open_site(f"search.html?q={quote('果效')}").page
    page.wait_for_selector("#search-results p.search-summary:has-text('did not match')")


@pytest.mark.parametrize("touch", [False, True])
def test_a_button_copies_code(open_site, touch):
    page = open_site("index.html", touch=touch).page
    page.context.grant_permissions(["clipboard-read", "clipboard-write"])
    button = page.locator(".highlight-python button.copybtn").first
    button.focus()
    page.keyboard.press("Enter")
    page.wait_for_selector(".copybtn.success")
    assert page.evaluate("navigator.clipboard.readText()").startswith("from torch import nn\n")
    page.mouse.move(0, 0)
    button.evaluate("(button) => button.blur()")
    page.wait_for_function("(button) => !button.matches('.success')", arg=button.element_handle())
    page.wait_for_timeout(400)  # it fades
    assert (button.evaluate("(button) => getComputedStyle(button).opacity") == "1") == touch


@pytest.mark.parametrize("name", PAGES)
def test_a_page_names_its_language_and_has_its_icon(name):
    text = (SITE / name).read_text(encoding="utf-8")
    is_chinese = re.match(r"zh/|notebooks/zh/|docs/reply\.zh", name)
    assert re.findall(r'<html[^>]* lang="([^"]+)"', text) == ["zh-Hans" if is_chinese else "en"]
    assert re.search(r'<link rel="shortcut icon" href="[^"]*_static/icon.svg', text)


def test_what_is_english_on_a_chinese_page_says_so(open_site):
    page = open_site("docs/reply.zh.html").page
    links = ".sidebar-tree a, h1 :text('in Chinese')"
    assert page.locator(links).count() > 3
    for link in page.locator(links).all():
        assert link.evaluate("(link) => link.closest('[lang]').lang") == "en"


@pytest.mark.parametrize(
    ("name", "other"),
    [
        ("notebooks/00_two_cousins.html", "notebooks/zh/00_two_cousins.html"),
        ("docs/reply.html", "docs/reply.zh.html"),
    ],
)
def test_a_page_leads_to_the_same_one_in_the_other_language_and_back(open_site, name, other):
    page = open_site(name).page
    page.click(".attn-tongue a[hreflang=zh-Hans]")
    assert page.url.endswith(other)
    assert page.evaluate("document.documentElement.lang") == "zh-Hans"
    page.click(".attn-tongue a[hreflang=en]")
    assert page.url.endswith(name)


@pytest.mark.parametrize("name", LESSONS_PAGES)
def test_a_lesson_does_not_say_how_to_run_a_cell(name):
    assert "<kbd>Shift</kbd>" not in (SITE / name).read_text(encoding="utf-8")


def test_an_exercise_says_at_once_that_a_page_cannot_check(open_site):
    page = open_site("notebooks/03_blocks.html").page
    panel = page.locator(".attn-panel").first
    panel.get_by_role("button", name="Check").click()
    panel.get_by_text("No answer yet. Is a kernel running?").wait_for(timeout=1000)
    assert panel.get_by_role("button", name="Check").is_enabled()


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
    return {page: Links(page) for page in ALL}


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


@pytest.mark.parametrize(
    ("name", "head"),
    [("02_heads", "Predict. "), ("zh/02_heads", "先预测。"), ("00_two_cousins", "1. ")],
)
def test_the_head_of_a_question_stands_apart_from_it(open_site, name, head):
    """Pages set a legend as a table, in which a space that stands alone is nothing."""
    said = open_site(f"notebooks/{name}.html").page.locator("form legend").first.inner_text()
    assert re.match(rf"{re.escape(head)}\w", said), said
