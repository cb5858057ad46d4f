"""A lesson as a page: what JupyterLab shows in one way, and a page without a kernel in another."""

import re

from nbformat import NotebookNode

from docs.alive import VIEW, Page, is_bar

RUNS = "<kbd>Shift</kbd>+<kbd>Enter</kbd>"  # a paragraph about it is for those who have a kernel
FIGURE = {"zh": "图："}  # else "Figure. "
# Of a folded cell; else as docs/conf.py says.
PROMPTS = {"zh": {"code_prompt_show": "展开代码", "code_prompt_hide": "收起代码"}}
ALT = 150  # letters of what a screen reader says of a figure; the whole sentence stands beside it


def for_page(nb: NotebookNode) -> NotebookNode:
    """`nb`, executed with its widgets, as MyST-NB is to read it. Changed in place."""
    page, figure = Page(nb), FIGURE.get(nb.metadata.get("language"), "Figure. ")
    for cell in nb.cells:
        cell.metadata.setdefault("tags", [])
        if cell.metadata.get("jupyter", {}).get("source_hidden"):
            cell.metadata.tags.append("hide-input")
        if cell.cell_type == "code":
            cell.metadata["mystnb"] = {"image": {"alt": figure + _alt(cell)}}
            cell.outputs = [output for output in cell.outputs if not is_bar(output)]
            for output in cell.outputs:
                if VIEW in output.get("data", {}):
                    output.data = NotebookNode({"text/html": page.html(output)})
        else:
            cell.source = _prose(cell.source)
    prompts = PROMPTS.get(nb.metadata.get("language"))
    kept = {"kernelspec", "language_info"} & set(nb.metadata)
    nb.metadata = NotebookNode({key: nb.metadata[key] for key in kept})
    if prompts:
        nb.metadata["mystnb"] = prompts
    return nb


def _prose(text):
    """The words of a cell, without how to run one; the first page stands for the README."""
    paragraphs = [each for each in text.split("\n\n") if RUNS not in each]
    return "\n\n".join(paragraphs).replace("](../README.md", "](../index.md")


def _alt(cell):
    """What the cell prints says what its figure shows."""
    printed = "".join(output.text for output in cell.outputs if output.output_type == "stream")
    words = re.sub(r"\s+", " ", printed).strip()
    return f"{words[:ALT]}{'…' * (len(words) > ALT)}"
