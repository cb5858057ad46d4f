"""The ten questions in a browser, on a plain page without a kernel: by keyboard, in two languages.

The scoring lives there alone, so it is tested here.
"""

import functools
import http.server
import json
import shutil
import threading
from pathlib import Path

import pytest

import attnlib.course.widgets.questions
from attnlib.course.manifest import lesson
from attnlib.course.widgets.questions.data import misconceptions
from attnlib.course.widgets.questions.widget import questions

SHOTS = Path(__file__).with_name("shots")
CODE = Path(attnlib.course.widgets.questions.__file__).parent
ALL = misconceptions()
IDS = [each["id"] for each in ALL]
PAGE = """<!doctype html>
<html lang="en">
  <head>
    <meta charset="utf-8" />
    <meta name="viewport" content="width=device-width" />
    <title>Questions</title>
    <link rel="icon" href="data:," />
    <link rel="stylesheet" href="questions.css" />
  </head>
  <body>
    <div id="place"></div>
    <script type="module">
      import questions from "./questions.js";
      window.show = (state) => {
        const el = document.getElementById("place");
        return (window.stop = questions.render({ model: { get: (name) => state[name] }, el }));
      };
      window.ready = true;
    </script>
  </body>
</html>
"""


@pytest.fixture(scope="module")
def served(tmp_path_factory):
    """The address of a folder in which the page is a lesson, of two kinds, and no lesson."""
    folder = tmp_path_factory.mktemp("page")
    for name in ("questions.js", "questions.css"):
        shutil.copy(CODE / name, folder)
    for name in ("index.html", "00_two_cousins.html", "00_two_cousins.slides.html"):
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
        """{id: index of the choice}, by mouse."""
        for id, place in choices.items():
            self.root.locator(f'[data-id="{id}"] label').nth(place).click()

    def press(self, name):
        button = self.root.locator(f'[data-does="{name}"]')
        button.focus()
        self.page.keyboard.press("Enter")

    def speak(self, language):
        self.root.locator(f"button[lang={language}]").focus()
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


@pytest.fixture
def show(served, open_page):
    shown = []

    def show(form="A", width=1280, theme="light", name="index.html"):
        page = open_page(width, theme).page
        page.goto(f"{served}/{name}")
        page.wait_for_function("window.ready")
        if theme == "dark":
            page.evaluate("document.body.style = 'background: #111; color: #ddd'")
        state = {"form": form, "items": questions(form).items}
        page.evaluate("(state) => void show(state)", state)
        shown.append(Shown(page, form))
        return shown[-1]

    yield show
    for each in shown:
        assert [url for url in each.asked if not url.startswith("blob:")] == []


def others(form):
    """A choice that is neither right nor shows the belief."""
    return {
        each["id"]: min({0, 1, 2, 3} - {each[form]["right"], each[form]["belief"]}) for each in ALL
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
    assert shown.found() == [what] * 10
    counts = [10 * (what == "right"), 10 * (what == "belief")]
    assert "{} of 10 right; {} of the ten common beliefs found".format(*counts) in shown.total
    assert ("10 not answered" in shown.total) == (what == "open")
    for each in ALL:
        said = shown.verdict(each["id"])
        assert each["because"]["en"] in said
        assert (each["name"]["en"] in said) == (what == "belief")
        right = each[form]["choices"][each[form]["right"]]["en"]
        again = each["again"]
        place = f"lesson {lesson(again['lesson']).number:02d}, “{again['heading']}”"
        assert (f"Right is: {right}" in said) == (place in said) == (what != "right")


def mixed(form):
    """Three right, three beliefs, two others, two open."""
    right, belief, other = (choices(form, what) for what in ("right", "belief", "other"))
    return {
        **{id: right[id] for id in IDS[:3]},
        **{id: belief[id] for id in IDS[3:6]},
        **{id: other[id] for id in IDS[6:8]},
    }


MIXED = ["right"] * 3 + ["belief"] * 3 + ["other"] * 2 + ["open"] * 2


def test_by_keyboard_alone_from_the_first_button_to_the_score(show):
    shown = show("A")
    keys = shown.page.keyboard
    keys.press("Tab")
    assert shown.page.evaluate("document.activeElement.lang") == "en"
    keys.press("Tab")
    for each in ALL:
        keys.press("Tab")
        keys.press("Space")
        for _ in range(each["A"]["belief"]):
            keys.press("ArrowDown")
    assert shown.checked() == [4 * i + each["A"]["belief"] for i, each in enumerate(ALL)]
    keys.press("Tab")
    keys.press("Enter")
    assert shown.found() == ["belief"] * 10
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
        stem = f"{number}. {each['B']['stem']['en']}"
        group = shown.page.get_by_role("group", name=stem, exact=True)
        names = [choice["en"] for choice in each["B"]["choices"]]
        for name in names:
            assert group.get_by_role("radio", name=name, exact=True).count() == 1
    assert shown.page.get_by_role("group", name="Language").get_by_role("button").count() == 2


def test_the_language_changes_all_words_and_no_answer(show):
    shown = show("A")
    shown.choose(mixed("A"))
    before = shown.checked()
    shown.speak("zh")
    assert shown.checked() == before
    assert shown.page.evaluate("document.activeElement.lang") == "zh"
    assert shown.root.get_attribute("lang") == "zh"
    assert shown.root.locator("button[lang=zh]").get_attribute("aria-pressed") == "true"
    shown.press("score")
    assert shown.found() == MIXED
    assert "十题答对 3 题；发现 3 个常见误解；2 题没有作答。" in shown.total
    for each, found in zip(ALL, MIXED, strict=True):
        said = shown.root.locator(f'[data-id="{each["id"]}"]').inner_text()
        assert each["A"]["stem"]["zh"] in said
        assert each["because"]["zh"] in said
        assert (each["name"]["zh"] in said) == (found == "belief")
    shown.speak("en")
    assert shown.found() == MIXED
    assert "3 of 10 right; 3 of the ten common beliefs found; 2 not answered." in shown.total


def test_the_exported_file_holds_the_answers_and_nobody(show):
    shown = show("B")
    shown.speak("zh")
    shown.choose(mixed("B"))
    shown.press("score")
    name, file = shown.export()
    assert name == "attnlib-questions-B.json"
    assert file == {
        "what": "attnlib: ten questions",
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
    items = questions("A").items
    shown.page.evaluate("(items) => { stop(); show({ form: 'A', items }); }", items)
    assert shown.page.locator(".attn-ask").count() == 1
    assert shown.checked() == before


def test_the_file_of_the_other_form_is_compared(show):
    first = show("A")
    first.choose(mixed("A"))
    first.press("score")
    _, file = first.export()
    second = show("B")
    gone, stayed, new = IDS[3], IDS[4], IDS[9]
    chosen = choices("B", "right") | {id: choices("B", "belief")[id] for id in (stayed, new)}
    chosen[IDS[5]] = others("B")[IDS[5]]
    second.choose(chosen)
    second.press("score")
    said = second.compare(json.dumps(file)).split("\n")
    names = {each["id"]: f"“{each['name']['en']}”" for each in ALL}
    assert [line for line in said if line] == [
        "In the file (form A) 3 of 10 were right, here 7 of 10.",
        f"No longer found: {names[gone]} {names[IDS[5]]}",
        f"Found both times: {names[stayed]}",
        f"Found only here: {names[new]}",
    ]


def test_another_file_is_refused(show):
    shown = show()
    shown.press("score")
    for text in ("", "no JSON", "null", "[]", '{"what": "else", "score": {}}'):
        assert shown.compare(text) == "This is no file that was exported here."


@pytest.mark.parametrize("ending", [".html", ".slides.html"])
def test_a_lesson_links_to_the_others_beside_it(show, ending):
    shown = show("A", name=f"00_two_cousins{ending}")
    shown.press("score")
    links = shown.root.locator("a").evaluate_all("all => all.map((a) => a.getAttribute('href'))")
    assert links[3] == f"03_blocks{ending}#only-inside-the-block"
    assert links[9] == f"08_detective{ending}#the-suspect-pgl-sum-s-way-in-our-own-lines"
    for link, each in zip(links, ALL, strict=True):
        assert link.startswith(f"{lesson(each['again']['lesson']).stem}{ending}#")


def test_where_no_lesson_is_beside_it_stands_a_name_and_no_link(show):
    shown = show()
    shown.press("score")
    assert shown.root.locator("a").count() == 0
    assert "lesson 03, “Only inside the block”" in shown.verdict("blocks-see-near")


@pytest.mark.parametrize(
    ("language", "width", "theme"),
    [("en", 1280, "light"), ("zh", 1280, "dark"), ("en", 390, "dark"), ("zh", 390, "light")],
)
def test_it_fits_a_telephone_and_the_dark(show, width, theme, language):
    shown = show("A", width, theme, "00_two_cousins.html")
    shown.speak(language)
    shown.choose(mixed("A"))
    shown.press("score")
    shown.page.evaluate("document.activeElement.blur()")
    assert shown.page.evaluate("document.documentElement.scrollWidth") <= width
    name = f"questions-{language}-{width}-{theme}.png"
    shown.page.screenshot(path=SHOTS / name, full_page=True)
