"""Widgets on a plain page, without a kernel, as the site hosts them."""

from pathlib import Path

from ipywidgets.embed import embed_data
from nbformat import NotebookNode
from nbformat.v4 import new_notebook, new_output

from docs.alive import STATE, VIEW, Page

LOADER = Path(__file__).resolve().parents[2] / "docs/static/alive.js"


def hosted(*widgets) -> str:
    """The HTML of a page that shows these widgets, one below the other."""
    state = embed_data(views=widgets, drop_defaults=False)["manager_state"]
    nb = new_notebook(metadata={"widgets": {STATE: NotebookNode(state)}})
    page = Page(nb)
    shown = [
        page.html(new_output("display_data", data={VIEW: {"model_id": widget.model_id}}))
        for widget in widgets
    ]
    head = '<!doctype html><html lang="en"><meta charset="utf-8"><title>Widgets</title>'
    size = '<meta name="viewport" content="width=device-width">'
    loader = f"<script>{LOADER.read_text(encoding='utf-8')}\nhostAll();</script>"
    return "\n".join((head + size, "<body><main><h1>Widgets</h1>", *shown, "</main>", loader))
