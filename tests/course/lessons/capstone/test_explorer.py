"""What it says is what the two modules do."""

import pytest
import torch

from attnlib.course.lessons import exercise
from attnlib.course.lessons.capstone import buggy
from attnlib.course.lessons.capstone.explorer import bug_hunt_drawer, explore_bug_hunt
from tests.course.widgets.hand import by_hand

PAIRS = {name: buggy.pair(name) for name in buggy.PAIRS}


@pytest.fixture(scope="module")
def x():
    return torch.randn(16, 48, generator=torch.Generator().manual_seed(0), dtype=torch.float64)


@pytest.fixture(scope="module")
def draw(x):
    return bug_hunt_drawer(x, PAIRS)


def test_segments_differ_where_they_do_not_come_out_even(draw):
    figure, sentence = draw("segments", 14)
    one, other = torch.tensor([0] * 4 + [1] * 4 + [2] * 4 + [3] * 2), torch.arange(14) // 3
    seen = [owner[:, None] == owner for owner in (one, other.clamp(max=3))]
    assert seen[0].sum() == seen[1].sum() == 52
    assert sentence == (
        "segments, 14 tokens: the original feels 52 of 196 pairs, the rewrite 52; "
        f"{(seen[0] != seen[1]).sum()} pairs are felt in one of the two only."
    )
    original, rewrite = figure.axes[:2]
    assert [axis.get_title() for axis in (original, rewrite)] == ["the original", "the rewrite"]
    lines = sorted({line.get_ydata()[0] for line in rewrite.lines if line.get_xdata()[0] == 0})
    assert lines == [3.5, 7.5, 11.5]


def test_they_agree_where_they_do(draw):
    _, sentence = draw("segments", 16)
    assert sentence.endswith(
        "the original feels 64 of 256 pairs, the rewrite 64; they are the same."
    )


def test_a_mended_suspect_feels_what_the_original_feels(x):
    original, rewrite = buggy.pair("segments")
    rewrite.owner = exercise("capstone.owner").answer
    _, sentence = bug_hunt_drawer(x, {"segments": (original, rewrite)})("segments", 13)
    assert sentence.endswith("they are the same.")


@pytest.mark.parametrize(("name", "pairs"), [("blocks", 36), ("frames", 144)])
def test_the_others_feel_the_same_pairs(draw, name, pairs):
    figure, sentence = draw(name, 12)
    assert f"feels {pairs} of 144 pairs, the rewrite {pairs}; they are the same" in sentence
    assert bool(figure.axes[0].lines) == (name == "blocks")


def test_blocks_are_equal(draw):
    with pytest.raises(ValueError, match="length must be a multiple of 4 for blocks.* got 14"):
        draw("blocks", 14)


def test_blocks_step_over_lengths_that_do_not_divide(x):
    explorer = explore_bug_hunt(x, PAIRS)
    assert repr(explorer).startswith("explore_bug_hunt: segments, 16 tokens")
    explorer.set(length=13)
    by_hand(explorer, suspect="blocks")
    assert explorer.sentence.startswith("blocks, 12 tokens")
    assert explorer.offered["length"] == [4, 8, 12, 16]
    with pytest.raises(ValueError, match=r"length must be one of \(4, 8, 12, 16\) where .* got 6"):
        explorer.set(length=6)
