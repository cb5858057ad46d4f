"""The pages that are read as files: their length, their links, and that their code runs."""

import re

import pytest
import torch

import attnlib
from docs.release import dangling
from notebooks.execute import HERE
from tests.printed import like, printed

ROOT = HERE.parent
README = ROOT / "README.md"
PAGES = [README, ROOT / "CONTRIBUTING.md", *sorted(ROOT.glob("docs/*.md"))]
# Three screens of a laptop, a picture and a table among them.
LINES, WORDS = 150, 1500
CODE = re.compile(r"^```(\w*)\n(.*?)^```$", re.DOTALL | re.MULTILINE)
RUN = ["README.md", "docs/library.md", "docs/porting.md", "docs/tools.md"]  # ```py is not run
ERROR = re.compile(r"^\| `(.+?)` \| (\w+) \| `(.+)` \|$", re.MULTILINE)


def text_of(name):
    return (ROOT / name).read_text(encoding="utf-8")


def prose(text):
    return CODE.sub("", text)


def test_the_readme_is_three_screens_long():
    text = text_of("README.md")
    assert len(text.splitlines()) <= LINES and len(text.split()) <= WORDS


@pytest.mark.parametrize("path", PAGES, ids=lambda path: path.name)
def test_links_lead_to_files_and_headings(path):
    assert list(dangling(path, ROOT)) == []


def test_a_link_that_leads_nowhere_is_found(tmp_path):
    page = tmp_path / "page.md"
    page.write_text("# A page\n[a](#a-page) [b](page.md#b) [c](c.md) [d](https://d.org)\n")
    assert list(dangling(page, tmp_path)) == ["page.md#b", "c.md"]


def test_every_page_is_in_the_table_of_contents_of_the_site():
    listed = re.findall(r"docs/[\w.]+(?=>?\n)", text_of("docs/index.md"))
    left_out = re.findall(r'"(docs/[\w.]+)\.md"', text_of("docs/conf.py"))
    pages = {f"docs/{path.stem}" for path in ROOT.glob("docs/*.md")}
    assert pages - {"docs/index", *left_out} <= set(listed)


@pytest.mark.parametrize("path", PAGES, ids=lambda path: path.name)
def test_a_make_that_is_named_is_there(path):
    targets = set(re.findall(r"^([a-z][a-z-]*):", text_of("Makefile"), re.MULTILINE))
    text = path.read_text(encoding="utf-8")
    code = "\n".join(
        [*re.findall(r"`(.*?)`", prose(text)), *(code for _, code in CODE.findall(text))]
    )
    assert set(re.findall(r"\bmake ([a-z][a-z-]*)", code)) <= targets


@pytest.mark.parametrize("name", RUN)
def test_the_code_of_a_page_runs_and_prints_what_is_shown(name):
    names, ran, said = {}, 0, ""
    for kind, code in CODE.findall(text_of(name)):
        if kind == "python":
            said, ran = printed(code, names), ran + 1
        elif kind == "text":
            assert like(said, code), said
    assert ran


def test_each_error_of_the_table_is_raised_as_it_says():
    q, k, v = torch.randn(3, 2, 5, 8)
    names = vars(attnlib) | {"torch": torch, "q": q, "k": k, "v": v, "x": torch.randn(6, 6, 3)}
    rows = ERROR.findall(text_of("docs/library.md"))
    assert len(rows) > 10
    for call, kind, says in rows:
        with pytest.raises((TypeError, ValueError), match=re.escape(says)) as raised:
            eval(call, dict(names))
        assert type(raised.value).__name__ == kind


def test_porters_read_of_two_modules_and_not_of_a_course():
    text = re.sub(r"\]\([^)]*\)|`[^`]*`", "", prose(text_of("docs/porting.md")))
    assert re.findall(r"\b(lessons?|course|exercises?|NesT|PGL-SUM)\b", text) == []
