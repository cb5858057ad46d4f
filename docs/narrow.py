"""A lesson's figures as its page shows them: the wide picture, or on a telephone the narrow one."""

import hashlib
from base64 import b64decode
from html import escape
from io import BytesIO
from pathlib import Path

from nbformat import NotebookNode
from PIL import Image

from attnlib.course.figures.twice import NARROW

TELEPHONE = "(max-width: 600px)"
FOLDER = "figures"
SHARP = 2  # dots of either picture for one px of a page


def with_narrow(nb: NotebookNode, to: Path, up: str = "..") -> NotebookNode:
    """`nb`, as `for_page` leaves it, with both pictures of each figure. Changed in place.

    Args:
        to: the folder of the pages' static files, where the pictures go.
        up: from the page to the first page's folder.
    """
    for cell in nb.cells:
        for output in cell.get("outputs", []):
            if NARROW in output.get("data", {}):
                alt = cell.metadata.mystnb.image.alt
                output.data = NotebookNode({"text/html": _picture(output.data, alt, to, up)})
    return nb


def _picture(data, alt, to, up):
    """Only the one that is shown is loaded; a tap opens the wide one."""
    (wide, size), (narrow, small) = _file(data["image/png"], to, up), _file(data[NARROW], to, up)
    return (
        f'<a class="attn-figure" href="{wide}"><picture>'
        f'<source media="{TELEPHONE}" srcset="{narrow}" {small}>'
        f'<img src="{wide}" {size} alt="{escape(alt)}"></picture></a>'
    )


def _file(data, to, up):
    """Its address as a lesson's page names it, and its size there."""
    png = b64decode(data)
    name = f"{hashlib.sha256(png).hexdigest()[:16]}.png"
    (to / FOLDER).mkdir(exist_ok=True)
    (to / FOLDER / name).write_bytes(png)
    width, height = (dots // SHARP for dots in Image.open(BytesIO(png)).size)
    return f"{up}/_static/{FOLDER}/{name}", f'width="{width}" height="{height}"'
