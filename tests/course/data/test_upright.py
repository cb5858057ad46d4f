"""Frames as players show them: pixels made square, pictures mirrored and turned."""

import struct
from fractions import Fraction
from itertools import product

import numpy as np
import pytest
import torch

from attnlib.course import data

HEIGHT, WIDTH = 32, 48
# The four corners, clockwise from above left: red, green, blue, white.
CORNERS = np.zeros((HEIGHT, WIDTH, 3), np.uint8)
CORNERS[:16, :24, 0] = CORNERS[:16, 24:, 1] = CORNERS[16:, 24:, 2] = 255
CORNERS[16:, :24] = 255


def write(path, picture=CORNERS, aspect=None):
    """Two frames, as good as lossless; `aspect`: the width of a pixel by its height."""
    import av

    with av.open(str(path), "w") as container:
        stream = container.add_stream("mpeg4", rate=10)
        stream.height, stream.width = picture.shape[:2]
        stream.pix_fmt, stream.bit_rate = "yuv420p", 4_000_000
        if aspect is not None:
            stream.codec_context.sample_aspect_ratio = aspect
        for _ in range(2):
            container.mux(stream.encode(av.VideoFrame.from_ndarray(picture, format="rgb24")))
        container.mux(stream.encode())
    return path


def turn(path, a, b, c, d):
    """Write a display matrix into an MP4: it takes (x, y) to (a x + c y, b x + d y), y down."""
    one, matrix = 1 << 16, ">9i"
    content = path.read_bytes()
    head, track, rest = content.partition(b"tkhd")
    same = struct.pack(matrix, one, 0, 0, 0, one, 0, 0, 0, 1 << 30)
    assert rest.count(same) == 1
    new = struct.pack(matrix, a * one, b * one, 0, c * one, d * one, 0, 0, 0, 1 << 30)
    path.write_bytes(head + track + rest.replace(same, new))
    return path


def shown(picture, a, b, c, d):
    """The same by its definition, pixel by pixel."""
    places = [(a * x + c * y, b * x + d * y) for y in range(HEIGHT) for x in range(WIDTH)]
    left, top = np.min(places, 0)
    wide, tall = np.max(places, 0) - (left, top) + 1
    result = np.zeros((tall, wide, 3), np.uint8)
    for (x, y), pixel in zip(places, picture.reshape(-1, 3), strict=True):
        result[y - top, x - left] = pixel
    return result


ONES = list(product((1, -1), repeat=2))
MATRICES = [(a, 0, 0, d) for a, d in ONES] + [(0, b, c, 0) for b, c in ONES]


@pytest.mark.parametrize("matrix", MATRICES)
def test_a_film_is_turned_and_mirrored_as_its_matrix_says(matrix, tmp_path):
    got = data.frames(turn(write(tmp_path / "film.mp4"), *matrix), height=None)
    expected = torch.from_numpy(shown(CORNERS, *matrix)) / 255
    assert got.shape == (2, *expected.shape)
    assert (got - expected).abs().mean() < 0.05


@pytest.mark.parametrize("suffix", ["mp4", "mkv", "avi"])
@pytest.mark.parametrize(
    ("aspect", "width"), [((2, 1), 96), ((1, 2), 24), ((16, 15), 51), ((1, 1), 48)]
)
def test_pixels_are_made_square(suffix, aspect, width, tmp_path):
    path = write(tmp_path / f"film.{suffix}", aspect=Fraction(*aspect))
    got = data.frames(path, height=None)
    assert got.shape == (2, HEIGHT, width, 3)
    red = torch.tensor([1.0, 0, 0])
    assert (got[:, :12, : width // 2 - 4] - red).abs().max() < 0.15
    assert data.frames(path, height=16).shape == (2, 16, round(16 * width / HEIGHT), 3)


def test_pixels_are_made_square_before_the_picture_is_turned(tmp_path):
    path = turn(write(tmp_path / "film.mp4", aspect=Fraction(2, 1)), 0, 1, 1, 0)
    assert data.frames(path, height=None).shape == (2, 96, HEIGHT, 3)


@pytest.mark.parametrize("aspect", [(17, 1), (1, 17)])
def test_pixels_may_not_be_flatter_than_16_to_1(aspect, tmp_path):
    path = write(tmp_path / "film.mkv", aspect=Fraction(*aspect))
    with pytest.raises(ValueError, match=r"film\.mkv.*a pixel is .* times as wide as tall"):
        data.frames(path)
