"""A film in which one shot may come again: which frames it has, and what is drawn and said."""

import numpy as np
import pytest
import torch
from matplotlib.colors import to_hex

from attnlib.course.experiments.films.inputs import stamped
from attnlib.course.experiments.films.results import stored_scorer
from attnlib.course.experiments.films.shots import stored_shots
from attnlib.course.experiments.films.training import new_scorer
from attnlib.course.figures.style import MARK
from attnlib.course.lessons.video.explorer import EACH, LETTERS, explore_look, film, look_drawer
from tests.course.widgets.hand import by_hand, grey


@pytest.fixture(scope="module")
def scorer():
    return stored_scorer()


@pytest.fixture(scope="module")
def draw(scorer):
    return look_drawer(scorer)


def test_without_a_twin_every_shot_occurs_once():
    made = film("A", None)
    assert made.names == LETTERS
    assert made.shot.tolist() == [n for n in range(6) for _ in range(EACH)]
    assert made.place.tolist() == made.shot.tolist()


@pytest.mark.parametrize(
    ("shot", "after", "names"),
    [("A", "F", "ABCDEFA"), ("F", "A", "AFBCDEF"), ("C", "A", "ACBCDEF"), ("B", "C", "ABCBDEF")],
)
def test_the_shot_comes_again_behind_the_one_that_was_named(shot, after, names):
    made = film(shot, after)
    assert made.names == names
    assert "".join(LETTERS[n] for n in made.shot[::EACH].tolist()) == names
    assert len(made.shot) == len(made.frame) == len(made.place) == EACH * 7


def test_its_second_place_shows_frames_of_the_other_half():
    made = film("B", "E")
    first, second = (made.frame[made.place == place] for place in (1, 5))
    assert not set(first.tolist()) & set(second.tolist())
    assert (first < 12).all() and (second >= 12).all() and (second < 24).all()
    assert (made.frame[made.shot != 1] < 12).all()


@pytest.mark.parametrize(("shot", "after"), [("A", "A"), ("C", "B"), ("C", "C"), ("F", "E")])
def test_the_two_places_may_not_touch(shot, after):
    with pytest.raises(ValueError, match=f"^after='{after}': there {shot} would touch"):
        film(shot, after)


@pytest.mark.parametrize(
    ("state", "said"),
    [
        (("G", None, 0), "shot must be one of A, B, C, D, E, F, got 'G'"),
        (("AB", None, 0), "shot must be one of A, B, C, D, E, F, got 'AB'"),
        (("A", "Z", 0), "after must be None or one of A, B, C, D, E, F, got 'Z'"),
        (("A", None, 36), "frame=36 must lie in 0 … 35: the film ends there"),
        (("A", "F", -1), "frame=-1 must lie in 0 … 41: the film ends there"),
    ],
)
def test_errors_name_the_argument(draw, state, said):
    with pytest.raises(ValueError, match=f"^{said}$"):
        draw(*state)


@pytest.mark.parametrize(
    ("shot", "after", "frame"), [("A", "F", 3), ("E", None, 27), ("B", "E", 0)]
)
def test_what_is_drawn_is_what_the_scorer_says(scorer, draw, shot, after, frame):
    made = film(shot, after)
    with torch.no_grad():
        importance, maps = scorer(stamped(stored_shots("test").content[made.shot, made.frame]))
    strip, above, below = draw(shot, after, frame)[0].axes
    for axis, wanted in ((above, importance), (below, maps.whole.weights().mean(0)[frame])):
        bars = axis.containers[0]
        np.testing.assert_allclose([bar.get_height() for bar in bars], wanted, atol=1e-6)
        red = [n for n, bar in enumerate(bars) if to_hex(bar.get_facecolor()) == MARK]
        assert red == [frame]
    assert "".join(text.get_text() for text in strip.texts) == made.names
    assert len(strip.images) == len(made.names)
    box = next(patch for patch in strip.patches if to_hex(patch.get_edgecolor()) == MARK)
    assert box.get_x() < frame < box.get_x() + box.get_width()
    should = [lines.get_segments()[0][0][1] for lines in above.collections]
    assert should == [float(made.names.count(name) == 1) for name in made.names]


def test_the_same_frames_lose_their_importance_when_their_shot_comes_again(draw):
    """What the lesson refutes a belief with."""
    for frame in range(5):
        assert ", which occurs once. Its importance is 1.00, rightly above" in (
            draw("A", None, frame)[1].replace("0.99", "1.00").replace("0.98", "1.00")
        )
        assert ", which occurs twice. Its importance is 0.0" in draw("A", "F", frame)[1]
    assert "A's other place gets the largest part of its weight: 100%" in draw("A", "F", 3)[1]
    assert "its own place gets the largest part of its weight: 100%" in draw("A", None, 3)[1]


def test_it_says_where_the_scorer_is_wrong(draw):
    said = draw("E", None, 27)[1]
    assert "Frame 27 shows E, which occurs once. Its importance is 0.00, wrongly below" in said
    assert "shot F gets the largest part" in said
    assert said.endswith("Right in this film: 32 of 36 frames.")


def test_turning_and_turning_back_gives_the_same_picture(scorer):
    explorer = explore_look(scorer)
    first = explorer.picture
    explorer.set(after=None)
    assert explorer.sentence.startswith("Film A B C D E F. ")
    assert explorer.picture != first
    assert grey(explorer) == {"shot"}  # no shot comes again, so none is to be chosen
    explorer.set(after="F")
    assert explorer.picture == first


def test_a_shot_cannot_come_again_beside_itself_and_the_frame_ends_with_the_film(scorer):
    explorer = explore_look(scorer).set(frame=41)
    assert explorer.offered["after"][:2] == [None, "B"]
    by_hand(explorer, shot="F")
    assert explorer.state["after"] == "D"  # it stood at F
    by_hand(explorer, after=None)
    assert explorer.state["frame"] == explorer.offered["frame"][-1] == 35


def test_a_scorer_of_ones_own_with_the_global_branch_alone_will_do():
    assert look_drawer(new_scorer("global", seed=0))("A", "F", 0)[1].startswith(
        "Film A B C D E F A"
    )
