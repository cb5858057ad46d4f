"""The viewer in a browser, on a plain page: keys, mouse, fingers; with and without a kernel."""

import base64
import functools
import http.server
import random
import re
import shutil
import threading
from pathlib import Path

import pytest
import torch

import attnlib.course.widgets.viewer
from attnlib import AttentionMap, SameGroup, attention
from attnlib.course import data
from attnlib.course.widgets.timing import Pace
from attnlib.course.widgets.viewer import MapView, view

HERE = Path(__file__).parent
SENTENCE = "The animal did not cross the street because it was too tired"
WORDS = tuple(SENTENCE.split(" "))
PICTURES = "Array.from(document.querySelectorAll('canvas')).map((each) => each.toDataURL())"


@pytest.fixture(scope="module")
def served(tmp_path_factory):
    folder = tmp_path_factory.mktemp("page")
    shutil.copy(HERE / "fake.html", folder)
    (folder / "viewer.js").write_text(str(MapView._esm), encoding="utf-8")
    (folder / "viewer.css").write_text(str(MapView._css), encoding="utf-8")

    class Quiet(http.server.SimpleHTTPRequestHandler):
        def log_message(self, *_):
            pass

    handler = functools.partial(Quiet, directory=folder)
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_address[1]}/fake.html"
    server.shutdown()


class Shown:
    """A viewer on a page, and what a reader sees of it."""

    def __init__(self, page, widget):
        self.page, self.widget = page, widget
        self.root = page.locator(".attn-view").first

    def press(self, *keys):
        self.root.focus()
        for key in keys:
            self.page.keyboard.press(key)

    @property
    def sentence(self):
        return self.root.locator(".attn-sentence").inner_text()

    @property
    def state(self):
        return self.root.locator(".attn-state").inner_text()

    def pictures(self):
        return self.page.evaluate(PICTURES)

    def place(self):
        return self.page.evaluate("['head', 'query', 'key'].map((name) => model.get(name))")


def state_of(widget):
    state = {name: getattr(widget, name) for name in widget.trait_names(sync=True)}
    state = {name: value for name, value in state.items() if not name.startswith("_")}
    for name in ("weights", "seen", "overview", "picture"):
        state[name] = base64.b64encode(state[name]).decode()
    kept = ("layout", "tabbable", "tooltip", "comm", "keys")
    return {name: value for name, value in state.items() if name not in kept}


@pytest.fixture
def show(served, open_page):
    def show(
        map_or_array,
        width=1280,
        theme="light",
        kernel=False,
        state=None,
        touch=False,
        place="",
        **options,
    ):
        widget = view(map_or_array, **options)
        state = state_of(widget) | (state or {})
        page = open_page(width, theme, touch).page
        page.goto(served + place)
        page.wait_for_function("window.ready")
        if theme == "dark":
            page.evaluate("document.body.style = 'background: #111; color: #ddd'")
        page.evaluate("(state) => { make(state); model.dead = true; }", state)
        if kernel is True:
            answer_from(page, widget)
        elif kernel:
            page.evaluate(f"void (model.answer = {kernel})")
        page.evaluate("void (window.first = show(model))")
        if options.get("picture") is not None or options.get("frames") is not None:
            page.wait_for_selector(".attn-side")
        return Shown(page, widget)

    return show


def answer_from(page, widget):
    """The widget's own answers, and what then changes of its state, over the bridge to the page."""

    def text(data):
        return base64.b64encode(data).decode()

    def answer(message):
        found, numbers = widget._source.answer(message)
        before = widget.overview
        widget._publish(found)
        changed = [text(widget.overview), widget.offer] if widget.overview is not before else None
        return message | found, text(b"" if numbers is None else numbers.astype("<f4")), changed

    page.expose_function("kernel", answer)
    page.evaluate(
        """void (model.answer = async (message) => {
            model.asked = (model.asked ?? 0) + 1;
            const [reply, text, changed] = await kernel(message);
            const bytes = (text) =>
                new DataView(Uint8Array.from(atob(text), (c) => c.charCodeAt(0)).buffer);
            model.emit("msg:custom", reply, text ? [bytes(text)] : []);
            if (changed) model.set("overview", bytes(changed[0]));
            if (changed) model.set("offer", changed[1]);
        })"""
    )


def small(heads=3, queries=12, keys=12):
    torch.manual_seed(0)
    q = torch.randn(heads, queries, 8)
    k, v = torch.randn(2, heads, keys, 8)
    _, map_ = attention(2 * q, k, v)
    return map_


def patches():
    picture = data.photograph("astronaut", 64, 64)
    return small(2, 64, 64), {"picture": picture, "patch_size": 8, "block_size": 4}


def frames():
    shots, cuts = data.montage(frames_each=4)
    return small(2, 24, 24), {"frames": shots, "edges": cuts}


def masked(length=16, size=4, heads=2):
    """Groups of `size` tokens; the last token sees nothing, the one before it itself alone."""
    torch.manual_seed(0)
    q, k = torch.randn(2, heads, length, 8)

    def mask(i, j):
        alone = (i != length - 1) & ((i != length - 2) | (j == i))
        return SameGroup(size)(i, j) & alone

    return attention(q, k, k, mask=mask)[1]


def masked_patches():
    picture = data.photograph("astronaut", 64, 64)
    return masked(64, 16), {"picture": picture, "patch_size": 8, "block_size": 4}


CASES = {
    "masked": lambda: (masked(), {"edges": (4, 8, 12)}),
    "masked_patches": masked_patches,
    "plain": lambda: (small(), {}),
    "words": lambda: (small(), {"queries": WORDS, "title": "words"}),
    "patches": patches,
    "frames": frames,
    "one": lambda: (torch.ones(1, 1), {}),
    "row": lambda: (torch.rand(1, 9), {}),
    "wide": lambda: (small(1, 5, 40), {"edges": (3,)}),
    "tall": lambda: (small(1, 40, 5), {}),
    "heads": lambda: (small(13), {}),
}


@pytest.mark.parametrize("theme", ["light", "dark"])
@pytest.mark.parametrize("width", [1280, 420])
@pytest.mark.parametrize("case", CASES)
def test_it_is_drawn(show, case, width, theme):
    map_, options = CASES[case]()
    shown = show(map_, width, theme, **options)
    shown.press("ArrowDown", "ArrowRight")
    assert len(set(shown.pictures())) > 2
    shown.page.screenshot(path=HERE / f"shots/viewer_{case}_{width}_{theme}.png")


def number(value):
    """As the viewer prints it."""
    if 0 < value < 0.001:
        mantissa, power = f"{value:.1e}".split("e")
        return f"{mantissa}e{int(power)}"
    return f"{value:.3f}"


def told(map_, head, query, key, names=()):
    weights = map_.weights()[head, query]
    top = weights.argmax().item()

    def name(token):
        return f"{token} “{names[token]}”" if names else str(token)

    return (
        f"Head {head}: query {name(query)} on key {name(key)}: {number(weights[key])}. This "
        f"query's largest weight is {number(weights[top])}, on key {name(top)}"
    )


def test_the_arrows_walk_over_queries_and_keys_and_the_sentence_tells(show):
    map_ = small()
    shown = show(map_, queries=WORDS)
    before = shown.pictures()
    assert shown.sentence.startswith(told(map_, 0, 0, 0, WORDS))
    shown.press("ArrowDown", "ArrowDown", "ArrowRight", "PageDown")
    assert shown.place() == [1, 2, 1]
    assert shown.sentence.startswith(told(map_, 1, 2, 1, WORDS))
    assert shown.pictures() != before
    shown.press("PageUp", "ArrowUp", "ArrowUp", "ArrowLeft")
    assert shown.pictures() == before


def test_keys_stop_at_the_ends(show):
    shown = show(small())
    shown.press("ArrowUp", "ArrowLeft", "PageUp")
    assert shown.place() == [0, 0, 0]
    shown.press("Shift+ArrowDown", "Shift+ArrowDown", "End", "ArrowRight", *["PageDown"] * 5)
    assert shown.place() == [2, 11, 11]
    shown.press("Home")
    assert shown.place() == [2, 11, 0]


def test_keys_do_not_reach_the_page(show):
    shown = show(small())
    shown.page.evaluate("window.heard = []; addEventListener('keydown', (e) => heard.push(e.key))")
    shown.press("ArrowDown", "l", "+", "a")
    assert shown.page.evaluate("heard") == []
    shown.press("Control+s", "Escape")  # but these are the page's
    assert shown.page.evaluate("heard") == ["Control", "s", "Escape"]
    assert shown.page.evaluate("document.activeElement === document.body")


@pytest.mark.parametrize(
    ("there", "back"), [("l", "l"), ("+", "0"), ("+", "-"), ("PageDown", "PageUp")]
)
def test_there_and_back_gives_the_same_pixels(show, there, back):
    shown = show(small(), edges=(4,))
    before = shown.pictures()
    shown.press(there)
    assert shown.pictures() != before
    shown.press(back)
    assert shown.pictures() == before


def test_the_buttons_do_what_the_keys_do(show):
    shown = show(small())
    before = shown.pictures()
    shown.root.get_by_label("zoom in").click()
    zoomed = shown.pictures()
    shown.root.get_by_label("show the whole map").click()
    assert shown.pictures() == before != zoomed
    shown.root.get_by_label("head 1").click()
    assert shown.place()[0] == 1
    assert shown.root.get_by_label("head 1").get_attribute("aria-pressed") == "true"
    shown.root.get_by_label("logarithmic colours").click()
    assert shown.root.get_by_label("logarithmic colours").get_attribute("aria-pressed") == "true"


def test_zoomed_in_the_window_follows_the_arrows(show):
    shown = show(small(1, 40, 40))
    shown.press("+", "+", "+", "+", "+", "+")
    before = shown.pictures()
    shown.press(*["ArrowRight"] * 3)
    moved = shown.pictures()
    assert moved[-3] != before[-3] or moved[0] != before[0]
    shown.press(*["ArrowRight"] * 30)
    assert shown.place()[2] == 33
    assert "on key 33" in shown.sentence


def point(shown, row, column, rows, cols):
    """Where a token of the whole map is on the page."""
    box = shown.root.locator(".attn-mark").bounding_box()
    return box["x"] + 62 + 420 * (column + 0.5) / cols, box["y"] + 6 + 420 * (row + 0.5) / rows


def test_the_mouse_points_drags_and_zooms(show):
    shown = show(small(1, 40, 40))
    mouse = shown.page.mouse
    mouse.move(*point(shown, 7, 30, 40, 40))
    assert shown.place() == [0, 7, 30]
    whole = shown.pictures()[0]
    mouse.wheel(0, -300)  # not focused: it belongs to the page
    assert shown.pictures()[0] == whole
    mouse.dblclick(*point(shown, 7, 30, 40, 40))
    zoomed = shown.pictures()[0]
    assert zoomed != whole
    mouse.down()
    mouse.move(*point(shown, 20, 20, 40, 40), steps=3)
    mouse.up()
    panned = shown.pictures()[0]
    assert panned != zoomed
    mouse.wheel(0, -300)
    shown.page.wait_for_timeout(100)
    assert shown.pictures()[0] != panned


def test_a_click_on_a_patch_chooses_it_as_the_query(show):
    map_, options = patches()
    shown = show(map_, **options)
    box = shown.root.locator(".attn-side").bounding_box()
    side = box["width"] / 8
    shown.page.mouse.click(box["x"] + 5.5 * side, box["y"] + 2.5 * side)  # row 2, column 5
    place = 2 * 8 + 5
    assert shown.place()[1] == shown.widget.places.index(place)


def test_the_strongest_pairs_stand_in_a_table(show):
    map_ = small()
    shown = show(map_, queries=WORDS)
    shown.root.locator("summary").click()
    shown.root.locator("tr").last.wait_for()  # the browser tells of the opening a little later
    lines = shown.root.locator("tr").all_inner_texts()
    weights = map_.weights()[0]
    best = weights.flatten().topk(10)
    query, key = divmod(best.indices[0].item(), 12)
    assert lines[0].split("\t") == ["query", "key", "weight"]
    assert lines[1].split("\t") == [
        f"{query} {WORDS[query]}", f"{key} {WORDS[key]}", f"{best.values[0]:.3f}"
    ]  # fmt: skip
    assert len(lines) == 11


def test_it_says_what_it_is_handed_and_the_rest_in_english(show):
    said = {"zoom in": "放大", "query": "查询", "head {head}": "头 {head}"}
    shown = show(small(), state={"said": said})
    assert shown.root.get_by_label("放大").inner_text() == "+"
    assert shown.root.get_by_label("头 2").count() == 1
    assert shown.root.get_by_label("zoom out").count() == 1
    assert shown.sentence.startswith(told(small(), 0, 0, 0))


def test_without_a_trait_of_translations_it_is_english(show):
    shown = show(small(), state={"said": None})
    assert shown.sentence.startswith(told(small(), 0, 0, 0))
    assert shown.root.get_by_label("zoom in").count() == 1


def test_two_views_of_one_model_keep_in_step_and_leave_nothing_behind(show):
    shown = show(small())
    page = shown.page
    page.evaluate("void (window.second = show(model))")
    shown.press("ArrowDown", "PageDown")
    first, second = page.locator(".attn-sentence").all_inner_texts()
    assert first == second
    page.evaluate("second(); first()")
    assert page.evaluate("model.count()") == 0
    assert page.locator("canvas").count() == 0
    nodes = "document.getElementsByTagName('*').length"
    before = page.evaluate(nodes)
    page.evaluate("for (let n = 0; n < 50; n++) show(model)()")
    assert page.evaluate("model.count()") == 0
    assert page.evaluate(nodes) == before


def long(length=3000):
    torch.manual_seed(0)
    _, map_ = attention(*torch.randn(3, 1, length, 16))
    return map_


def test_a_long_map_without_a_kernel_shows_its_overview_and_says_so(show):
    shown = show(long())
    assert shown.state == ""
    shown.press("+")
    shown.page.wait_for_timeout(4600)
    assert shown.state == "needs a kernel: in JupyterLab, run its cell"
    assert len(set(shown.pictures())) > 1


def test_a_long_map_asks_for_what_is_on_screen_and_shows_it(show):
    map_ = long()
    shown = show(map_, kernel=True)
    shown.press("ArrowDown", "ArrowRight")
    shown.page.wait_for_timeout(300)
    weights = map_.weights()[0, 1]
    assert shown.sentence.startswith(f"query 1 on key 1: {number(weights[1])}")
    coarse = shown.pictures()[0]
    shown.press(*["+"] * 12)
    shown.page.wait_for_timeout(500)
    assert shown.pictures()[0] != coarse
    assert shown.state == ""
    tile = shown.page.evaluate("model.sent.filter((each) => each.kind === 'tile').at(-1)")
    for first, last in (tile["rows"], tile["cols"]):
        assert first <= 1 < last <= first + 6  # single cells, round where it stands


def test_one_request_is_under_way_and_the_newest_waits(show):
    # A slow kernel, that answers when told to.
    slow = "(message) => (model.held ??= []).push(message)"
    shown = show(long(), kernel=slow)
    page = shown.page
    shown.press(*["+"] * 6)
    asked = page.evaluate("model.held.map((each) => [each.kind, each.rows])")
    assert len(asked) <= 2  # the row of the first query, or one tile
    page.wait_for_timeout(300)
    assert shown.state == "◌ computing …"
    page.evaluate(
        """() => {
            const release = () => {
                const message = model.held.shift();
                const cells = message.kind === "tile" ? 1 : 3000;
                const numbers = new DataView(new Float32Array(cells).fill(0.5).buffer);
                model.emit("msg:custom", { ...message, shape: [1, 1] }, [numbers]);
            };
            while (model.held.length) release();
        }"""
    )
    tiles = page.evaluate(
        "model.sent.filter((each) => each.kind === 'tile').map((each) => each.rows)"
    )
    assert len(tiles) <= 2  # of six
    assert tiles[-1][1] - tiles[-1][0] <= 3000 / 2**6 + 2  # the last of them
    assert shown.state == ""


def test_a_failure_of_the_kernel_is_said(show):
    failing = """(message) => setTimeout(() =>
        model.emit("msg:custom", { ...message, kind: "failed" }, []))"""
    shown = show(long(), kernel=failing)
    shown.press("+")
    shown.page.wait_for_timeout(100)
    assert shown.state == "the kernel could not compute this"


# ---- Exactly 0 -----------------------------------------------------------------------------------

GREY = [217, 217, 217]  # as in the figures


def pixel(shown, canvas, across, down):
    """The colour at a place of a canvas, in CSS pixels."""
    return shown.page.evaluate(
        """([canvas, across, down]) => {
            const of = document.querySelector(canvas);
            const ratio = of.width / parseFloat(of.style.width);
            const place = [across, down].map((at) => Math.floor(at * ratio));
            return [...of.getContext("2d").getImageData(...place, 1, 1).data].slice(0, 3);
        }""",
        [canvas, across, down],
    )


def cell(shown, row, column, rows, cols, side=420):
    return pixel(
        shown, ".attn-map", 62 + side * (column + 0.5) / cols, 6 + side * (row + 0.5) / rows
    )


@pytest.mark.parametrize("theme", ["light", "dark"])
@pytest.mark.parametrize("keys", [(), ("l",)], ids=["linear", "logarithmic"])
def test_weights_of_exactly_zero_are_grey_and_no_others(show, keys, theme):
    map_ = masked()
    shown = show(map_, theme=theme)
    shown.press(*keys)
    zero = (map_.weights()[0] == 0).tolist()
    assert shown.page.evaluate("devicePixelRatio") == 1
    for row in range(16):
        for column in range(16):
            assert (cell(shown, row, column, 16, 16) == GREY) == zero[row][column]
    thumbnail = ".attn-head:nth-of-type(2) canvas"
    for row in range(16):
        for column in range(16):
            seen = pixel(shown, thumbnail, 3 * column + 1.5, 3 * row + 1.5)
            assert (seen == GREY) == zero[row][column]
    shown.page.screenshot(
        path=HERE / f"shots/viewer_zeros_{'logarithmic' if keys else 'linear'}_{theme}.png"
    )


@pytest.mark.parametrize("keys", [(), ("l",)], ids=["linear", "logarithmic"])
def test_the_legend_says_what_grey_is(show, keys):
    shown = show(masked())
    shown.press(*keys)
    bar, swatch = 62 + 420 + 12 + 5, 6 + 420 + 24 + 5
    assert pixel(shown, ".attn-map", bar, swatch) == GREY
    assert pixel(shown, ".attn-map", bar, 6 + 418) != GREY  # the lower end is not exactly 0


def test_below_the_bars_it_is_grey_where_a_weight_is_exactly_zero(show):
    shown = show(masked())
    shown.press(*["ArrowDown"] * 5)  # sees tokens 4 to 7
    found = [pixel(shown, ".attn-bars", 62 + 420 * (n + 0.5) / 16, 82) == GREY for n in range(16)]
    assert found == [not 4 <= n < 8 for n in range(16)]


@pytest.mark.parametrize("keys", [(), ("l",)], ids=["linear", "logarithmic"])
def test_pooled_cells_that_hold_nothing_are_grey_too(show, keys):
    length, size = 3000, 750
    q, k = torch.randn(2, 1, length, 8)
    _, map_ = attention(q, k, k, mask=SameGroup(size))
    shown = show(map_, kernel=True)
    shown.press(*keys)
    places = [375 + 750 * n for n in range(4)]
    for row in places:
        for column in places:
            assert (cell(shown, row, column, length, length) == GREY) == (row != column)
    shown.page.evaluate("model.set('query', 760); model.set('key', 740)")
    shown.press(*["+"] * 4)  # a window over the edge of two groups
    settled(shown)
    shown.page.screenshot(path=HERE / f"shots/viewer_zeros_pooled{len(keys)}.png")
    for first, last in (last_tile(shown)[axis] for axis in ("rows", "cols")):
        assert first + 0.1 * (last - first) < size < first + 0.9 * (last - first)
    seen = {
        (row, column): pixel(shown, ".attn-map", 62 + 420 * column, 6 + 420 * row)
        for row in (0.1, 0.9)
        for column in (0.1, 0.9)
    }
    assert {place for place, colour in seen.items() if colour == GREY} == {(0.1, 0.9), (0.9, 0.1)}


# ---- How even a row is ---------------------------------------------------------------------------


def share(row, keys):
    return f"{100 * torch.special.entr(row).sum() / torch.tensor(float(keys)).log():.0f}%"


@pytest.mark.parametrize("of", [lambda map: map, lambda map: map.weights()], ids=["map", "array"])
def test_the_entropy_is_told_by_the_keys_that_the_query_sees(show, of):
    map_ = masked()
    weights = map_.weights()[0]
    shown = show(of(map_))
    for query in range(12):
        said = f"{share(weights[query], 4)} of uniform attention's on the 4 keys that it sees."
        assert shown.sentence.endswith(f"; its entropy is {said}")
        shown.press("ArrowDown")
    shown.press("ArrowDown", "ArrowDown")
    assert shown.sentence.endswith("largest weight is 1.000, on key 14; it sees no other key.")
    shown.press("ArrowDown")
    assert shown.sentence == "Head 0: query 15 on key 0: 0. This query gives no key any weight."


def test_where_all_keys_are_seen_the_sentence_is_a_short_one(show):
    map_ = small()
    shown = show(map_)
    said = f"; its entropy is {share(map_.weights()[0, 0], 12)} of uniform attention's."
    assert shown.sentence.endswith(said)


def test_a_map_counts_keys_whose_weight_is_too_small_for_a_number(show):
    q = torch.tensor([[[100.0], [0.0]]])
    k = torch.tensor([[[1.0], [-1.0], [-2.0], [-3.0]]])
    shown = show(attention(q, k, k, scale=1.0)[1])
    assert shown.sentence.endswith("; its entropy is 0% of uniform attention's.")


def test_of_a_long_map_the_entropy_is_told_by_the_keys_seen_too(show):
    alike = torch.zeros(1, 3000, 8)
    shown = show(attention(alike, alike, alike, mask=SameGroup(750))[1], kernel=True)
    settled(shown)
    said = "; its entropy is 100% of uniform attention's on the 750 keys that it sees."
    assert shown.sentence.endswith(said)


# ---- 100 000 tokens ------------------------------------------------------------------------------

LENGTH = 100_000
WHOLE = "100\u202f000 × 100\u202f000"


class MadeUp(AttentionMap):
    """A quick one of 100 000 tokens: each weight 1 where (query + key) // 100 is even, else 0."""

    def __init__(self):
        q = torch.zeros(1, 1, 1).expand(1, LENGTH, 1)
        super().__init__(q, q, scale=1.0)
        self.asked = []

    def detach(self):
        return self

    def heads(self):
        return (self, self)

    @property
    def shape(self):
        return torch.Size([2, LENGTH, LENGTH])

    def window(self, rows, cols):
        return self._at(torch.arange(rows.start, rows.stop), torch.arange(cols.start, cols.stop))

    def pooled(self, size, reduce="mean", rows=None, cols=None):
        self.asked.append((rows, cols))
        return self._at(*(self._middles(part, size) for part in (rows, cols)))

    def _middles(self, part, size):
        length = part.stop - part.start
        cells = min(size, length)
        return part.start + (torch.arange(cells) * length + length // 2) // cells

    def _at(self, i, j):
        return (((i[:, None] + j) // 100) % 2 == 0).float()[None]


@pytest.fixture
def made_up(monkeypatch, show):
    """made_up() opens it, as if each row took so long that an overview takes 20 s."""

    def made_up(**options):
        monkeypatch.setattr(
            attnlib.course.widgets.viewer, "measure_pace", lambda map_: Pace(1e-4, 0.0, "CPU")
        )
        return show(MadeUp(), kernel=True, **options)

    return made_up


def settled(shown):
    """When no answer has come for a while."""
    asked = -1
    while asked != (asked := shown.page.evaluate("model.sent.length")):
        shown.page.wait_for_timeout(150)


def last_tile(shown):
    return shown.page.evaluate("model.sent.filter((each) => each.kind === 'tile').at(-1)")


def test_of_100_000_tokens_a_window_is_shown_and_the_overview_offered(made_up):
    names, edges = [f"frame {i}" for i in range(LENGTH)], range(0, LENGTH, 10)
    shown = made_up(queries=names, edges=edges)
    settled(shown)
    offer = f"The overview of {WHOLE} weights, 2 heads, will take about 20 s on this CPU."
    assert shown.root.locator(".attn-overview").inner_text().startswith(offer)
    assert offer in shown.root.get_attribute("aria-label")
    asked = shown.widget._source._heads[0].asked
    assert {(rows.stop, cols.stop) for rows, cols in asked} == {(1024, 1024)}
    assert shown.sentence.startswith("Head 0: query 0 “frame 0” on key 0 “frame 0”: 1.000.")
    shown.page.screenshot(path=HERE / "shots/viewer_100000_window.png")


def test_in_the_window_of_100_000_tokens_one_pans_and_zooms(made_up):
    shown = made_up()
    shown.page.evaluate("model.set('query', 99998); model.set('key', 99990)")
    settled(shown)
    assert last_tile(shown)["rows"][1] == LENGTH - 1
    shown.press("ArrowDown", "ArrowDown", "ArrowDown", "End")
    settled(shown)
    last = "99\u202f999"
    assert shown.sentence.startswith(f"Head 0: query {last} on key {last}: 0. This")
    assert last_tile(shown)["rows"][1] == last_tile(shown)["cols"][1] == LENGTH
    for presses in (9, 15):  # from the window, and then from the whole map: to single weights
        shown.press(*["+"] * presses)
        settled(shown)
        (first, last), cols = last_tile(shown)["rows"], last_tile(shown)["cols"]
        assert LENGTH - 6 < first < last == cols[1] == LENGTH
        shown.press("0")
    shown.press("+", "+")
    settled(shown)
    part = shown.root.locator(".attn-part")
    assert part.inner_text().startswith("This part will take about 3 s.")
    before = shown.pictures()[-3]
    part.get_by_text("Compute this part").click()
    settled(shown)
    assert not part.is_visible()
    assert shown.pictures()[-3] != before
    shown.page.screenshot(path=HERE / "shots/viewer_100000_part.png")


def test_the_overview_of_100_000_tokens_is_computed_when_asked_and_can_be_stopped(made_up):
    shown = made_up()
    settled(shown)
    shown.press("0")
    line = shown.root.locator(".attn-overview")
    nothing = shown.pictures()
    assert not any(message["kind"] == "overview" for message in shown.page.evaluate("model.sent"))
    shown.page.evaluate(
        "void (model.slowly = model.answer, model.answer = null)"
    )  # as if it worked
    line.get_by_text("Compute the overview").click()
    line.get_by_text("Stop").click()
    shown.page.evaluate("model.answer = model.slowly; model.answer(model.sent.at(-1))")
    settled(shown)
    strips = shown.page.evaluate("model.sent.filter((each) => each.kind === 'overview').length")
    assert strips == 1
    assert shown.pictures() != nothing  # what has come stays
    assert line.get_by_text("Compute the overview").is_visible()
    line.get_by_text("Compute the overview").click()
    shown.page.locator(".attn-overview").wait_for(state="hidden")
    settled(shown)
    assert shown.widget.offer == ""
    assert shown.page.evaluate("model.get('offer')") == ""
    shown.page.screenshot(path=HERE / "shots/viewer_100000_overview.png")
    whole = shown.pictures()
    shown.press(*["+"] * 3)
    settled(shown)
    assert shown.pictures() != whole
    shown.press("0")
    settled(shown)
    assert shown.pictures() == whole


@pytest.mark.parametrize("seed", [0, 1])
def test_a_random_walk_ends_well(show, seed):
    map_, options = patches()
    shown = show(map_, **options)
    before = shown.pictures()
    chance = random.Random(seed)
    keys = ["ArrowUp", "ArrowDown", "ArrowLeft", "ArrowRight", "Shift+ArrowDown", "PageUp",
            "PageDown", "Home", "End", "+", "-", "0", "l"]  # fmt: skip
    box = shown.root.locator(".attn-mark").bounding_box()
    logs = 0
    for _ in range(100):
        if chance.random() < 0.8:
            key = chance.choice(keys)
            logs += key == "l"
            shown.press(key)
        else:
            x, y = (box[a] + chance.random() * box[b] for a, b in (("x", "width"), ("y", "height")))
            shown.page.mouse.move(x, y)
        assert re.match(r"Head \d: query \d+ on key \d+: ", shown.sentence)
    shown.press("0", *["PageUp"] * 2, *["Shift+ArrowUp"] * 7, "Home", *["l"] * (logs % 2))
    assert shown.pictures() == before


# ---- Fingers -------------------------------------------------------------------------------------


class Fingers:
    """Fingers on a map of N × N tokens, at (row, column) of what is shown, from 0 to 1."""

    def __init__(self, shown):
        self.page = shown.page
        self.box = shown.root.locator(".attn-hand").bounding_box()
        self.send = shown.page.context.new_cdp_session(shown.page).send

    def at(self, row, column):
        return {
            "x": self.box["x"] + column * self.box["width"],
            "y": self.box["y"] + row * self.box["height"],
        }

    def tap(self, row, column):
        self.page.touchscreen.tap(*self.at(row, column).values())

    def touch(self, *moves):
        """Each move says where all fingers are then; after the last they are lifted."""
        for kind, move in zip(["touchStart", *["touchMove"] * len(moves)], moves, strict=False):
            points = [self.at(*spot) | {"id": finger} for finger, spot in enumerate(move)]
            self.send("Input.dispatchTouchEvent", {"type": kind, "touchPoints": points})
        self.send("Input.dispatchTouchEvent", {"type": "touchEnd", "touchPoints": []})


@pytest.fixture
def touched(show):
    """touched(map) -> what is shown on a telephone, with room to scroll, and the fingers on it."""

    def touched(map_, **options):
        shown = show(map_, 390, touch=True, **options)
        shown.page.evaluate("document.body.style.height = '3000px'")
        return shown, Fingers(shown)

    return touched


def test_a_tap_chooses_query_and_key(touched):
    shown, fingers = touched(small(2, 40, 40))
    fingers.tap(10.5 / 40, 30.5 / 40)
    assert shown.place() == [0, 10, 30]
    assert "query 10 on key 30" in shown.sentence
    fingers.tap(10.5 / 40, -0.1)  # beside the map
    assert shown.place() == [0, 10, 30]


def test_a_finger_drawn_over_the_map_walks_the_choice_and_the_page_stays(touched):
    shown, fingers = touched(small(1, 40, 40))
    shown.page.evaluate(
        "window.walked = []; model.on('change:key', () => walked.push(model.get('key')))"
    )
    fingers.touch(*([(0.91 - 0.1 * n, 0.11 + 0.1 * n)] for n in range(9)))
    assert shown.place() == [0, 4, 36]
    assert shown.page.evaluate("walked") == [8, 12, 16, 20, 24, 28, 32, 36]
    assert shown.page.evaluate("scrollY") == 0
    fingers.touch([(0.51, 0.51)], [(0.51, 0.91)], [(0.51, 1.2)])  # over the edge it stays
    assert shown.place() == [0, 20, 36]


@pytest.mark.parametrize("beside", [(0.9, -0.1), (1.6, 0.5)], ids=["axis", "bars"])
def test_a_finger_beside_the_map_scrolls_the_page(touched, beside):
    shown, fingers = touched(small(1, 40, 40))
    row, column = beside
    fingers.touch(*([(row - 0.1 * n, column)] for n in range(9)))
    shown.page.wait_for_function("scrollY > 50")
    assert shown.place() == [0, 0, 0]


def test_two_fingers_zoom_and_pan_and_choose_nothing(touched):
    shown, fingers = touched(small(1, 40, 40))
    whole = shown.pictures()
    # Apart, to four times: token 20 stays between them, so tokens 15 to 24 are seen.
    apart = [[(0.5, 0.5 - 0.05 * n), (0.5, 0.5 + 0.05 * n)] for n in range(2, 9)]
    fingers.touch(*apart)
    assert shown.place() == [0, 0, 0]
    assert shown.pictures() != whole
    fingers.tap(0.05, 0.95)
    assert shown.place() == [0, 15, 24]
    # Both to the right and down: the map comes with them.
    fingers.touch(
        *([(0.3 + 0.05 * n, 0.2 + 0.05 * n), (0.3 + 0.05 * n, 0.4 + 0.05 * n)] for n in range(7))
    )
    assert shown.place() == [0, 15, 24]
    fingers.tap(0.05, 0.95)
    assert shown.place() == [0, 12, 21]
    shown.page.screenshot(path=HERE / "shots/viewer_pinched.png")
    shown.press("ArrowUp", "0", *["Shift+ArrowUp"] * 4, "Home")
    fingers.touch(*reversed(apart))  # no smaller than whole
    assert shown.pictures() == whole


def test_the_finger_that_leaves_last_chooses_nothing(touched):
    shown, fingers = touched(small(1, 40, 40))
    two, one = [(0.4, 0.4), (0.6, 0.6)], [(0.6, 0.6)]
    for kind, spots in (("Start", two), ("End", one), ("Move", [(0.7, 0.7)]), ("End", [])):
        points = [fingers.at(*spot) | {"id": 2 - len(spots) + n} for n, spot in enumerate(spots)]
        fingers.send("Input.dispatchTouchEvent", {"type": f"touch{kind}", "touchPoints": points})
    assert shown.place() == [0, 0, 0]
    fingers.tap(10.5 / 40, 30.5 / 40)  # and the next one chooses again
    assert shown.place() == [0, 10, 30]


@pytest.mark.parametrize(
    ("width", "touch", "large"), [(1280, False, False), (590, False, True), (1280, True, True)]
)
def test_a_button_is_as_large_as_a_finger_needs(show, width, touch, large):
    shown = show(long(), width, touch=touch, kernel=True)
    sizes = [each.bounding_box() for each in shown.root.locator("button:visible, summary").all()]
    assert len(sizes) == 5
    assert all(min(size["width"], size["height"]) >= 44 for size in sizes) == large


@pytest.mark.parametrize("case", ["heads", "frames", "patches"])
def test_what_comes_to_a_narrow_page_later_fits_it_too(show, case):
    """As on a site: it is made before it stands on the page."""
    map_, options = CASES[case]()
    shown = show(map_, 390, touch=True, **options)
    wide = shown.root.locator(".attn-hand").bounding_box()["width"]
    shown.page.evaluate(
        """async () => {
            first();
            const { default: viewer } = await import("./viewer.js");
            const el = document.createElement("div");
            viewer.render({ model, el });
            await new Promise(requestAnimationFrame);
            document.getElementById("place").append(el);
        }"""
    )
    shown.page.wait_for_function("document.querySelector('.attn-hand').offsetWidth < 300")
    if case != "heads":
        shown.page.wait_for_selector(".attn-side")
    assert shown.root.locator(".attn-hand").bounding_box()["width"] == pytest.approx(wide, abs=10)
    assert shown.page.evaluate("document.querySelector('.attn-view').scrollWidth") <= 390
    _, rows, cols = shown.widget.shape
    Fingers(shown).tap(0.3, 0.95)
    assert shown.place()[1:] == [int(0.3 * rows), int(0.95 * cols)]


# ---- The page's address --------------------------------------------------------------------------


def rest(shown):
    """What an address waits for, without waiting."""
    shown.page.clock.run_for(1000)
    return shown.page.evaluate("location.hash")


@pytest.fixture
def page_of(show):
    """page_of(map) -> what is shown there, with a clock that stands still."""

    def page_of(map_, **options):
        shown = show(map_, **options)
        shown.page.clock.install()
        return shown

    return page_of


ANOTHER = """(state) => {
    const room = document.createElement("p");
    room.style.height = "3000px";
    document.getElementById("place").append(room);
    window.first = window.model;
    make(state);
    show(model);
}"""


def test_the_address_says_what_is_chosen_once_it_rests(page_of):
    shown = page_of(small(1))
    pages = shown.page.evaluate("history.length")
    shown.press("ArrowDown", "ArrowRight", "ArrowRight")
    assert shown.page.evaluate("location.hash") == ""
    assert rest(shown) == "#row=1&col=2"
    shown.press("ArrowUp")
    assert rest(shown) == "#row=0&col=2"
    assert shown.page.evaluate("history.length") == pages


def test_the_address_names_the_head_where_there_are_several(page_of):
    shown = page_of(small(3))
    shown.press("PageDown", "ArrowRight")
    assert rest(shown) == "#head=1&row=0&col=1"


@pytest.mark.parametrize(
    ("place", "wanted"),
    [
        ("#row=2&col=3", [0, 2, 3]),
        ("#head=2&row=2&col=3", [2, 2, 3]),
        ("#head=9&row=99&col=999999999999", [2, 11, 11]),
        ("#row=2", [0, 0, 0]),
        ("#row=a&col=3", [0, 0, 0]),
        ("#map=0&row=2&col=3", [0, 0, 0]),
        ("#/2/3", [0, 0, 0]),
        ("#%", [0, 0, 0]),
    ],
)
def test_a_link_opens_the_token_that_it_names(show, place, wanted):
    shown = show(small(3), place=place)
    shown.page.wait_for_function(f"model.get('query') === {wanted[1]}")
    assert shown.place() == wanted
    assert f"query {wanted[1]} on key {wanted[2]}:" in shown.sentence


def test_of_several_maps_the_one_that_moved_last_has_the_address(page_of):
    shown = page_of(small(1))
    other = view(small(2))
    shown.page.evaluate(ANOTHER, state_of(other))
    shown.press("ArrowDown")
    assert rest(shown) == f"#map={shown.widget.number}&row=1&col=0"
    second = shown.page.locator(".attn-view").last
    second.focus()
    shown.page.keyboard.press("ArrowRight")
    assert rest(shown) == f"#map={other.number}&head=0&row=0&col=1"


def test_of_several_maps_a_link_opens_the_one_that_it_names_and_shows_it(show):
    shown = show(small(1))
    other = view(small(1))
    page = shown.page
    page.evaluate(ANOTHER, state_of(other))
    assert page.evaluate("scrollY") == 0
    page.evaluate(f"location.hash = '#map={other.number}&row=4&col=5'")
    page.wait_for_function("model.get('query') === 4")
    assert page.evaluate("['query', 'key'].map((name) => first.get(name))") == [0, 0]
    in_view = """() => {
        const map = [...document.querySelectorAll(".attn-map")].at(-1);
        const { top, bottom } = map.getBoundingClientRect();
        return top > 0 && bottom < innerHeight;
    }"""
    page.wait_for_function(in_view)
    # A page that is opened with it does the same.
    opened = show(small(1), place=f"#map={other.number}&row=4&col=5")
    opened.page.evaluate(ANOTHER, state_of(other))
    opened.page.wait_for_function("model.get('query') === 4")
    opened.page.wait_for_function(in_view)
    assert opened.page.evaluate("first.get('query')") == 0
    # What is drawn later above it does not push it away; but the reader may go elsewhere.
    grow = "document.querySelector('#place > p').style.height = '{}px'"
    opened.page.evaluate(grow.format(6000))
    opened.page.wait_for_function(f"scrollY > 5000 && ({in_view})()")
    opened.page.keyboard.press("Home")
    opened.page.wait_for_function("scrollY === 0")
    opened.page.evaluate(grow.format(7000))
    opened.page.evaluate(
        "new Promise(requestAnimationFrame).then(() => new Promise(requestAnimationFrame))"
    )
    assert opened.page.evaluate("scrollY") == 0


def test_an_anchor_in_the_page_works_and_gives_way(page_of):
    shown = page_of(small(1))
    page = shown.page
    page.evaluate("document.body.insertAdjacentHTML('afterbegin', '<h2 id=some-heading>Here</h2>')")
    shown.press("ArrowDown")
    page.evaluate("location.hash = '#some-heading'")
    assert rest(shown) == "#some-heading"  # it came after the move
    assert shown.place() == [0, 1, 0]
    shown.press("ArrowDown")
    assert rest(shown) == "#row=2&col=0"


NOT_OURS = {
    "a notebook": "model.widget_manager = { context: {} }",
    "a deck": "window.Reveal = {}",
    "somebody's": "location.hash = '#/3/1'",
}


@pytest.mark.parametrize("whose", NOT_OURS)
def test_an_address_that_is_not_ours_stays(page_of, whose):
    shown = page_of(small(1))
    shown.page.evaluate(f"void ({NOT_OURS[whose]})")
    before = shown.page.evaluate("location.hash")
    shown.press("ArrowDown")
    assert rest(shown) == before
    assert shown.place() == [0, 1, 0]


def test_in_a_frame_it_stays_too(served, show):
    shown = show(small(1))
    page = shown.page
    page.evaluate(
        "(source) => { document.body.append(Object.assign(document.createElement('iframe'), "
        "{ src: source, width: 900, height: 700 })) }",
        served,
    )
    frame = page.frame_locator("iframe").locator("body")
    page.frames[1].wait_for_function("window.ready")
    page.frames[1].evaluate("(state) => { make(state); show(model); }", state_of(view(small(1))))
    page.clock.install()
    frame.locator(".attn-view").focus()
    page.keyboard.press("ArrowDown")
    page.clock.run_for(1000)
    assert page.frames[1].evaluate("[model.get('query'), location.hash]") == [1, ""]
