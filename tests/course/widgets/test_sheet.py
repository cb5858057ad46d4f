"""The page without a kernel holds the same pictures and sentences as the widget."""

from io import BytesIO

import numpy as np
import pytest
from matplotlib import pyplot as plt

from attnlib.course.widgets import sheet
from attnlib.course.widgets.explorer import png
from attnlib.course.widgets.sheet import contact_sheet


def drawer(width, height=2):
    def draw(level):
        if level == 3:
            raise ValueError("level=3 must be below 3: take 0, 1 or 2")
        figure = plt.figure(figsize=(width, height), facecolor=str(level / 4))
        plt.close(figure)
        return figure, f"level {level}, " + "said at length " * 20

    return draw


def places(figure):
    """(left, upper, width, height) of every picture, in inches from the upper left corner."""
    size = figure.get_size_inches()
    boxes = [axis.get_position() for axis in figure.axes]
    return [
        (b.x0 * size[0], (1 - b.y1) * size[1], b.width * size[0], b.height * size[1]) for b in boxes
    ]


def test_every_state_is_there_with_its_whole_sentence():
    figure = contact_sheet(drawer(6), [{"level": level} for level in (0, 1, 2)])
    shown = [axis.images[0].get_array()[0, 0, 0] for axis in figure.axes]
    assert shown == pytest.approx([0, 0.25, 0.5], abs=0.01)
    said = [" ".join(text.get_text().split()) for text in figure.texts]
    assert said == [drawer(6)(level)[1].strip() for level in (0, 1, 2)]


def test_pictures_keep_their_size_and_stand_side_by_side_where_they_fit():
    narrow = places(contact_sheet(drawer(6), [{"level": 0}] * 3))
    assert [place[0] for place in narrow] == pytest.approx([0, 6, 0])
    assert narrow[0][1] == pytest.approx(narrow[1][1])
    wide = places(contact_sheet(drawer(10), [{"level": 0}] * 3))
    assert [place[0] for place in wide] == pytest.approx([0, 0, 0])
    for place in narrow + wide:
        assert place[3] == pytest.approx(2)
    assert narrow[0][2] == pytest.approx(6)


def test_nothing_lies_on_anything_else():
    figure = contact_sheet(drawer(10), [{"level": level} for level in (0, 3, 1)])
    figure.draw_without_rendering()
    boxes = [thing.get_window_extent() for thing in (*figure.texts, *figure.axes)]
    page = figure.bbox
    for number, box in enumerate(boxes):
        assert page.x0 <= box.x0 and box.x1 <= page.x1
        assert page.y0 <= box.y0 and box.y1 <= page.y1
        for other in boxes[:number]:
            assert not box.overlaps(other)


def test_a_state_that_cannot_be_drawn_shows_its_line():
    figure = contact_sheet(drawer(6), [{"level": 3}])
    assert [text.get_text() for text in figure.texts] == ["level=3 must be below 3: take 0, 1 or 2"]
    assert figure.axes == []


def test_no_state_is_refused():
    with pytest.raises(ValueError, match="states must hold at least one state, got none"):
        contact_sheet(drawer(6), [])


def test_the_picture_is_that_of_png():
    figure = contact_sheet(drawer(4), [{"level": 2}])
    expected = plt.imread(BytesIO(png(drawer(4)(2)[0], sheet.SHARP)))
    np.testing.assert_array_equal(figure.axes[0].images[0].get_array(), expected)
    assert expected.shape[:2] == (2 * sheet.SHARP, 4 * sheet.SHARP)
    assert plt.get_fignums() == []
