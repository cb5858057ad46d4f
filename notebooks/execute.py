"""Execute the lessons and write them in one normal form.

    python -m notebooks.execute [lesson.ipynb …]        (none named: all of them)

A committed lesson carries its outputs, and a second execution must give no diff. So `normalise`
takes out whatever differs from run to run and means nothing to a reader. What it cannot take out
unseen, `problems` names, cell by cell, and then the file is left as it was.
"""

import ast
import copy
import io
import itertools
import os
import re
import sys
import time
import tokenize
from collections.abc import Iterator
from pathlib import Path
from tempfile import TemporaryDirectory

import nbformat
from IPython.core.inputtransformer2 import TransformerManager
from nbclient import NotebookClient
from nbclient.exceptions import CellExecutionError, CellTimeoutError, DeadKernelError
from nbformat import NotebookNode

from attnlib.course.copies.lessons import LESSONS, read
from attnlib.course.language import ENGLISH
from notebooks.badges import badged
from notebooks.identity import keep, refused
from notebooks.sockets import AsyncFileKernelManager

__all__ = ["execute", "normalise", "problems", "read", "write"]

HERE = Path(__file__).resolve().parent
CELL_SECONDS = 120  # as long as `make test` gives a cell
CELL_LINES = 15  # what a projector shows, and one breath reads
DEF_LINES = 10  # longer code lives in attnlib, where it is tested

# The same on every machine and every Python from 3.11 on.
METADATA = {
    "kernelspec": {"display_name": "Python 3 (ipykernel)", "language": "python", "name": "python3"},
    "language_info": {"name": "python", "pygments_lexer": "ipython3"},
}
# How JupyterLab last showed a cell, and how long it took.
VOLATILE = ("execution", "ExecuteTime", "collapsed", "scrolled", "trusted")
# A view of a widget is named by a random id, and dead without its kernel; its text stays.
WIDGET_VIEW = "application/vnd.jupyter.widget-view+json"

ADDRESS = re.compile(r"\b0x[0-9a-fA-F]{8,}")
# Warnings print the file that they come from.
MACHINE_PATH = re.compile(
    r"ipykernel_\d+|site-packages|(?<![\w.])/(?:home|root|Users)/|[A-Z]:\\+Users"
    f"|{re.escape(str(HERE.parent))}"
)


def write(nb: NotebookNode, path: Path) -> bool:
    """Write `nb`; True if that changed the file."""
    nbformat.validate(nb)
    new = (nbformat.v4.writes(nb) + "\n").encode()
    changed = not path.exists() or path.read_bytes() != new
    path.write_bytes(new)
    return changed


def execute(nb: NotebookNode, folder: Path = HERE, **settings) -> NotebookNode:
    """A copy of `nb`, run from top to bottom in `folder` by a new kernel of this very Python.

    `settings` are those of `NotebookClient`, where they differ from the ones here.
    """
    nb = copy.deepcopy(nb)
    for cell in nb.cells:
        if cell.cell_type == "code":
            cell.execution_count, cell.outputs = None, []
    os.environ["JUPYTER_PREFER_ENV_PATH"] = "1"  # not another kernel that is called python3 too
    usual = {
        "kernel_name": "python3",
        "kernel_manager_class": AsyncFileKernelManager,
        "timeout": CELL_SECONDS,
        "record_timing": False,
        "store_widget_state": False,
        "resources": {"metadata": {"path": str(folder)}},
    }
    client = NotebookClient(nb, **(usual | settings))
    with TemporaryDirectory() as nobodys:
        # One thread, as in `make test`: how many there are can change the last digits of a sum.
        # And nothing that a reader of this very folder wrote.
        settled = {"OMP_NUM_THREADS": "1", "ATTNLIB_MY": nobodys}
        return client.execute(env=os.environ | settled)


def normalise(nb: NotebookNode) -> NotebookNode:
    """A copy of `nb` without what differs from run to run; twice is the same as once."""
    nb = copy.deepcopy(nb)
    nb.nbformat, nb.nbformat_minor = 4, 5  # the format that has cell ids
    nb.metadata.pop("widgets", None)
    nb.metadata.update(copy.deepcopy(METADATA))
    count = itertools.count(1)
    for cell in nb.cells:
        for key in VOLATILE:
            cell.metadata.pop(key, None)
        cell.source = badged(cell, nb.metadata.get("language", ENGLISH))
        if cell.cell_type == "code":
            # A cell that was never run keeps its null: a number would hide that.
            if cell.execution_count is not None:
                cell.execution_count = next(count)
            cell.outputs = _normal_outputs(cell.outputs, cell.execution_count)
    return nb


def _normal_outputs(outputs: list[NotebookNode], count: int | None) -> list[NotebookNode]:
    normal = []
    # Views first: what is left on both sides of one may be one text.
    for output in outputs:
        if "data" in output:
            output.data.pop(WIDGET_VIEW, None)
    outputs = [output for output in outputs if output.get("data", True)]
    for kind, run in itertools.groupby(outputs, key=lambda output: output.output_type):
        run = list(run)
        if kind == "stream":
            # In how many pieces the kernel sends a text, and which of the two streams is ahead,
            # is chance. (nbval compares them merged as well.)
            for name in ("stdout", "stderr"):
                if text := "".join(output.text for output in run if output.name == name):
                    normal.append(nbformat.v4.new_output("stream", name=name, text=text))
            continue
        for output in run:
            if kind == "execute_result":
                output.execution_count = count
            if kind == "error":
                # The frames name the files of this machine. The message is what a lesson is about.
                output.traceback = [f"{output.ename}: {output.evalue}"]
            normal.append(output)
    return normal


def problems(nb: NotebookNode) -> list[str]:
    """Why `nb` cannot be committed as it is, a line for each reason; nothing if it can."""
    normal = normalise(nb)
    found = [
        f"{key} is not normalised"
        for key in ("nbformat", "nbformat_minor", "metadata")
        if nb[key] != normal[key]
    ]
    for place, (cell, wanted) in enumerate(zip(nb.cells, normal.cells, strict=True), 1):
        head = next(iter(cell.source.strip().splitlines()), "empty")[:50]
        for problem in (*_not_normal(cell, wanted), *_not_short(cell), *_not_repeatable(cell)):
            found.append(f"cell {place} ({head}): {problem}")
    return found


def _not_normal(cell: NotebookNode, wanted: NotebookNode) -> Iterator[str]:
    for key in sorted(set(cell) | set(wanted)):
        if cell.get(key) != wanted.get(key):
            yield f"{key} is not normalised; run `make notebooks`"


def _not_short(cell: NotebookNode) -> Iterator[str]:
    """What the source alone shows."""
    if cell.cell_type != "code" or not cell.source.strip():
        return
    if (lines := len(cell.source.splitlines())) > CELL_LINES:
        yield f"{lines} lines, at most {CELL_LINES}: move code to attnlib, or split the cell"
    python = TransformerManager().transform_cell(cell.source)  # %magic, !command
    try:
        tree = ast.parse(python)
    except SyntaxError as error:
        if "raises-exception" not in cell.metadata.get("tags", []):
            yield f"is not Python: {error}"
        return
    for node in ast.walk(tree):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            lines = node.end_lineno - node.lineno + 1
            if lines > DEF_LINES:
                yield f"def {node.name} has {lines} lines, at most {DEF_LINES}: move it to attnlib"
    tokens = list(tokenize.generate_tokens(io.StringIO(python).readline))
    tokens = [token for token in tokens if token.type not in (tokenize.COMMENT, tokenize.NL)]
    for token, after in itertools.pairwise(tokens):
        if token.string == ";" and after.type == tokenize.NEWLINE:
            yield f"a `;` ends line {token.start[0]}, which nbval cannot compare: use `_ = …`"


def _not_repeatable(cell: NotebookNode) -> Iterator[str]:
    """What the outputs show."""
    if cell.cell_type != "code":
        return
    if cell.source.strip() and cell.execution_count is None:
        yield "was never run (execution_count is null), so nbval would compare nothing"
    for output in cell.outputs:
        if output.output_type == "error" and "raises-exception" not in cell.metadata.get(
            "tags", []
        ):
            yield f"fails with {output.ename}; if that is meant, tag the cell raises-exception"
        for text in _texts(output):
            if match := ADDRESS.search(text):
                yield f"prints an address, {match[0]}, another one in every run"
            if match := MACHINE_PATH.search(text):
                yield f"prints a path of this machine ({match[0]})"


def _texts(output: NotebookNode) -> Iterator[str]:
    """All in an output that a reader reads as text: not the bytes of a picture."""
    if output.output_type == "stream":
        yield output.text
    if output.output_type == "error":
        yield output.evalue
    for kind, text in output.get("data", {}).items():
        if kind.startswith("text/") or kind == "image/svg+xml":
            yield text


def main(arguments: list[str]) -> int:
    failed = 0
    for path in [Path(name) for name in arguments] or sorted(HERE.glob(LESSONS)):
        nb, lesson = read(path), path.stem.partition("_")[2]
        wrong = list(refused(nb.cells, lesson))
        if say_written(path, nb, wrong):
            keep(nb.cells, lesson)
        else:
            failed += 1
    return 1 if failed else 0


def say_written(path: Path, nb: NotebookNode, wrong: list[str]) -> bool:
    """Execute `nb`, unless something is `wrong` with it; write it if nothing is; say which."""
    start = time.perf_counter()
    try:
        if not wrong:
            nb = normalise(execute(nb, path.resolve().parent))
            wrong = problems(nb)
    except (CellExecutionError, CellTimeoutError, DeadKernelError) as error:
        wrong = [str(error)]
    if wrong:
        print(f"{path.name}: not written", *wrong, sep="\n  ")
        return False
    word = "written" if write(nb, path) else "no change"
    print(f"{path.name}: {word}, {time.perf_counter() - start:.1f} s")
    return True


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
