"""Widgets on a page without a kernel: anywidgets live on, of the others there is a picture."""

import re
from html import unescape

from nbformat import NotebookNode
from nbformat.v4 import new_output

VIEW = "application/vnd.jupyter.widget-view+json"
STATE = "application/vnd.jupyter.widget-state+json"
MODEL = re.compile(r"IPY_MODEL_(\w+)")


def lives(nb: NotebookNode, output: NotebookNode) -> bool:
    """Whether the widget works in a page that has no kernel."""
    root = output.data[VIEW]["model_id"]
    return _models(nb)[root]["model_module"] == "anywidget"


def picture(nb: NotebookNode, output: NotebookNode) -> NotebookNode | None:
    """The picture inside the widget, as an output; None if there is none, as in a progress bar."""
    models = _models(nb)
    for name in _inside(models, output.data[VIEW]["model_id"]):
        if models[name]["model_name"] == "ImageModel":
            (png,) = models[name]["buffers"]
            return new_output("display_data", data={"image/png": png["data"]})
    return None


def told(nb: NotebookNode, output: NotebookNode) -> str:
    """The last line of text in the widget: in an explorer its sentence."""
    models = _models(nb)
    names = _inside(models, output.data[VIEW]["model_id"])
    texts = [models[name]["state"] for name in names if models[name]["model_name"] == "HTMLModel"]
    lines = [re.sub(r"<[^>]+>", "", text["value"]) for text in texts if text.get("value")]
    return unescape(lines[-1]) if lines else ""


def only_shown(nb: NotebookNode) -> NotebookNode:
    """`nb` with the state of no more widgets than its outputs show."""
    views = [output.data[VIEW]["model_id"] for output in _outputs(nb) if VIEW in output.data]
    if not views:
        nb.metadata.pop("widgets", None)
        return nb
    models = _models(nb)
    needed = {name for root in views for name in _inside(models, root)}
    for name in set(models) - needed:
        del models[name]
    return nb


def _models(nb):
    return nb.metadata["widgets"][STATE]["state"]


def _inside(models, root):
    """The widget and all that it refers to, from the outside in."""
    found = [root]
    for name in found:
        found += [each for each in MODEL.findall(str(models[name]["state"])) if each not in found]
    return found


def _outputs(nb):
    cells = (cell for cell in nb.cells if cell.cell_type == "code")
    return [output for cell in cells for output in cell.outputs if "data" in output]
