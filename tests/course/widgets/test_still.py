"""The picture that the viewer leaves: which map it shows, how large it is, when it is drawn."""

from base64 import b64decode
from io import BytesIO

import numpy as np
import pytest
import torch
from PIL import Image

from attnlib import SameGroup, attention
from attnlib.course.widgets import viewer
from attnlib.course.widgets.timing import Pace
from attnlib.course.widgets.viewer import view

VIEW = "application/vnd.jupyter.widget-view+json"
GREY, MARK = (0xD9, 0xD9, 0xD9), (0xD6, 0x27, 0x28)


def left_by(shown):
    data, _ = shown._repr_mimebundle_()
    return data


def pixels(shown):
    """(height, width, 3)"""
    png = b64decode(left_by(shown)["image/png"])
    return np.array(Image.open(BytesIO(png)).convert("RGB"))


def count(picture, colour):
    return (picture == colour).all(-1).sum()


def grouped(size, length=16):
    torch.manual_seed(0)
    q, k = torch.randn(2, 2, length, 8)
    return attention(q, k, k, mask=SameGroup(size))[1]


def test_it_stands_beside_the_live_map_and_its_text():
    data = left_by(view(grouped(4), title="mine"))
    assert set(data) == {VIEW, "image/png", "text/plain"}
    assert data["text/plain"] == "mine: map of 16 queries on 16 keys, 2 heads"


def test_it_is_drawn_only_when_it_is_asked_for(monkeypatch):
    drawn = []
    monkeypatch.setattr(viewer, "still", lambda *_, **__: drawn.append(1) or b"")
    shown = view(grouped(4))
    assert drawn == []
    left_by(shown)
    assert drawn == [1]


def test_exactly_zero_is_grey_as_in_all_figures():
    quarter, half, whole = (count(pixels(view(grouped(size))), GREY) for size in (4, 8, 16))
    assert quarter > 1.4 * half > 1000 > whole


def test_it_shows_the_chosen_head_query_and_key():
    shown = view(torch.stack([torch.eye(12), torch.ones(12, 12) / 12]))
    first = pixels(shown)
    assert count(first, GREY) > 1000
    shown.head = 1
    second = pixels(shown)
    assert count(second, GREY) < 50  # in the edges of letters
    rows = np.flatnonzero((second == MARK).all(-1).any(1))
    shown.query, shown.key = 8, 5
    lower = np.flatnonzero((pixels(shown) == MARK).all(-1).any(1))
    assert lower.min() > rows.max()


def test_the_same_map_leaves_the_same_bytes():
    assert left_by(view(grouped(4)))["image/png"] == left_by(view(grouped(4)))["image/png"]


@pytest.mark.parametrize("shape", [(1, 256, 256), (3, 700, 900), (72, 15, 15), (1, 1, 1)])
def test_it_is_small(shape):
    torch.manual_seed(0)
    assert len(b64decode(left_by(view(torch.rand(shape)))["image/png"])) <= 60_000


def test_words_stand_at_the_axes_where_they_have_room():
    map_ = grouped(4)
    bare = pixels(view(map_))
    assert not np.array_equal(pixels(view(map_, queries=["word"] * 16)), bare)
    long = grouped(4, 32)
    assert np.array_equal(pixels(view(long, queries=["word"] * 32)), pixels(view(long)))


def test_of_a_long_map_it_is_the_overview_and_there_is_none_before_that(monkeypatch):
    monkeypatch.setattr(viewer, "LIVE", 0)
    assert count(pixels(view(grouped(4))), GREY) > 1000
    monkeypatch.setattr(viewer, "measure_pace", lambda map_: Pace(1.0, 0.0, "CPU"))
    shown = view(grouped(4))
    assert set(left_by(shown)) == {VIEW, "text/plain"}
    shown.compute_overview()
    assert "image/png" in left_by(shown)
