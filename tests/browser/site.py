"""The site in build/docs/html, and what keeps people out of a page of it."""

from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
SITE = ROOT / "build" / "docs" / "html"
AXE = ROOT / "build" / "assets" / "axe-core" / "axe.min.js"
# Every widget of a page is at work.
DRAWN = (
    "document.readyState === 'complete' && !document.querySelector('.attn-live:not([data-alive])')"
)
# The rest is the same at any width and in any colours.
BY_WIDTH_AND_COLOUR = ["color-contrast", "scrollable-region-focusable", "target-size"]
# Elements whose right end is out of sight, unless something round them scrolls.
CUT = """() => {
    const scrolls = (el) => /auto|scroll/.test(getComputedStyle(el).overflowX);
    const main = document.getElementById("furo-main-content");
    const reached = (el) => el && el !== main && (scrolls(el) || reached(el.parentElement));
    const outside = (el) => el.getBoundingClientRect().right > innerWidth + 1;
    const out = [...main.querySelectorAll("*")].filter((el) => outside(el) && !reached(el));
    const page = document.documentElement.scrollWidth > innerWidth ? ["the page"] : [];
    return page.concat(out.map((el) => el.outerHTML.slice(0, 150)));
}"""


def serious(page, rules=None):
    """What axe-core finds that keeps people out, in words."""
    if not page.evaluate("typeof axe === 'object'"):
        page.evaluate(AXE.read_text(encoding="utf-8"))
    options = {"resultTypes": ["violations"], "preload": False}
    if rules:
        options["runOnly"] = rules
    found = page.evaluate("(options) => axe.run(options)", options)["violations"]
    return [
        f"{each['id']}: {node['html'][:200]} {node['failureSummary']}"
        for each in found
        if each["impact"] in ("serious", "critical")
        for node in each["nodes"]
    ]


def cut(page):
    """What stands out of the page to the right, where nobody can scroll to it."""
    return page.evaluate(CUT)
