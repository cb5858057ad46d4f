"""A lesson as a student first sees it: nothing is answered yet, and what is more is folded."""

import copy
import re

from nbformat import NotebookNode
from nbformat.v4 import new_markdown_cell

HEAD = re.compile(r"\A(#+ [^\n]*\n(?:\n<small>[^\n]*</small>(?:\n|\Z))?)\n*(.*)\Z", re.DOTALL)
ASKS = re.compile(r"(predict|exercise)\([^()]*\)\s*\Z")  # its output is the question, not an answer
FOLDED = {"jp-MarkdownHeadingCollapsed": True}  # JupyterLab's own


def for_a_student(lesson: NotebookNode) -> NotebookNode:
    """A copy of a lesson, executed or not, without outputs that answer what it asks.

    The head of a section that is more is a cell of its own: a folded section leaves all of that
    cell standing.
    """
    lesson = copy.deepcopy(lesson)
    lesson.cells = [part for cell in lesson.cells for part in _parts(cell)]
    for cell in lesson.cells:
        if cell.cell_type == "code":
            cell.execution_count = None
            cell.outputs = [_unnumbered(each) for each in cell.outputs if ASKS.match(cell.source)]
    return lesson


def _parts(cell):
    if cell.cell_type != "markdown" or cell.metadata.get("part") != "more":
        return [cell]
    head, rest = HEAD.match(cell.source).groups()
    cell.source = head.rstrip("\n")
    cell.metadata.update(FOLDED)
    return [cell, new_markdown_cell(rest, id=f"{cell.id}-text")] if rest else [cell]


def _unnumbered(output):
    if "execution_count" in output:
        output.execution_count = None
    return output
