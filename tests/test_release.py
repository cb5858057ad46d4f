"""What `make release` finds wrong before anything is released."""

import pytest

import attnlib
from attnlib.course.language import LOCALE
from docs import release

PAGE = """# Our words

[a heading](#more-words-here) `[code](nowhere.md)` [a page](docs/page.md#its-same-heading)
[elsewhere](https://example.org/x) [made for the site](docs/beliefs.md) ![a picture](docs/a.png)

## More words, here

```md
[in a block](nowhere.md)
```
"""


@pytest.fixture
def root(tmp_path):
    """A repository of which nothing is wrong."""
    version = attnlib.__version__
    (tmp_path / "docs").mkdir()
    (tmp_path / "docs/page.md").write_text("# Its `same` heading\n[up](../README.md)\n")
    (tmp_path / "docs/index.md").write_text("[as from the root](docs/page.md)\n")
    (tmp_path / "docs/a.png").write_bytes(b"")
    (tmp_path / "README.md").write_text(PAGE)
    (tmp_path / "CITATION.cff").write_text(f"cff-version: 1.2.0\nversion: {version}\n")
    (tmp_path / "CHANGELOG.md").write_text(f"# Changes\n\n## {version}\n\n## 0.0.1\n")
    return tmp_path


def test_this_repository_may_be_released():
    assert list(release.faults()) == []


def test_one_of_which_nothing_is_wrong_may_be(root):
    assert list(release.faults(root)) == []


def test_all_that_is_wrong_is_named(root):
    (root / "CITATION.cff").write_text("")
    (root / "docs/page.md").unlink()
    folder = root / "locale/zz"
    folder.mkdir(parents=True)
    (folder / "gone.po").write_bytes((LOCALE / "zh/language.po").read_bytes())
    found = [fault.partition(":")[0] for fault in release.faults(root, folder.parent)]
    assert found == ["CITATION.cff", "README.md", "docs/index.md", "zz/gone.po"]


@pytest.mark.parametrize(
    ("name", "text", "got"),
    [
        ("CITATION.cff", "cff-version: 1.2.0\nversion: 9.0.0\n", "9.0.0"),
        ("CITATION.cff", "cff-version: 1.2.0\n", "None"),
        ("CHANGELOG.md", "# Changes\n\n## 9.0.0\n", "9.0.0"),
    ],
)
def test_another_version_is_named(root, name, text, got):
    (root / name).write_text(text)
    (fault,) = release.versions(root)
    assert fault == f"{name}: the version must be {attnlib.__version__}, got {got}"


@pytest.mark.parametrize(
    "link",
    ["nowhere.md", "#no-heading", "docs/page.md#no-heading", "../page.md", "docs/none.png", "/x"],
)
@pytest.mark.parametrize("name", ["README.md", "docs/index.md"])
def test_a_link_that_leads_nowhere_is_named(root, name, link):
    with (root / name).open("a") as file:
        file.write(f"\n[words]({link})\n")
    assert list(release.links(root)) == [f"{name}: {link} leads nowhere"]


def test_a_catalogue_that_is_not_whole_is_named(tmp_path):
    known = (LOCALE / "zh/language.po").read_text(encoding="utf-8")
    folder = tmp_path / "locale/zz"
    folder.mkdir(parents=True)
    (folder / "language.po").write_text(known.split("\n\n")[0])
    (folder / "gone.po").write_text(known)
    gone, missing = release.catalogues(folder.parent)
    assert gone == "zz/gone.po: nothing is said in such a part of the course"
    assert missing.startswith("zz/language.po: ") and "is not in the catalogue" in missing


def test_the_command_ends_with_1_where_something_is_wrong(monkeypatch, capsys):
    assert release.main() == 0
    monkeypatch.setattr(release, "faults", lambda: iter(["a.md: b leads nowhere"]))
    assert release.main() == 1
    assert capsys.readouterr().out.endswith("a.md: b leads nowhere\n")
