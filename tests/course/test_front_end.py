"""A widget's code is made of its parts, and hands over what each of them says."""

import importlib
import re
from pathlib import Path

import pytest

import attnlib.course
from attnlib.course.front_end import FrontEnd, sources, translations, with_shared

COURSE = Path(attnlib.course.__file__).parent
VIEWER = COURSE / "widgets/viewer.js"
PARTS = sorted((COURSE / "widgets/viewer").glob("*.js"))
LONGEST = 45  # lines of a function


def test_the_parts_stand_between_what_all_share_and_the_widget_itself():
    assert sources(VIEWER) == [COURSE / "front_end.js", *PARTS, VIEWER]
    assert len(PARTS) > 5
    assert with_shared(VIEWER) == "".join(each.read_text("utf-8") for each in sources(VIEWER))


def test_a_widget_without_parts_is_one_file_and_what_all_share():
    styles = COURSE / "widgets/prediction.css"
    assert sources(styles) == [COURSE / "front_end.css", styles]


def test_it_is_handed_the_messages_of_all_its_parts_and_of_no_other_file(spoken):
    spoken({"key": "键"}, "widgets/viewer/axes.js")
    assert translations(VIEWER) == {"key": "键"}
    assert translations(COURSE / "widgets/prediction.js") == {}


@pytest.mark.parametrize("path", [*PARTS, VIEWER], ids=lambda path: path.name)
def test_a_part_says_what_it_is_for_and_its_functions_are_short(path):
    text = path.read_text(encoding="utf-8")
    assert text.startswith("// ")
    found = re.finditer(r"^function (\w+).*?^}", text, re.MULTILINE | re.DOTALL)
    lines = {function[1]: function[0].count("\n") + 1 for function in found}
    assert {name for name, count in lines.items() if count > LONGEST} == set()


def widgets(kind=FrontEnd):
    """All kinds of widgets that have code."""
    for path in COURSE.rglob("*.py"):
        if re.search(r"^    _esm =", path.read_text(encoding="utf-8"), re.MULTILINE):
            name = path.relative_to(COURSE).with_suffix("").as_posix().replace("/", ".")
            importlib.import_module(f"attnlib.course.{name}")
    return [each for each in every_subclass(kind) if "_esm" in vars(each)]


def every_subclass(kind):
    for each in kind.__subclasses__():
        yield each
        yield from every_subclass(each)


@pytest.mark.parametrize("widget", widgets(), ids=lambda widget: widget.__name__)
def test_no_two_parts_of_a_widget_declare_the_same_name(widget):
    """The browser would refuse the whole of its code."""
    code = str(vars(widget)["_esm"])
    declared = r"^(?:async )?(?:function|class|const|let) +(\w+|\[[^\]]*\])"
    names = re.findall(r"\w+", " ".join(re.findall(declared, code, re.MULTILINE)))
    assert len(names) > 5
    assert [name for name in set(names) if names.count(name) > 1] == []


# Of widgets: what all share, and a page of its own, have no root.
NO_ROOT = {COURSE / "front_end.css", COURSE / "progress/page.css"}
STYLES = sorted(set(COURSE.rglob("*.css")) - NO_ROOT)
COMMENT_OR_MEDIA = re.compile(r"/\*.*?\*/|@media[^{]*{", re.DOTALL)


def selectors(path):
    text = COMMENT_OR_MEDIA.sub("", path.read_text(encoding="utf-8"))
    for rule in re.findall(r"([^{}]+){[^{}]*}", text):
        # A comma inside of brackets parts nothing.
        yield from (one.strip() for one in re.split(r",(?![^(]*\))", rule))


def test_the_styles_of_a_widget_reach_no_other_on_the_page():
    """Two may both have a "stage": each rule begins with the root of its widget."""
    roots = [re.match(r"\.attn-[a-z]+", next(selectors(path)))[0] for path in STYLES]
    assert len(set(roots)) == len(STYLES) > 3
    for path, root in zip(STYLES, roots, strict=True):
        assert [one for one in selectors(path) if not one.startswith(root)] == []
