"""The committed catalogues are right, and each rule refuses what it should."""

import pytest
from babel.messages.catalog import Catalog

from attnlib.course.language import LOCALE
from i18n.check import faults
from i18n.messages import templates
from i18n.update import read, update

TEMPLATES = templates()


@pytest.mark.parametrize(
    "path", sorted(LOCALE.rglob("*.po")), ids=lambda path: f"{path.parent.name}/{path.name}"
)
def test_a_committed_catalogue_is_right(path):
    assert list(faults(read(path), TEMPLATES[path.stem])) == []


@pytest.mark.parametrize(
    "path", sorted(LOCALE.rglob("*.po")), ids=lambda path: f"{path.parent.name}/{path.name}"
)
def test_a_committed_catalogue_is_as_the_command_writes_it(path, tmp_path):
    folder = tmp_path / path.parent.name
    folder.mkdir()
    (folder / path.name).write_bytes(path.read_bytes())
    update(folder)
    assert (folder / path.name).read_bytes() == path.read_bytes()


@pytest.mark.parametrize("folder", sorted(path for path in LOCALE.iterdir() if path.is_dir()))
def test_what_is_said_in_two_places_is_translated_alike(folder):
    # All catalogues of a language are one list: the last would win, everywhere.
    found = {}
    for path in sorted(folder.glob("*.po")):
        for message in read(path):
            other = found.setdefault(message.id, message.string)
            assert not message.id or other == message.string, (path.name, message.id)


def checked(english, translation, **flags):
    template, catalog = Catalog(), Catalog()
    template.add(english)
    catalog.add(english, translation, **flags)
    return list(faults(catalog, template))


@pytest.mark.parametrize(
    ("english", "translation"),
    [
        ("{n} heads, {share:.0%}.", "{n} 个头，{share:.0%}。"),
        ("{n} heads, {share:.0%}.", "占 {share:.0%}：{n} 个头。"),
        ("Use `x[:, None]`: it is **short**.", "请用 `x[:, None]`：它**很短**。"),
        ("The sum is $a,b$.", "和为 $a,b$。"),
        ("It has <b>two</b> heads?", "它有<b>两个</b>头吗？"),
        ("key", "键"),
        (", ", "、"),
        (" ", " "),
        ("{first} {following}", "{first}{following}"),
    ],
)
def test_a_good_translation_passes(english, translation):
    assert checked(english, translation) == []


@pytest.mark.parametrize(
    ("english", "translation", "fault"),
    [
        ("key", "", "is not translated"),
        ("{n} heads", "{m} 个头", "other places"),
        ("{share:.0%} of it", "其中的 {share}", "other places"),
        ("{n} heads", "{n 个头", "braces"),
        ("Use `min`.", "请用 `max`。", "another code"),
        ("The sum $a$.", "和为 $b$。", "another formula"),
        ("[here](a.md)", "[这里](b.md)", "another link"),
        ("<b>two</b>", "<i>两个</i>", "another tag"),
        ("A head.", "一个头", "ends with"),
        ("A head?", "一个头。", "ends with"),
        ("A head, a key.", "一个头,一个键。", "half-width"),
        ("A head. A key.", "一个头.一个键。", "half-width"),
        ("A head (one).", "一个头(一)。", "half-width"),
        ("A head x.", "一个x头。", "no space"),
        ("A head. A key.", "一个头。 一个键。", "a space beside"),
        ("**A head.** A key.", "**一个头。**一个键。", "bold"),
        ("A **head**.", "一个**头。", "bold"),
        ("A head.", "一个䶮。", "no font"),
    ],
)
def test_a_bad_translation_is_named(english, translation, fault):
    (found, *_) = checked(english, translation)
    assert fault in found
    assert repr(english) in found


def test_a_message_in_doubt_is_named():
    assert "fuzzy" in checked("key", "键", flags={"fuzzy"})[0]


def test_a_message_that_is_missing_or_said_no_more_is_named():
    template, catalog = Catalog(), Catalog()
    template.add("key")
    catalog.add("query", "查询")
    missing, more = faults(catalog, template)
    assert "'key' is not in the catalogue" in missing
    assert "'query' is said no more" in more
