"""A lesson as a page: what JupyterLab shows in one way, and a page without a kernel in another."""

import re
from base64 import b64decode
from html import escape
from io import BytesIO

from nbformat import NotebookNode
from PIL import Image

from docs.slides.widgets import VIEW, lives, only_shown, picture, told

ALT = 150  # letters of what a screen reader says of a figure; the whole sentence stands beside it


def for_page(nb: NotebookNode) -> NotebookNode:
    """`nb`, executed with its widgets, as MyST-NB is to read it. Changed in place."""
    for cell in nb.cells:
        cell.metadata.setdefault("tags", [])
        if cell.metadata.get("jupyter", {}).get("source_hidden"):
            cell.metadata.tags.append("hide-input")
        if cell.cell_type == "code":
            cell.metadata["mystnb"] = {"image": {"alt": _alt(cell)}}
            for output in cell.outputs:
                if VIEW in output.get("data", {}):
                    _still(nb, output)
            cell.outputs = [output for output in cell.outputs if output.get("data", True)]
        else:
            cell.source = cell.source.replace("](../README.md", "](../index.md")
    nb = only_shown(nb)
    kept = {"kernelspec", "language_info", "widgets"} & set(nb.metadata)
    nb.metadata = NotebookNode({key: nb.metadata[key] for key in kept})
    return nb


def _still(nb, output):
    """A widget that is dead without a kernel leaves its HTML, or its last picture with its line."""
    if lives(nb, output):
        return
    last = picture(nb, output)
    if "text/html" not in output.data and last:
        output.data["text/html"] = _figure(last.data["image/png"], told(nb, output))
    del output.data[VIEW]


def _figure(png, line):
    width, height = Image.open(BytesIO(b64decode(png))).size
    return (
        f'<figure><img src="data:image/png;base64,{png}" width="{width}" height="{height}" '
        f'alt="The last picture of this widget"><figcaption>{escape(line)}</figcaption></figure>'
    )


def _alt(cell):
    """What the cell prints says what its figure shows."""
    printed = "".join(output.text for output in cell.outputs if output.output_type == "stream")
    words = re.sub(r"\s+", " ", printed).strip()
    return f"Figure. {words[:ALT]}{'…' * (len(words) > ALT)}"
