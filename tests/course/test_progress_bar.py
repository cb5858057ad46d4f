import sys

import nbformat
import pytest
from nbformat.v4 import new_code_cell, new_notebook

from attnlib.course.progress_bar import VIEW, progress_bar
from notebooks.execute import METADATA, execute, normalise

SLOW = """
import time
from attnlib.course import progress_bar as module
from attnlib.course.progress_bar import progress_bar

module.DELAY = {delay}
with progress_bar({total}, "features", "frame") as bar:
    for _ in range(3):
        time.sleep(0.2)
        bar.update(1)
print(bar.n)
"""


def test_on_a_terminal_it_is_tqdm_after_two_seconds(capsys):
    with progress_bar(3, "features", "frame") as bar:
        assert (bar.n, bar.total, bar.desc, bar.unit, bar.delay) == (0, 3, "features", "frame", 2)
        bar.update(3)
        assert bar.n == 3
    assert capsys.readouterr().err == ""  # it took less


@pytest.mark.parametrize("total", ["3", "None"])
def test_in_a_notebook_it_is_a_widget_of_which_nothing_is_stored(total):
    slow = SLOW.replace("{total}", total)
    cells = [new_code_cell(slow.replace("{delay}", delay)) for delay in ("0.1", "2")]
    nb = execute(new_notebook(cells=cells, metadata=METADATA))
    shown, printed = nb.cells[0].outputs
    assert list(shown["data"]) == [VIEW]  # no text that would hang on the clock
    assert printed["text"] == "3\n"
    (alone,) = nb.cells[1].outputs  # done before it shows up
    assert alone["text"] == "3\n"
    (stored,) = normalise(nb).cells[0].outputs
    assert stored["text"] == "3\n"
    nbformat.validate(nb)


def test_without_tqdm_it_says_what_to_install(monkeypatch):
    monkeypatch.setitem(sys.modules, "tqdm", None)
    with pytest.raises(ModuleNotFoundError, match=r'pip install "tqdm>=4\.66"'):
        progress_bar(1, "features", "frame")
