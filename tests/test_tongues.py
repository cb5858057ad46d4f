"""Chinese says that it is Chinese: a screen reader reads it out as such (WCAG 3.1.2), and it is set
in the right letters.
"""

import re
from html.parser import HTMLParser

import pytest

from docs import beliefs
from notebooks.execute import HERE, LESSONS, read

ROOT = HERE.parent
PAGES = [
    *sorted(ROOT.glob("README*.md")),
    *sorted(ROOT.glob("docs/*.md")),
    *sorted(HERE.glob(LESSONS)),
]
HAN = re.compile("[\u3400-\u9fff]+")
CODE = re.compile(r"^```.*?^```$|`[^`\n]+`|<!--.*?-->", re.DOTALL | re.MULTILINE)
# Bold, its last character and the one behind it. Between a full stop and a letter it does not end.
BOLD = re.compile(r"\*\*[^*\n]*?([^*\n])\*\*(.?)")
POINTS = "。，：；？！（）“”"


class Told(HTMLParser):
    """Reads Markdown with HTML in it; `untold` are the runs of Han in no Chinese element."""

    VOID = {"br", "hr", "img", "input"}

    def __init__(self, markdown):
        super().__init__()
        self.within, self.untold = [], []  # (tag, language) of every element that is open
        self.feed(CODE.sub("", markdown))
        self.close()

    def handle_starttag(self, tag, attributes):
        if tag not in self.VOID:
            self.within.append((tag, dict(attributes).get("lang")))

    def handle_endtag(self, tag):
        while self.within and self.within.pop()[0] != tag:
            pass

    def handle_data(self, text):
        languages = [language for _, language in self.within if language]
        if not languages or not languages[-1].startswith("zh"):
            self.untold += HAN.findall(text)

    @property
    def unclosed(self):
        return [tag for tag, language in self.within if language]


def cells(path):
    """Of a lesson every cell by itself: no element reaches from one into the next."""
    if path.suffix == ".md":
        return [path.read_text(encoding="utf-8")]
    return [cell.source for cell in read(path).cells if cell.cell_type == "markdown"]


@pytest.mark.parametrize("path", PAGES, ids=lambda path: path.name)
def test_chinese_stands_in_elements_that_say_so(path):
    for text in cells(path):
        told = Told(text)
        assert told.untold == []
        assert told.unclosed == []


def test_so_it_does_in_the_index_of_beliefs():
    page = beliefs.page()
    assert len(HAN.findall(page)) > 20
    assert Told(page).untold == []


@pytest.mark.parametrize("path", PAGES, ids=lambda path: path.name)
def test_markdown_goes_on_within_an_element_and_bold_ends(path):
    for text in cells(path):
        for line in re.findall(r'<div lang="zh-Hans">\n(.*)\n', text):
            assert line == "", "without an empty line it is HTML, and no Markdown"
        for line in re.findall(r"\n(.*)\n</div>", text):
            assert line == ""
        for last, behind in BOLD.findall(text):
            assert last not in POINTS or behind.strip() in ("", *POINTS), "it does not end"


@pytest.mark.parametrize(
    ("text", "untold"),
    [
        ("words 效果 more", ["效果"]),
        ('<span lang="zh-Hans">效果</span> 效', ["效"]),
        ('<div lang="zh-Hans">\n\n一 <span lang="en">b 二</span> 三\n\n</div>\n\n四', ["二", "四"]),
        ('<div lang="zh-Hans"><img src="x"><br>\n一</div>', []),
        ("a < b, `中`, i <j and 中", ["中"]),
        ('<p lang="ja">中</p>', ["中"]),
    ],
)
def test_the_reader_of_this_test(text, untold):
    assert Told(text).untold == untold
