"""A my_attention.py that was handed in is checked again, piece by piece."""

import re

import pytest

from attnlib.course.exercises.written import PIECES, file_of
from attnlib.course.lessons.__main__ import main

RIGHT = "def softmax(scores):\n    p = scores.exp()\n    return p / p.sum(-1, keepdim=True)"
WRONG = "def merge(out, order):\n    return out"


def test_every_piece_has_its_line(tmp_path, capsys):
    file = tmp_path / "handed_in.py"
    file.write_text(file_of({"by_hand.softmax": RIGHT, "heads.merge": WRONG}))
    main([str(file)])
    said = dict(re.split(r"\s+", line, maxsplit=1) for line in capsys.readouterr().out.splitlines())
    assert list(said) == list(PIECES)
    assert said.pop("by_hand.softmax") == "right"
    assert "as they came" in said.pop("heads.merge")
    assert set(said.values()) == {"not written"}


def test_a_file_that_does_not_run_is_named(tmp_path):
    file = tmp_path / "broken.py"
    file.write_text("def softmax(:")
    with pytest.raises(ValueError, match=r"broken.py must be a module that runs, .* SyntaxError"):
        main([str(file)])


@pytest.mark.parametrize("arguments", [[], ["nowhere.py"], ["a", "b"]])
def test_without_a_file_it_says_what_it_wants(arguments):
    with pytest.raises(SystemExit, match="give one file, as my/my_attention.py"):
        main(arguments)
