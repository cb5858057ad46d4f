"""The explorer says of a frame what the scorer and the task say of it."""

import pytest
import torch

from attnlib.course.experiments.films.inputs import stamped
from attnlib.course.experiments.films.results import stored_scorer
from attnlib.course.experiments.films.shots import shots
from attnlib.course.experiments.films.training import exam
from attnlib.course.lessons.video.explorer import explore_looks, looks_drawer

FRAMES = (0, 2, 13, 40, 47)


@pytest.fixture(scope="module")
def films():
    return exam(shots("test").content)


@pytest.fixture(scope="module")
def scorer():
    return stored_scorer()


@pytest.mark.parametrize("film", [0, 1, 5])
@pytest.mark.parametrize("frame", FRAMES)
def test_bars_and_words_are_those_of_the_scorer(scorer, films, film, frame):
    with torch.no_grad():
        importance, maps = scorer(stamped(films.content[film]))
    weights = maps.whole.weights().mean(-3)[frame]
    figure, sentence = looks_drawer(scorer, films)(film, frame)
    above, below = figure.axes
    for axis, values in ((above, importance), (below, weights)):
        assert [bar.get_height() for bar in axis.patches[:48]] == pytest.approx(values.tolist())
    assert f"and is {importance[frame]:.2f}" in sentence
    twin = films.twin[film, frame]
    assert ("comes twice" in sentence) == bool(twin.any()) == (not films.once[film, frame])
    if twin.any():
        assert f"{weights[twin].sum():.2f}." in sentence
    letters = [text.get_text() for text in above.texts]
    assert letters == films.letters(film).split()


def test_its_controls_reach_every_frame_of_the_films(scorer, films):
    explorer = explore_looks(scorer, films)
    for frame in (0, 47):
        explorer.set(film=11, frame=frame)
        assert f"Frame {frame} shows" in explorer.sentence
