"""The doors of a lesson's page: where the lesson can be run without installing anything."""

from urllib.parse import quote, urlsplit

from nbformat import NotebookNode
from nbformat.v4 import new_markdown_cell

BRANCH = "alone"  # holds the lessons as docs/alone.py makes them; the workflow of the site fills it
FOLDER = "alone"  # of the static files


def with_doors(nb: NotebookNode, stem: str, address: str) -> NotebookNode:
    """`nb` with its doors below its head. Changed in place; without an address it has none."""
    if address:
        links = (f'<a href="{to}">{name}</a>' for name, to in doors(stem, address).items())
        line = f'<p class="attn-run">Run this lesson: {" · ".join(links)}</p>'
        nb.cells.insert(1, new_markdown_cell(line, id="doors"))
    return nb


def doors(stem: str, address: str) -> dict[str, str]:
    """What a door is called -> where it leads."""
    slug = urlsplit(address).path.strip("/")
    lesson = quote(f"notebooks/{stem}.ipynb", safe="")
    return {
        "in Colab": f"https://colab.research.google.com/github/{slug}/blob/{BRANCH}/{stem}.ipynb",
        "in Binder": f"https://mybinder.org/v2/gh/{slug}/HEAD?labpath={lesson}",
        "as a file": f"../_static/{FOLDER}/{stem}.ipynb",
    }
