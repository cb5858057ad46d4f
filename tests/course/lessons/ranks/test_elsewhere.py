"""Where no ranks can be started the lesson says so in a sentence, and goes on to its end."""

import multiprocessing
from types import SimpleNamespace

import torch

from attnlib.course.lessons.ranks import started
from notebooks.execute import HERE, read


def test_every_cell_runs_where_no_rank_can_be_started(monkeypatch, capsys):
    def refused(*_):
        raise AssertionError("a process was asked for")

    monkeypatch.setattr(started, "sys", SimpleNamespace(platform="win32"))
    monkeypatch.setattr(multiprocessing, "get_context", refused)
    before, space = torch.get_num_threads(), {}
    for cell in read(HERE / "15_ranks.ipynb").cells:
        if cell.cell_type == "code":
            exec(compile(cell.source, cell.id, "exec"), space)
    torch.set_num_threads(before)
    said = capsys.readouterr().out
    assert "Ranks are started by fork, on Linux only, and this is win32." in said
    assert space["hows"] == ()
    assert "True" not in said, "nothing was compared, so nothing may be said of it"
