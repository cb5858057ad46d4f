"""What a reader wrote is kept, stands alone, and is lent where it is missing."""

import functools
import linecache
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import torch

from attnlib.course.exercises import pieces
from attnlib.course.exercises.checking import Mistake
from attnlib.course.exercises.mine import keep, kept, path, so_far
from attnlib.course.exercises.written import KEYS

OWN_SOFTMAX = """
def softmax(scores):
    powers = (scores - scores.amax(-1, keepdim=True)).exp()  # mine
    return powers / powers.sum(-1, keepdim=True)
"""
OWN_ATTEND = """
def attend(q, k, v, scale, bias=0):
    weights = softmax(scale * q @ k.mT + bias)
    return weights @ v, weights
"""


def written(code, name, **space):
    """What a notebook's cell defines: its source is known."""
    file = f"<cell {hash(code)}>"
    linecache.cache[file] = (len(code), None, code.splitlines(keepends=True), file)
    exec(compile(code, file, "exec"), space)
    return space[name]


def agrees(name):
    """A check that only runs it: what it needs must be there."""

    def refuse(answer):
        given = {"softmax": (torch.ones(2, 3),), "attend": (torch.ones(2, 3),) * 3 + (1,)}[name]
        answer(*given)

    return refuse


def put(code, name, lesson="by_hand", **space):
    return keep(f"{lesson}.{name}", written(code, name, **space), agrees(name))


def test_what_passes_is_kept_and_is_what_the_next_lesson_gets(capsys):
    said = put(OWN_SOFTMAX, "softmax")
    assert said == "It stands in my/my_attention.py now."
    (softmax,) = so_far("softmax")
    assert capsys.readouterr().out == "yours: softmax\n"
    assert "# mine" in kept()["by_hand.softmax"]
    assert torch.equal(softmax(torch.zeros(2, 4)), torch.full((2, 4), 0.25))


def test_the_file_is_a_module_that_runs_alone():
    put(OWN_SOFTMAX, "softmax")
    put(OWN_ATTEND, "attend", softmax=pieces.softmax)
    run = "import my_attention as m, torch; print(m.attend(*torch.ones(3, 2, 2), 1)[0].tolist())"
    env = os.environ | {"PYTHONPATH": f"{path().parent}{os.pathsep}{Path.cwd()}"}
    done = subprocess.run(
        [sys.executable, "-c", run], capture_output=True, text=True, env=env, check=True
    )
    assert done.stdout == "[[1.0, 1.0], [1.0, 1.0]]\n"


def test_what_was_skipped_is_borrowed_and_file_and_verdict_say_so(capsys):
    said = put(OWN_ATTEND, "attend", softmax=pieces.softmax)
    assert said.endswith("It borrows from the course: softmax (by_hand.softmax).")
    line = "import softmax  # borrowed: by_hand.softmax has not passed yet"
    assert line in path().read_text(encoding="utf-8")
    assert "split" not in path().read_text(encoding="utf-8"), "the reader has not come there"
    so_far("softmax", "attend")
    said = capsys.readouterr().out
    assert "yours: attend\n" in said
    assert "borrowed from the course, until your own passes: softmax (by_hand.softmax)" in said
    # It passes later: then it is the reader's own.
    assert put(OWN_SOFTMAX, "softmax") == "It stands in my/my_attention.py now."
    assert "borrowed" not in path().read_text(encoding="utf-8")


def test_what_it_borrows_through_another_of_the_readers_is_told_too(capsys):
    put(OWN_ATTEND, "attend", softmax=pieces.softmax)
    code = "def local_branch(x, branches):\n    return attend, boundaries\n"
    own = written(code, "local_branch")
    lent = "softmax (by_hand.softmax), boundaries (segments.boundaries)"
    said = keep("segments.local_branch", own, lambda answer: None)
    assert said.endswith(f"It borrows from the course: {lent}.")
    so_far("local_branch")
    said = capsys.readouterr().out
    assert said.startswith("yours: local_branch\nborrowed from the course, until your own passes: ")
    assert said.split()[-4:] == lent.split()


def test_a_better_one_takes_its_place_and_the_file_before_stays():
    put(OWN_SOFTMAX, "softmax")
    before = path().read_text(encoding="utf-8")
    put(OWN_SOFTMAX.replace("# mine", "# better"), "softmax")
    assert "# better" in kept()["by_hand.softmax"]
    assert path().with_suffix(".before").read_text(encoding="utf-8") == before


def test_without_a_file_all_is_lent(capsys):
    assert so_far("merge", "MyBlockAttention") == (pieces.merge, pieces.MyBlockAttention)
    assert capsys.readouterr().out.startswith("borrowed from the course")
    assert not path().exists()


@pytest.mark.parametrize(
    ("code", "words"),
    [
        ("softmax = lambda scores: scores.softmax(-1)", "only what a cell writes as `def softmax`"),
        ("def helped(x):\n    return x\nsoftmax = helped", "only what a cell writes as"),
        (
            "def helper(x):\n    return x.exp()\n\ndef softmax(s):\n    return helper(s)\n",
            "NameError: name 'helper' is not defined. Does it need something from another cell?",
        ),
    ],
)
def test_what_does_not_stand_alone_gets_a_sentence_and_is_not_kept(code, words):
    assert words in put(code, "softmax")
    assert not path().exists()


def test_a_default_from_another_cell_is_named_without_the_file_around_it():
    said = put("def softmax(scores, axis=LAST):\n    return scores", "softmax", LAST=-1)
    assert "not kept: NameError: name 'LAST' is not defined. Does it need" in said


def test_a_decorated_function_is_kept_with_its_decorator():
    put(f"@torch.enable_grad(){OWN_SOFTMAX}", "softmax", torch=torch)
    assert "@torch.enable_grad()\ndef softmax" in kept()["by_hand.softmax"]
    local = "def twice(f):\n    return functools.wraps(f)(lambda *given: f(*given))\n\n\n@twice"
    said = put(f"{local}{OWN_SOFTMAX}", "softmax", functools=functools)
    assert "NameError: name 'twice' is not defined" in said


def test_numpy_is_there():
    code = "def softmax(scores):\n    return np.e**scores / (np.e**scores).sum(-1, keepdim=True)"
    assert put(code, "softmax", np=np).startswith("It stands in my/my_attention.py")


def test_a_folder_that_cannot_be_written_gets_a_sentence(monkeypatch, tmp_path):
    (tmp_path / "file").write_text("no folder")
    monkeypatch.setenv("ATTNLIB_MY", str(tmp_path / "file"))
    assert put(OWN_SOFTMAX, "softmax").startswith("It can't be kept: ")


def test_what_fails_its_check_there_is_not_kept():
    softmax = written(OWN_SOFTMAX, "softmax")
    said = keep("by_hand.softmax", softmax, lambda answer: Mistake("It is wrong."))
    assert "it fails, and so it is not kept: It is wrong." in said
    assert not path().exists()


def test_what_is_lent_is_not_kept_as_the_readers():
    (softmax,) = so_far("softmax")
    said = keep("by_hand.softmax", softmax, agrees("softmax"))
    assert "that is the course's own softmax" in said
    assert not kept()


def test_what_is_no_piece_is_not_kept():
    assert put(OWN_SOFTMAX, "softmax", lesson="elsewhere") == ""
    assert not path().exists()


def test_a_class_is_kept_whole_with_its_decorators_and_its_init():
    code = (
        "from torch import nn\n\n\nclass MyBlockAttention(nn.Module):\n"
        "    def __init__(self):\n        super().__init__()\n\n"
        "    def forward(self, x):\n        return x  # mine\n"
    )
    given = written(code, "MyBlockAttention", __name__="__main__")
    keep("blocks.MyBlockAttention", given, lambda answer: None)
    (found,) = so_far("MyBlockAttention")
    assert found()(3) == 3
    assert kept()["blocks.MyBlockAttention"].startswith("class MyBlockAttention(nn.Module):")


def test_every_piece_stands_in_the_chain_and_is_an_exercise():
    from attnlib.course.lessons import exercise

    for name, key in KEYS.items():
        assert exercise(key).answer is getattr(pieces, name)


def test_an_unknown_name_is_refused_with_those_there_are():
    with pytest.raises(ValueError, match=r"names must be some of \('softmax', .*got 'soft'"):
        so_far("soft")


def test_a_file_that_was_broken_by_hand_is_named_and_left_alone():
    put(OWN_SOFTMAX, "softmax")
    broken = path().read_text(encoding="utf-8").replace("return powers", "return ((")
    path().write_text(broken, encoding="utf-8")
    with pytest.raises(ValueError, match=r"my_attention.py must be a module that runs, and stops"):
        so_far("softmax")
    assert path().read_text(encoding="utf-8") == broken
