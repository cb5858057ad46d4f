"""The committed catalogues are right, and each rule refuses what it should."""

import re
import tomllib

import pytest
from babel.messages.catalog import Catalog

from attnlib.course.language import LOCALE
from i18n import lessons
from i18n.check import TERMS, faults, lengths
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
        ('<span lang="zh-Hans">效果</span> of it.', "它的效果。"),
        ('See `x["NesT style"]`.', '看 `x["NesT 风格"]`。'),
        ("A token, of blocks.", "一个 token（词元），属于区块。"),
        ("largest:   ", "最大的：   "),
        ("{n:2} heads of 3.", "3 个头中的 {n:2} 个。"),
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
        ("*A head.* A key.", "*一个“头”*一个键。", "bold"),
        ("A head.", "一个䶮。", "no font"),
        ("12 heads, 0.5.", "十二个头，0.5。", "does not tell 12"),
        ("A tile.", "一个瓦片。", "'瓦片' is not our word for tile"),
        ("A token.", "一个词元。", "'词元' is not our word for token"),
        ("A block.", "一个块。", "not our word for block"),
        ("<!--a--> head.", "头。", "another comment"),
    ],
)
def test_a_bad_translation_is_named(english, translation, fault):
    (found, *_) = checked(english, translation)
    assert fault in found
    assert repr(english) in found


def test_the_table_of_terms_is_the_glossary():
    glossary = (lessons.HERE.parent / "docs/glossary.md").read_text(encoding="utf-8")
    rows = re.findall(r"^\| ([^|]+) \| (<span.*?</span>) \|", glossary, re.MULTILINE)
    told = {english: re.sub("<[^>]*>", "", chinese) for english, chinese in rows}
    del told["word"]  # the head of the table
    table = tomllib.loads(TERMS.read_text(encoding="utf-8"))["term"]
    ours = {each["english"]: each["chinese"] for each in table}
    assert {english: ours.get(english) for english in told} == told
    assert len(told) > 50


def test_how_long_sentences_are():
    catalog = Catalog()
    catalog.add("one", "一个头。**两个** `heads_of_it` 头！")
    catalog.add("two", "three")
    assert lengths(catalog) == [3, 4]


def test_a_message_in_doubt_is_named():
    assert "fuzzy" in checked("key", "键", flags={"fuzzy"})[0]


def test_a_message_that_is_missing_or_said_no_more_is_named():
    template, catalog = Catalog(), Catalog()
    template.add("key")
    catalog.add("query", "查询")
    missing, more = faults(catalog, template)
    assert "'key' is not in the catalogue" in missing
    assert "'query' is said no more" in more
