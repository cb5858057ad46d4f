"""From lesson to lesson: pieces in any style pass, are kept, and together are the library's two."""

import linecache

import pytest
import torch

from attnlib import BlockAttention, GlobalLocalAttention
from attnlib.course.compare import same
from attnlib.course.exercises.mine import kept, path, run, so_far
from attnlib.course.exercises.written import KEYS
from attnlib.course.lessons import exercise
from tests.course.exercises.students import STUDENTS


@pytest.fixture(params=STUDENTS.values(), ids=STUDENTS)
def student(request, capsys):
    """What this student wrote, kept as it passed, lesson by lesson."""
    for key, code in request.param.items():
        name = key.partition(".")[2]
        space = {"__name__": "__main__"} | run(
            path().read_text() if path().exists() else "", path()
        )
        exec("import math, torch\nimport torch.nn.functional as F\nfrom torch import nn", space)
        file = f"<{key} of {hash(code)}>"
        linecache.cache[file] = (len(code), None, code.splitlines(keepends=True), file)
        exec(compile(code, file, "exec"), space)
        assert exercise(key).check(space[name]) == "✔ Right. It stands in my/my_attention.py now."
    assert set(kept()) == set(request.param)
    return so_far(*KEYS)


def test_the_two_modules_are_the_librarys(student):
    mine = dict(zip(KEYS, student, strict=True))
    pairs = (
        (mine["MyBlockAttention"](16, 2), BlockAttention(16, 2)),
        (
            mine["MyGlobalLocalAttention"](16, 2, 2, "add"),
            GlobalLocalAttention(16, 16, num_segments=2, heads=2, fusion="add"),
        ),
    )
    for one, other in pairs:
        assert str(same(one, other)).startswith("SAME both ways")


def test_with_positions_they_match_to_rounding(student):
    mine = dict(zip(KEYS, student, strict=True))
    one = mine["MyGlobalLocalAttention"](
        48, 4, 6, "max", table=lambda length: mine["absolute"](length, 48, 10000)
    ).double()
    other = GlobalLocalAttention(
        48, 48, pos_enc="absolute", num_segments=4, heads=6, fusion="max"
    ).double()
    parts = one.local_attention
    other.load_state_dict(
        {
            "attention.qkv.weight": one.attention.qkv.weight,
            "attention.out.weight": one.attention.out.weight,
            "local_attention.qkv": torch.stack([part.qkv.weight for part in parts]),
            "local_attention.out": torch.stack([part.out.weight for part in parts]),
        }
    )
    x = torch.randn(38, 48, dtype=torch.float64)
    assert torch.allclose(one.eval()(x), other.eval()(x)[0], rtol=0, atol=1e-12)
