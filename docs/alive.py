"""Widgets on a page without a kernel, hosted by static/alive.js."""

import hashlib
import json

from nbformat import NotebookNode

VIEW = "application/vnd.jupyter.widget-view+json"
STATE = "application/vnd.jupyter.widget-state+json"
OTHERS = ("_", "layout", "tabbable", "tooltip")  # parts of a state that no widget of ours asks for


class Page:
    """The widgets of one page: a model shown twice, and code that two need, stand there once."""

    def __init__(self, nb: NotebookNode):
        self._models = nb.metadata.get("widgets", {}).get(STATE, {}).get("state", {})
        self._written = set()

    def html(self, output: NotebookNode) -> str:
        """The HTML of an output that shows a widget.

        Raises:
            ValueError: the widget needs a kernel: it is no anywidget.
        """
        name = output.data[VIEW]["model_id"]
        model = self._models[name]
        if model["model_module"] != "anywidget":
            raise ValueError(
                f"a widget must live without a kernel, an anywidget, got {model['model_name']}"
            )
        state = model["state"]
        code = {"esm": state["_esm"], "css": state.get("_css", "")}
        digest = hashlib.sha256(json.dumps(code).encode()).hexdigest()[:8]
        parts = [f'<div class="attn-live" data-model="{name}" data-code="{digest}"></div>']
        if digest not in self._written:
            parts.append(_script(f'data-attn-code="{digest}"', code))
        if name not in self._written:
            parts.append(_script(f'id="attn-model-{name}"', _told(model)))
        self._written |= {digest, name}
        return "\n".join(parts)


def is_bar(output: NotebookNode) -> bool:
    """Whether this is a progress bar that has left: of it there is nothing to show."""
    return set(output.get("data", ())) == {VIEW}


def _told(model):
    state = {name: value for name, value in model["state"].items() if not name.startswith(OTHERS)}
    buffers = {".".join(each["path"]): each["data"] for each in model.get("buffers", [])}
    return {"state": state, "buffers": buffers}


def _script(attributes, data):
    text = json.dumps(data, ensure_ascii=False).replace("</", "<\\/")
    return f'<script type="application/json" {attributes}>{text}</script>'
