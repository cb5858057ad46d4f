"""The questions in a browser, on a plain page without a kernel: by keyboard, in two languages.

The scoring lives there alone, so it is tested here.
"""

import functools
import http.server
import json
import re
import threading
from pathlib import Path

import pytest

import attnlib.course.widgets.questions
from attnlib.course.front_end import with_shared
from attnlib.course.language import catalogue
from attnlib.course.manifest import lesson
from attnlib.course.widgets.questions.data import misconceptions
from attnlib.course.widgets.questions.widget import questions

SHOTS = Path(__file__).with_name("shots")
CODE = Path(attnlib.course.widgets.questions.__file__).parent
ALL = misconceptions()
IDS = [each["id"] for each in ALL]
COUNT = len(ALL)
CHINESE = catalogue("zh")
LETTERS = "abcd"
PAGE = """<!doctype html>
<html lang="en">
  <head>
    <meta charset="utf-8" />
    <meta name="viewport" content="width=device-width" />
    <title>Questions</title>
    <link rel="icon" href="data:," />
    <link rel="stylesheet" href="/questions.css" />
  </head>
  <body>
    <div id="place"></div>
    <script type="module">
      import questions from "/questions.js";
      window.show = (state) => {
        const el = document.getElementById("place");
        return (window.stop = questions.render({ model: { get: (name) => state[name] }, el }));
      };
      window.ready = true;
    </script>
  </body>
</html>
"""


# A lesson's page; from there to the folder of the English ones, and how their names end.
LESSONS = [
    ("00_two_cousins.html", "", ".html"),
    ("00_two_cousins.slides.html", "", ".slides.html"),
    ("notebooks/00_two_cousins.html", "", ".html"),
    ("zh/00_two_cousins.html", "../", ".html"),
    ("00_two_cousins.zh.html", "", ".html"),
]


@pytest.fixture(scope="module")
def served(tmp_path_factory):
    """The address of a folder in which the page is a lesson, of two kinds, and no lesson."""
    folder = tmp_path_factory.mktemp("page")
    for name in ("questions.js", "questions.css"):
        (folder / name).write_text(with_shared(CODE / name), encoding="utf-8")
    for name in ("index.html", *(name for name, *_ in LESSONS)):
        (folder / name).parent.mkdir(exist_ok=True)
        (folder / name).write_text(PAGE, encoding="utf-8")

    class Quiet(http.server.SimpleHTTPRequestHandler):
        def log_message(self, *_):
            pass

    handler = functools.partial(Quiet, directory=folder)
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_address[1]}"
    server.shutdown()


class Shown:
    """The questions on a page, and what a reader does with them."""

    def __init__(self, page, form):
        self.page, self.form = page, form
        self.root = page.locator(".attn-ask").first
        self.asked = []  # after the page is there, nothing may be
        page.on("request", lambda request: self.asked.append(request.url))

    def choose(self, choices):
        """{id: letter of the choice}, by mouse."""
        for id, letter in choices.items():
            place = LETTERS.index(letter)
            self.root.locator(f'[data-id="{id}"] label').nth(place).click()

    def press(self, name):
        button = self.root.locator(f'[data-does="{name}"]')
        button.focus()
        self.page.keyboard.press("Enter")

    def speak(self, tag):
        self.root.locator(f"button[lang={tag}]").focus()
        self.page.keyboard.press("Enter")

    def found(self):
        boxes = self.root.locator(".attn-verdict")
        return boxes.evaluate_all("boxes => boxes.map((box) => box.dataset.found)")

    def verdict(self, id):
        return self.root.locator(f'[data-id="{id}"] .attn-verdict').inner_text()

    @property
    def total(self):
        return self.root.locator(".attn-total").inner_text()

    def checked(self):
        inputs = self.root.locator("input[type=radio]")
        return inputs.evaluate_all("all => all.flatMap((one, i) => (one.checked ? [i] : []))")

    def export(self):
        with self.page.expect_download() as download:
            self.press("export")
        text = Path(download.value.path()).read_text(encoding="utf-8")
        return download.value.suggested_filename, json.loads(text)

    def compare(self, text):
        files = [{"name": "x.json", "mimeType": "application/json", "buffer": text.encode()}]
        self.root.locator("input[type=file]").set_input_files(files)
        self.page.wait_for_selector(".attn-compared p")
        return self.root.locator(".attn-compared").inner_text()

    def reload(self):
        self.page.reload()
        self.page.wait_for_function("window.ready")
        self.asked.clear()
        self.page.evaluate("(state) => void show(state)", state_of(self.form))


def state_of(form):
    widget = questions(form)
    return {name: getattr(widget, name) for name in ("form", "items", "languages", "first")}


@pytest.fixture
def show(served, open_page):
    shown = []

    def show(form="A", width=1280, theme="light", name="index.html", **changed):
        page = open_page(width, theme).page
        page.goto(f"{served}/{name}")
        page.wait_for_function("window.ready")
        if theme == "dark":
            page.evaluate("document.body.style = 'background: #111; color: #ddd'")
        page.evaluate("(state) => void show(state)", state_of(form) | changed)
        shown.append(Shown(page, form))
        return shown[-1]

    yield show
    for each in shown:
        assert [url for url in each.asked if not url.startswith("blob:")] == []


def others(form):
    """A choice that is neither right nor shows the belief."""
    return {
        each["id"]: min({*LETTERS} - {each[form]["right"], each[form]["belief"]}) for each in ALL
    }


def choices(form, what):
    if what in ("right", "belief"):
        return {each["id"]: each[form][what] for each in ALL}
    return others(form) if what == "other" else {}


@pytest.mark.parametrize(
    ("form", "what"), [("A", "right"), ("B", "belief"), ("A", "other"), ("B", "open")]
)
def test_all_alike(show, form, what):
    shown = show(form)
    shown.choose(choices(form, what))
    shown.press("score")
    assert shown.found() == [what] * COUNT
    right, belief = COUNT * (what == "right"), COUNT * (what == "belief")
    wanted = f"{right} of {COUNT} right; {belief} of the {COUNT} common beliefs found"
    assert wanted in shown.total
    assert (f"{COUNT} not answered" in shown.total) == (what == "open")
    for each in ALL:
        said = shown.verdict(each["id"])
        assert (each["because"] in said) == (what != "open")  # an open one tells no answer
        assert (each["name"] in said) == (what == "belief")
        letter = each[form]["right"]
        right = f"{letter}. {each[form]['choices'][letter]}."
        again = each["again"]
        place = f"lesson {lesson(again['lesson']).number:02d}, “{again['heading']}”"
        assert (f"Right is: {right}" in said) == (place in said) == (what in ("belief", "other"))


def mixed(form):
    """Three right, three beliefs, two others, the rest open."""
    right, belief, other = (choices(form, what) for what in ("right", "belief", "other"))
    return {
        **{id: right[id] for id in IDS[:3]},
        **{id: belief[id] for id in IDS[3:6]},
        **{id: other[id] for id in IDS[6:8]},
    }


OPEN = COUNT - 8
MIXED = ["right"] * 3 + ["belief"] * 3 + ["other"] * 2 + ["open"] * OPEN


def test_by_keyboard_alone_from_the_first_button_to_the_score(show):
    shown = show("A")
    keys = shown.page.keyboard
    keys.press("Tab")
    assert shown.page.evaluate("document.activeElement.lang") == "en"
    keys.press("Tab")
    for each in ALL:
        keys.press("Tab")
        keys.press("Space")
        for _ in range(LETTERS.index(each["A"]["belief"])):
            keys.press("ArrowDown")
    places = [4 * i + LETTERS.index(each["A"]["belief"]) for i, each in enumerate(ALL)]
    assert shown.checked() == places
    keys.press("Tab")
    keys.press("Enter")
    assert shown.found() == ["belief"] * COUNT
    assert shown.page.evaluate("document.activeElement.className") == "attn-total"


def test_no_key_reaches_the_page_around(show):
    shown = show()
    shown.page.evaluate("void (window.heard = 0, onkeydown = () => (heard += 1))")
    shown.root.locator("input").first.focus()
    for key in ("ArrowDown", "Space", "b"):
        shown.page.keyboard.press(key)
    assert shown.page.evaluate("heard") == 0
    assert shown.checked() == [1]


def test_every_question_is_named_for_a_screen_reader(show):
    shown = show("B")
    for number, each in enumerate(ALL, 1):
        stem = f"{number}. {each['B']['stem']}"
        group = shown.page.get_by_role("group", name=stem, exact=True)
        for letter, choice in each["B"]["choices"].items():
            name = f"{letter}. {choice}"
            assert group.get_by_role("radio", name=name, exact=True).count() == 1
    assert shown.page.get_by_role("group", name="Language").get_by_role("button").count() == 2


def test_the_language_changes_all_words_and_no_answer(show):
    shown = show("A")
    shown.choose(mixed("A"))
    before = shown.checked()
    shown.speak("zh-Hans")
    assert shown.checked() == before
    assert shown.page.evaluate("document.activeElement.lang") == "zh-Hans"
    assert shown.root.get_attribute("lang") == "zh-Hans"
    assert shown.root.locator("button[lang=zh-Hans]").get_attribute("aria-pressed") == "true"
    shown.press("score")
    assert shown.found() == MIXED
    assert f"{COUNT} 题答对 3 题；发现 3 个常见误解；{OPEN} 题没有作答。" in shown.total
    for each, found in zip(ALL, MIXED, strict=True):
        said = shown.root.locator(f'[data-id="{each["id"]}"]').inner_text()
        assert CHINESE[each["A"]["stem"]] in said
        assert (CHINESE[each["because"]] in said) == (found != "open")
        assert (CHINESE[each["name"]] in said) == (found == "belief")
    shown.speak("en")
    assert shown.found() == MIXED
    wanted = f"3 of {COUNT} right; 3 of the {COUNT} common beliefs found; {OPEN} not answered."
    assert wanted in shown.total


# The nearest language that is told of every text with a letter or a Han character in it.
TOLD = """(root) => {
    const texts = document.createTreeWalker(root, NodeFilter.SHOW_TEXT);
    const found = [];
    while (texts.nextNode()) {
        const { data, parentElement } = texts.currentNode;
        found.push([data, parentElement.closest("[lang]").lang]);
    }
    return found;
}"""


@pytest.mark.parametrize("first", [0, 1])
def test_every_text_is_told_in_its_language(show, first):
    shown = show("A", first=first)
    shown.choose(mixed("A"))
    shown.press("score")
    told = shown.root.evaluate(TOLD)
    for text, tag in told:
        if re.search("[\u4e00-\u9fff]", text):
            assert tag == "zh-Hans", text
        elif re.search("[A-Za-z]{2}", text):
            assert tag == "en", text
    assert len([tag for _, tag in told if tag == "zh-Hans"]) > (100 if first else 0)


def test_a_language_of_ones_own_begins_and_says_the_rest_in_english(show):
    heading = "Only inside the block"
    messages = {"Score": "Noter", heading: "Dans le bloc"}
    own = {"name": "fr", "label": "fr", "tag": "fr", "messages": messages}
    shown = show("A", languages=[*state_of("A")["languages"], own], first=2)
    assert shown.root.locator("button[aria-pressed=true]").inner_text() == "fr"
    assert shown.root.locator('[data-does="score"]').inner_text() == "Noter"
    shown.choose(choices("A", "belief"))
    shown.press("score")
    line = shown.root.locator('[data-id="blocks-see-near"] .attn-verdict')
    assert "“Dans le bloc”" in line.inner_text()
    stem = shown.root.locator("legend span").first
    assert (stem.inner_text(), stem.get_attribute("lang")) == (ALL[0]["A"]["stem"], "en")


def test_the_exported_file_holds_the_answers_and_nobody(show):
    shown = show("B")
    shown.speak("zh-Hans")
    shown.choose(mixed("B"))
    shown.press("score")
    name, file = shown.export()
    assert name == "attnlib-questions-B.json"
    assert file == {
        "what": "attnlib: questions",
        "form": "B",
        "language": "zh",
        "right": 3,
        "answers": {id: mixed("B").get(id) for id in IDS},
        "score": dict(zip(IDS, MIXED, strict=True)),
    }


def test_scored_answers_stay_until_all_begins_again(show):
    shown = show("A")
    shown.choose(mixed("A"))
    shown.press("score")
    assert shown.root.locator("input[type=radio]:not(:disabled)").count() == 0
    shown.press("again")
    assert shown.checked() == []
    assert shown.found() == []
    assert shown.root.locator("input[type=radio]:disabled").count() == 0


def test_answers_survive_a_second_view(show):
    shown = show("A")
    shown.choose(mixed("A"))
    before = shown.checked()
    shown.speak("zh-Hans")
    shown.page.evaluate("(state) => { stop(); show(state); }", state_of("A"))
    assert shown.page.locator(".attn-ask").count() == 1
    assert shown.checked() == before
    assert shown.root.get_attribute("lang") == "zh-Hans"
    shown.page.evaluate("(state) => { stop(); show(state); }", state_of("A") | {"first": 1})
    shown.speak("en")
    shown.page.evaluate("(state) => { stop(); show(state); }", state_of("A") | {"first": 0})
    assert shown.root.get_attribute("lang") == "en", "what is spoken since is what it begins in"


def test_answers_and_score_survive_a_reload_until_one_starts_again(show):
    shown = show("A")
    shown.choose(mixed("A"))
    before = shown.checked()
    shown.reload()
    assert shown.checked() == before
    shown.press("score")
    shown.reload()
    assert shown.found() == MIXED
    shown.press("again")
    shown.reload()
    assert shown.checked() == [] and shown.found() == []


@pytest.mark.parametrize(
    "text", ["", "{", "1", "null", '{"answers": null}', '{"answers": 3, "scored": 1}', "[[]]"]
)
def test_what_others_wrote_into_the_browser_does_no_harm(show, text):
    shown = show("A")
    shown.page.evaluate("(text) => localStorage.setItem('attnlib: questions A', text)", text)
    shown.reload()
    assert shown.checked() == []


def test_the_file_of_the_other_form_is_compared(show):
    first = show("A")
    first.choose(mixed("A"))
    first.press("score")
    _, file = first.export()
    second = show("B")
    gone, stayed, new = IDS[3], IDS[4], IDS[-1]
    chosen = choices("B", "right") | {id: choices("B", "belief")[id] for id in (stayed, new)}
    chosen[IDS[5]] = others("B")[IDS[5]]
    second.choose(chosen)
    second.press("score")
    said = second.compare(json.dumps(file)).split("\n")
    names = {each["id"]: f"“{each['name']}”" for each in ALL}
    assert [line for line in said if line] == [
        f"In the file (form A) 3 of {COUNT} were right, here {COUNT - 3} of {COUNT}.",
        f"No longer found: {names[gone]} {names[IDS[5]]}",
        f"Found both times: {names[stayed]}",
        f"Found only here: {names[new]}",
    ]


def test_another_file_is_refused(show):
    shown = show()
    shown.press("score")
    for text in ("", "no JSON", "null", "[]", '{"what": "else", "score": {}}'):
        assert shown.compare(text) == "This is no file that was exported here."


@pytest.mark.parametrize(("name", "up", "ending"), LESSONS)
def test_a_lesson_links_to_the_english_ones(show, name, up, ending):
    shown = show("A", name=name)
    shown.choose(choices("A", "belief"))
    shown.press("score")
    links = shown.root.locator("a").evaluate_all("all => all.map((a) => a.getAttribute('href'))")
    assert links[4] == f"{up}03_blocks{ending}#only-inside-the-block"
    assert links[10] == f"{up}08_detective{ending}#the-suspect-pgl-sum-s-way-in-our-own-lines"
    for link, each in zip(links, ALL, strict=True):
        assert link.startswith(f"{up}{lesson(each['again']['lesson']).stem}{ending}#")


def test_where_no_lesson_is_beside_it_stands_a_name_and_no_link(show):
    shown = show()
    shown.choose(choices("A", "belief"))
    shown.press("score")
    assert shown.root.locator("a").count() == 0
    assert "lesson 03, “Only inside the block”" in shown.verdict("blocks-see-near")


@pytest.mark.parametrize(
    ("tag", "width", "theme"),
    [
        ("en", 1280, "light"),
        ("zh-Hans", 1280, "dark"),
        ("en", 390, "dark"),
        ("zh-Hans", 390, "light"),
    ],
)
def test_it_fits_a_telephone_and_the_dark(show, width, theme, tag):
    shown = show("A", width, theme, "00_two_cousins.html")
    shown.speak(tag)
    shown.choose(mixed("A"))
    shown.press("score")
    shown.page.evaluate("document.activeElement.blur()")
    assert shown.page.evaluate("document.documentElement.scrollWidth") <= width
    name = f"questions-{tag}-{width}-{theme}.png"
    shown.page.screenshot(path=SHOTS / name, full_page=True)
