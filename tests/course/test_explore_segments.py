"""The ruler of segments: lengths, empty ones, and the parameters that a frame really meets."""

import pytest
import torch
from matplotlib.colors import to_hex
from matplotlib.patches import Rectangle

from attnlib import GlobalLocalAttention
from attnlib.course.explorers import explore_segments, segments_drawer
from attnlib.course.plots.style import MARK


@pytest.fixture(scope="module")
def draw():
    return segments_drawer()


def sets(figure):
    """(text, whether its edge is dashed) of every box of the local branch, from left to right."""
    (axis,) = figure.axes
    texts = [text for text in axis.texts if text.get_text().startswith("set ")]
    boxes = [box for box in axis.patches if isinstance(box, Rectangle)]
    found = []
    for text in sorted(texts, key=lambda text: text.get_position()[0]):
        (box,) = [
            box
            for box in boxes
            if box.contains_point(axis.transData.transform(text.get_position()))
        ]
        found.append((text.get_text().replace("\n", ": "), box.get_linestyle() == "--"))
    return found


@pytest.mark.parametrize(
    ("length", "sizes"),
    [
        (10, [3, 3, 3, 1]),
        (9, [3, 3, 3, 0]),
        (8, [2, 2, 2, 2]),
        (5, [2, 2, 1, 0]),
        (1, [1, 0, 0, 0]),
    ],
)
def test_the_lengths_are_those_of_the_publication(draw, length, sizes):
    figure, sentence = draw(length, 4, 0)
    assert f"⌈{length} / 4⌉ = {sizes[0]}, so {', '.join(map(str, sizes))}. " in sentence
    words = ["empty" if n == 0 else f"{n} frame{'s' if n > 1 else ''}" for n in sizes]
    assert sets(figure) == [(f"set {g}: {w}", w == "empty") for g, w in enumerate(words)]
    empty = ", ".join(str(g) for g, n in enumerate(sizes) if n == 0)
    told = f"Empty segments: {empty}. No frame meets their parameters." in sentence
    assert told == bool(empty)


@pytest.mark.parametrize(("length", "num_segments"), [(10, 4), (9, 4), (7, 2), (12, 6)])
def test_the_frame_meets_the_parameters_that_its_output_depends_on(draw, length, num_segments):
    module = GlobalLocalAttention(8, 8 * num_segments, num_segments=num_segments, fusion="add")
    module.eval()  # in training, dropout may shut off a frame that is alone
    x = torch.randn(length, 8)
    for frame in range(length):
        y, _ = module(x)
        (grad,) = torch.autograd.grad(y[frame].square().sum(), module.local_attention.qkv)
        (own,) = grad.flatten(1).any(1).nonzero().flatten().tolist()
        figure, sentence = draw(length, num_segments, frame)
        assert f"Frame {frame} lies in segment {own}, " in sentence
        assert f"it meets set {own} of the local branch's parameters" in sentence
        ends = [end for line in figure.axes[0].lines for end in line.get_xydata()]
        assert {to_hex(line.get_color()) for line in figure.axes[0].lines} == {MARK}
        across, _ = max(ends, key=lambda end: end[1])  # where the red line meets a set
        assert across == pytest.approx((own + 0.5) * length / num_segments)


def test_the_frame_is_framed_and_says_who_is_with_it(draw):
    figure, sentence = draw(10, 4, 4)
    frames = [box for box in figure.axes[0].patches if to_hex(box.get_edgecolor()) == MARK]
    assert [box.get_x() for box in frames] == [4]
    assert "with frames 3 … 5" in sentence
    assert "Frame 9 lies in segment 3, alone" in draw(10, 4, 9)[1]


def test_every_combination_draws_or_says_why_not(draw):
    for length in (1, 2, 9, 30):
        for num_segments in (2, 5, 8):
            for frame in (0, 1, 8, 29):
                if frame < length:
                    figure, sentence = draw(length, num_segments, frame)
                    assert len(sets(figure)) == num_segments and sentence.startswith("L = ")
                    continue
                said = f"^frame={frame} must lie in 0 … {length - 1}, since length={length}: "
                with pytest.raises(ValueError, match=said):
                    draw(length, num_segments, frame)


@pytest.mark.parametrize(
    ("state", "name"), [((0, 4, 0), "length"), ((9, 1, 0), "num_segments"), ((9, 4, -1), "frame")]
)
def test_errors_name_the_argument(draw, state, name):
    with pytest.raises(ValueError, match=f"^{name}"):
        draw(*state)


def test_a_control_that_is_set_back_gives_the_same_picture():
    explorer = explore_segments()
    first = bytes(explorer._picture.value)
    explorer.set(length=9)
    assert bytes(explorer._picture.value) != first
    explorer.set(frame=9)
    assert explorer._picture.layout.visibility == "hidden"
    explorer.set(length=10, frame=4)
    assert explorer._picture.layout.visibility == "visible"
    assert bytes(explorer._picture.value) == first
