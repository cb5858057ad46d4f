"""How Sphinx makes the site. `docs/build.py` lays out what it reads, and calls it."""

import re
from pathlib import Path

from sphinx.search.en import SearchEnglish

from docs.build import STATIC
from docs.searching import SPLIT, untagged, words

project = "attnlib"
author = "the attnlib authors"
project_copyright = "the attnlib authors, MIT licence"
language = "en"
extensions = ["myst_nb", "sphinx.ext.autodoc", "sphinx.ext.napoleon", "sphinx.ext.viewcode"]
extensions += ["sphinx_copybutton"]
extensions += ["sphinx.ext.githubpages"]  # else GitHub leaves out the folders with a _
# Parts of README.md are included; docs/package.md is a package index's page.
exclude_patterns = ["README.md", "docs/package.md", "**/jupyter_execute"]

# Lessons come executed, by docs/executed.py: once, for the site and for the slides.
nb_execution_mode = "off"
nb_merge_streams = True
nb_ipywidgets_js = {}  # alive.js hosts the widgets
nb_code_prompt_show, nb_code_prompt_hide = "Show the code", "Hide the code"
myst_enable_extensions = ["dollarmath"]
myst_heading_anchors = 3

default_role = "py:obj"  # `name` in a docstring is code, and a link where it can be
napoleon_numpy_docstring = False
napoleon_custom_sections = ["Returns", "Raises", "Source"]  # prose, not lists of types
highlight_language = "none"  # of a block in a docstring; lessons and `>>>` are Python
autodoc_member_order = "bysource"
autodoc_typehints_format = "short"
add_module_names = False

html_theme = "furo"
html_title = "attnlib"
html_favicon = "static/icon.svg"
html_static_path = [str(STATIC)]
html_css_files = ["site.css"]
html_js_files = ["alive.js", "site.js"]
HAN = re.compile("[\u3400-\u9fff]")
# A page and the same one in Chinese.
PAIRS = {"index": "zh/index", "docs/reply": "docs/reply.zh"}
mathjax_path = "mathjax/es5/tex-chtml.js"
html_show_search_summary = False  # a page from the file system may not fetch others
html_copy_source = False
copybutton_selector = "div:is(.highlight-python, .highlight-ipython3, .highlight-sh, .doctest) pre"
copybutton_prompt_text = r">>> |\.\.\. "
copybutton_prompt_is_regexp = True
html_show_sphinx = False


class EnglishAndChinese(SearchEnglish):
    """In place of Sphinx's English, under the same name."""

    js_splitter_code = SPLIT

    def split(self, input):
        return words(input)


def setup(app):
    """Pages that screen readers read, and docstrings that are written to be read as they are."""
    app.add_search_language(EnglishAndChinese)
    app.connect("build-finished", _untag)
    app.connect("html-page-context", _add, priority=100)
    app.connect("html-page-context", _mend, priority=900)  # after the theme
    app.connect("autodoc-process-docstring", _as_rst, priority=400)  # before napoleon


def _untag(app, _exception):
    """The titles of the search as they are read."""
    index = Path(app.outdir, "searchindex.js")
    if index.exists():
        index.write_text(untagged(index.read_text(encoding="utf-8")), encoding="utf-8")


def _add(app, pagename, _template, context, _doctree):
    """What a page has that others have not."""
    if pagename == "index":
        app.add_css_file("first.css")
        app.add_js_file("first.js")
    if _is_chinese(pagename):
        context["language"] = "zh-Hans"


def _is_chinese(pagename):
    return pagename in PAIRS.values() or pagename.startswith("notebooks/zh/")


def _same_page(pagename):
    """The page that says the same in the other language, if there is one."""
    if pagename.startswith("notebooks/"):
        folder, _, lesson = pagename.rpartition("/")
        return f"notebooks/{lesson}" if _is_chinese(pagename) else f"{folder}/zh/{lesson}"
    return (PAIRS | {chinese: english for english, chinese in PAIRS.items()}).get(pagename)


def _switch(app, pagename, context):
    """The link to that page."""
    other = _same_page(pagename)
    if other not in app.env.found_docs or pagename == "index":  # that one has both languages
        return ""
    tongue, name = ("en", "English") if _is_chinese(pagename) else ("zh-Hans", "中文")
    link = f'href="{context["pathto"](other)}" lang="{tongue}" hreflang="{tongue}"'
    return f'<p class="attn-tongue"><a {link}>{name}</a></p>'


def _told(text):
    """A text with its language, where the page's is English."""
    return f'<span lang="zh-Hans">{text}</span>' if HAN.search(text) else text


def _mend(app, pagename, _template, context, _doctree):
    captions = context["furo_navigation_tree"]
    captions = captions.replace('role="heading"', 'role="heading" aria-level="2"')
    captions = re.sub(r">([^<>]+)<", lambda text: f">{_told(text[1])}<", captions)
    if _is_chinese(pagename):
        captions = f'<div lang="en">{captions}</div>'
    context["furo_navigation_tree"] = captions
    for way in ("prev", "next"):
        if page := context.get(way):
            title = f'<span lang="en">{_told(page["title"])}</span>'
            context[way] = page | {"title": title}
    body = _switch(app, pagename, context) + context.get("body", "")
    # A button's name must hold the words on it: let it be just these.
    body = body.replace(' aria-label="Toggle hidden content"', "")
    if pagename == "_modules/index":  # lists right inside lists: make it one
        head = body.partition("<ul>")[0]
        body = f"{head}<ul>{''.join(re.findall('<li>.*?</li>', body))}</ul>"
    context["body"] = body


def _as_rst(_app, what, _name, _object, _options, lines):
    """An indented block keeps its lines; "Source: …" is a section of its own."""
    if what == "property":  # words before a colon would be its type
        lines[0] = lines[0].replace(": ", ", ", 1)
    if lines[0].startswith("Alias for field number"):  # a named tuple says no more
        lines.clear()
    text = "\n".join(lines)
    text = re.sub(r"^( *)(\S.*\n\n)(?=\1 +(?!>>>)\S)", _literal, text, flags=re.MULTILINE)
    text = re.sub(r"^( *)Source: (.+(?:\n.+)*)", _source, text, flags=re.MULTILINE)
    lines[:] = text.split("\n")


def _literal(match):
    """The line before an indented block, with the mark that keeps the lines of that block."""
    indent, line = match[1], match[2].rstrip()
    return f"{indent}{line}:\n\n" if line.endswith(":") else f"{indent}{line}\n\n{indent}::\n\n"


def _source(match):
    return f"\n{match[1]}Source:\n{match[1]}    {' '.join(match[2].split())}"
