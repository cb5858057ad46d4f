"""The ruler of segments: lengths, empty ones, and the parameters that a frame really meets."""

from base64 import b64decode
from io import BytesIO

import numpy as np
import pytest
import torch
from matplotlib.colors import to_hex
from matplotlib.patches import Rectangle
from PIL import Image

from attnlib import GlobalLocalAttention
from attnlib.course import data
from attnlib.course.figures.style import MARK
from attnlib.course.lessons.segments.explorer import explore_segments, segments_drawer


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
    mentioned = f"Empty segments: {empty}. No frame meets their parameters." in sentence
    assert mentioned == bool(empty)


@pytest.mark.parametrize(("length", "num_segments"), [(10, 4), (9, 4), (7, 2), (12, 6)])
def test_the_frame_meets_the_parameters_that_its_output_depends_on(draw, length, num_segments):
    module = GlobalLocalAttention(8, 8 * num_segments, num_segments=num_segments, fusion="add")
    module.eval()  # in training, dropout may shut off a frame that is alone
    x = torch.randn(length, 8)
    for frame in range(length):
        y, _ = module(x)
        (grad,) = torch.autograd.grad(y[frame].square().sum(), module.local_attention.qkv)
        (index,) = grad.flatten(1).any(1).nonzero().flatten().tolist()
        figure, sentence = draw(length, num_segments, frame)
        assert f"Frame {frame} lies in segment {index}, " in sentence
        assert f"it meets set {index} of the local branch's parameters" in sentence
        ends = [end for line in figure.axes[0].lines for end in line.get_xydata()]
        assert {to_hex(line.get_color()) for line in figure.axes[0].lines} == {MARK}
        across, _ = max(ends, key=lambda end: end[1])  # where the red line meets a set
        assert across == pytest.approx((index + 0.5) * length / num_segments)


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


def still(explorer):
    """What a page without scripts shows."""
    return explorer._repr_mimebundle_()[0]["text/html"]


def test_a_control_that_is_set_back_gives_the_same_picture():
    explorer = explore_segments()
    first = still(explorer)
    assert still(explorer.set(length=9)) != first
    assert still(explorer.set(length=10, frame=4)) == first


def test_the_frame_moves_with_the_end_of_a_shorter_video():
    explorer = explore_segments().set(length=10, frame=9)
    fitted, offered = explorer.fitted(explorer.state | {"length": 6})
    assert fitted["frame"] == max(offered["frame"]) == 5
    explorer.set(length=6)
    assert explorer.sentence.startswith("L = 6, ") and "Frame 5 " in explorer.sentence


def coloured(length, height=6, width=14):
    """Frames of one colour each, no two alike."""
    colours = torch.linspace(0.1, 0.9, length)[:, None] * torch.tensor([1.0, 0.5, 0.2])
    return colours[:, None, None].expand(length, height, width, 3)


@pytest.mark.parametrize(
    ("length", "size"), [(40, (6, 14)), (30, (48, 112)), (3, (14, 6)), (1, (5, 5)), (7, (1, 1))]
)
def test_every_picture_stands_over_its_number(length, size):
    frames = coloured(40, *size)
    figure, _ = segments_drawer(frames)(length, 4, 0)
    (axis,) = figure.axes
    (strip,) = axis.images
    left, right, bottom, top = strip.get_extent()
    assert (left, right) == (0, length)
    shown = strip.get_array()
    across = shown.shape[1] // length
    assert shown.shape == (size[0], across * length, 3)
    for number in range(length):
        middle = shown[:, number * across + (across - 1) // 2]
        np.testing.assert_allclose(middle, frames[number, :, 0], rtol=1e-6)
    for text in axis.texts:
        if text.get_text().isdigit():
            assert text.get_position() == (int(text.get_text()) + 0.5, 1)
    assert bottom > 1 and top < max(text.get_position()[1] for text in axis.texts)


@pytest.mark.parametrize("length", [2, 10, 30])
def test_the_pictures_are_not_squeezed(length):
    figure, _ = segments_drawer(torch.rand(30, 48, 112, 3))(length, 4, 0)
    (strip,) = figure.axes[0].images
    box, (tall, wide, _) = strip.get_window_extent(), strip.get_array().shape
    assert box.width / box.height == pytest.approx(wide / tall, rel=0.05)


def test_a_wide_frame_of_the_ruler_shows_the_whole_picture_white_beside_it():
    figure, _ = segments_drawer(coloured(1))(1, 2, 0)
    inked = (figure.axes[0].images[0].get_array() < 1).all(-1)
    assert inked.sum(1).tolist() == [14] * 6


def test_a_narrow_one_shows_the_middle_of_it():
    picture = torch.arange(113.0).div(113)[None, None, :, None].expand(30, 48, 113, 3)
    figure, _ = segments_drawer(picture)(30, 4, 0)
    row = figure.axes[0].images[0].get_array()[0, :, 0]
    first = row[: len(row) // 30]
    assert len(first) < 113
    assert first.mean() == pytest.approx(56 / 113, abs=0.01)


@pytest.mark.parametrize(("length", "frame"), [(30, 17), (31, 17), (40, 20), (63, 16), (63, 62)])
def test_the_numbers_do_not_touch_and_the_chosen_frame_has_its_own(length, frame):
    figure, _ = segments_drawer(coloured(63))(length, 4, frame)
    figure.draw_without_rendering()
    texts = [text for text in figure.axes[0].texts if text.get_text().isdigit()]
    numbers = [int(text.get_text()) for text in texts]
    assert frame in numbers and numbers == sorted(numbers)
    assert len(numbers) == length or length > 30
    boxes = [text.get_window_extent() for text in texts]
    for one, after in zip(boxes, boxes[1:], strict=False):
        assert one.x1 <= after.x0


def test_without_frames_there_are_no_pictures(draw):
    assert not draw(10, 4, 4)[0].axes[0].images


def test_the_length_ends_where_the_frames_end():
    draw, explorer = segments_drawer(coloured(12)), explore_segments(coloured(12))
    assert max(explorer.values["length"]) == 12
    assert max(explorer.values["frame"]) == 11
    assert explorer.sentence.startswith("L = 12, 4 segments: ") and "Frame 11 " in explorer.sentence
    with pytest.raises(ValueError, match="^length=13 must be at most 12, the frames there are"):
        draw(13, 4, 0)


def test_with_frames_it_starts_at_frame_17_of_30():
    assert explore_segments(coloured(40)).sentence == segments_drawer()(30, 4, 17)[1]


def test_with_frames_a_control_that_is_set_back_gives_the_same_picture():
    explorer = explore_segments(coloured(40))
    first = still(explorer)
    assert still(explorer.set(length=40)) != first
    assert still(explorer.set(length=30)) == first


@pytest.mark.parametrize(("size", "shown"), [((48, 112), (48, 112)), ((480, 1120), (69, 160))])
def test_the_browser_gets_every_frame_and_of_large_ones_fewer_pixels(size, shown):
    numbers = explore_segments(torch.rand(3, *size, 3)).numbers
    assert numbers["ratio"] == size[1] / size[0]
    found = [Image.open(BytesIO(b64decode(each.split(",")[1]))) for each in numbers["pictures"]]
    assert [each.size for each in found] == 3 * [shown[::-1]]


def test_forty_frames_of_a_film_weigh_less_than_200_kilobytes():
    frames = data.video(height=48, width=112).frames[:40]
    assert sum(map(len, explore_segments(frames).numbers["pictures"])) < 200_000


@pytest.mark.parametrize("shape", [(48, 112, 3), (9, 3, 48, 112), (0, 48, 112, 3)])
def test_frames_of_another_shape_are_refused(shape):
    with pytest.raises(ValueError, match=r"^frames must be \(L, height, width, 3\), got shape"):
        segments_drawer(torch.rand(shape))
