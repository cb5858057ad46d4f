"""A catalogue follows what is said: new messages come in, changed ones wait to be looked at."""

import pytest
from babel.messages.catalog import Catalog

from attnlib.course.language import catalogue
from i18n.update import read, update, write


def said(*messages):
    template = Catalog()
    for message in messages:
        template.add(message, locations=[("attnlib/course/widgets/viewer.py", None)])
    return {"widgets": template}


@pytest.fixture
def folder(tmp_path):
    """A language with one catalogue of two messages, both translated."""
    folder = tmp_path / "zh"
    update(folder, ["widgets"], said("The first head sees all keys.", "queries"))
    catalog = read(folder / "widgets.po")
    catalog["The first head sees all keys."].string = "第一个头看到所有键。"
    catalog["queries"].string = "查询"
    write(catalog, folder / "widgets.po")
    return folder


def translations(folder):
    catalogue.cache_clear()
    return dict(catalogue(str(folder)))


def test_what_is_said_as_before_stays_to_the_byte(folder):
    before = (folder / "widgets.po").read_bytes()
    update(folder, (), said("The first head sees all keys.", "queries"))
    assert (folder / "widgets.po").read_bytes() == before
    assert len(translations(folder)) == 2


def test_a_new_message_comes_in_empty(folder):
    update(folder, (), said("The first head sees all keys.", "queries", "A sentence of its own."))
    assert read(folder / "widgets.po")["A sentence of its own."].string == ""


def test_what_another_catalogue_translates_comes_in_translated(folder):
    now = said("The first head sees all keys.", "queries")
    update(folder, ["heads"], now | {"heads": said("queries", "values")["widgets"]})
    found = read(folder / "heads.po")
    assert (found["queries"].string, found["values"].string) == ("查询", "")


def test_a_changed_message_is_in_doubt_and_so_said_in_english(folder):
    update(folder, (), said("The first head sees all the keys.", "queries"))
    changed = read(folder / "widgets.po")["The first head sees all the keys."]
    assert changed.fuzzy
    assert changed.string == "第一个头看到所有键。"  # kept, to be mended
    assert translations(folder) == {"queries": "查询"}


def test_a_part_that_says_nothing_is_refused(folder):
    with pytest.raises(ValueError, match=r"PARTS must be among \['widgets'\], got \['nothing'\]"):
        update(folder, ["nothing"], said("queries"))
