"""A changed lesson comes into a student's copy: three ways, cell by cell, by the cells' ids."""

from typing import NamedTuple

from nbformat import NotebookNode
from nbformat.v4 import new_markdown_cell

from attnlib.course.language import say

OURS = "-ours"  # ends the id of a cell that shows the lesson's text beneath the student's
SAID = ("minutes", "part")  # metadata that the lesson says, whoever wrote the text


class Merged(NamedTuple):
    """The student's cells with the lesson's changes, and how many cells that touched."""

    cells: list[NotebookNode]
    came: int  # new ones, and untouched ones with another text
    went: int
    both: int  # changed on both sides


def sources(cells: list[NotebookNode]) -> dict[str, list[str]]:
    """What each cell is, and says, by its id."""
    return {cell.id: [cell.cell_type, cell.source] for cell in cells}


def merge(base: dict[str, list[str]], mine: list[NotebookNode], new: list[NotebookNode]) -> Merged:
    """The student's cells in the new lesson's order.

    - A cell that the student did not touch follows the lesson: its text, its place, its end.
    - One that the student wrote into stays. If the lesson changed it too, the lesson's text comes
      beneath it, folded, as text that does not run.
    - The student's own cells stay behind the cell that they stood behind.
    - What the student deleted stays deleted.

    Args:
        base: `sources` of the lesson from which `mine` was made.
        mine, new: cells of the student's copy, and of the lesson as it is now.
    """
    has, now = {cell.id: cell for cell in mine}, sources(new)
    is_mine = {key: value != base.get(key) for key, value in sources(mine).items()}
    shown, came, both = {}, 0, 0  # id -> the cells in its place
    for cell in new:
        if cell.id in base and cell.id not in has:
            continue
        own = has.get(cell.id)
        if own is None or not is_mine[cell.id] and now[cell.id] != base[cell.id]:
            shown[cell.id] = [cell]
            came += 1
            continue
        own.metadata.update({key: cell.metadata[key] for key in SAID if key in cell.metadata})
        shown[cell.id] = [own]
        if now[cell.id] not in (base.get(cell.id), sources([own])[cell.id]):
            shown[cell.id].append(_beneath(cell))
            both += 1
    renewed = {each.id for cells in shown.values() for each in cells}
    kept = {key for key in has if is_mine[key] and key not in renewed}
    cells = _placed(shown, mine, kept)
    went = sum(key in base and key not in now and not is_mine[key] for key in has)
    return Merged(cells, came, went, both)


def _placed(shown, mine, kept):
    """The lesson's cells, and each of the student's own behind what it stood behind."""
    behind, last = {None: []}, None
    for cell in mine:
        if cell.id in kept:
            behind[last].append(cell)
        elif cell.id in shown:
            last = cell.id
            behind.setdefault(last, [])
    cells = list(behind[None])
    for key, its in shown.items():
        cells += its + behind.get(key, [])
    return cells


def _beneath(cell):
    """The lesson's text of a cell, to be opened; as it does not run, it changes nothing."""
    is_text = cell.cell_type == "markdown"
    text = cell.source if is_text else "\n".join(("```python", cell.source, "```"))
    told = say(
        "The lesson has changed this cell. Yours stays above; open this to see the lesson's."
    )
    folded = f"<details><summary>{told}</summary>\n\n{text}\n\n</details>"
    return new_markdown_cell(folded, id=f"{cell.id}{OURS}")
