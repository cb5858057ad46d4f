"""Points that are dragged, and the sliders beside them, go together; one drag draws once."""

import pytest

from attnlib.course.language import speak
from attnlib.course.lessons.by_hand.explorer import OTHERS, explore_scores
from attnlib.course.lessons.by_hand.plane import Plane


@pytest.fixture
def explorer():
    return explore_scores()


@pytest.fixture
def plane(explorer):
    plane = explorer.children[0].children[0]
    assert isinstance(plane, Plane)
    return plane


def test_it_starts_where_the_sliders_stand(plane):
    assert (plane.q, plane.k) == ((1.2, 0.3), (1.6, -0.5))
    assert [tuple(key) for key in plane.others] == list(OTHERS)


@pytest.mark.parametrize("point", ["q", "k"])
def test_dragging_moves_both_sliders_and_draws_once(explorer, plane, point):
    drawn, draw = [], explorer._draw
    explorer._draw = lambda **state: drawn.append(state) or draw(**state)
    setattr(plane, point, (-0.7, 1.9))
    assert len(drawn) == 1
    assert (drawn[0][f"{point}_x"], drawn[0][f"{point}_y"]) == (-0.7, 1.9)
    assert getattr(plane, point) == (-0.7, 1.9)
    assert explorer.sentence == draw(**explorer._state())[1]


def test_a_slider_moves_the_point_and_draws_once(explorer, plane):
    drawn, draw = [], explorer._draw
    explorer._draw = lambda **state: drawn.append(state) or draw(**state)
    explorer._controls["k_y"].value = 1.5
    assert plane.k == (1.6, 1.5)
    assert plane.q == (1.2, 0.3)
    assert len(drawn) == 1


def test_set_moves_the_point_too(explorer, plane):
    explorer.set(q_x=-2, q_y=1)
    assert plane.q == (-2, 1)


CATALOGUE = """
#: attnlib/course/lessons/by_hand/plane.js:13
msgid "query at {x}"
msgstr "Frage bei {x}"

#: attnlib/course/lessons/by_hand/figures.py:42
msgid "the query"
msgstr "die Frage"
"""


def test_the_plane_is_handed_what_it_says_in_the_language_that_is_spoken(tmp_path):
    (tmp_path / "by_hand.po").write_text(CATALOGUE, encoding="utf-8")
    assert Plane().said == {}
    speak(str(tmp_path))
    try:
        assert Plane().said == {"query at {x}": "Frage bei {x}"}
    finally:
        speak("en")
