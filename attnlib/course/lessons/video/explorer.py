"""A film of the task, a frame of it, and where that frame looks, in a trained scorer."""

from collections.abc import Callable

import torch
from matplotlib.figure import Figure

from attnlib.course.experiments.films.inputs import stamped
from attnlib.course.experiments.films.task import Films
from attnlib.course.lessons.video.figures import plot_looks
from attnlib.course.models.scorer import FrameScorer
from attnlib.course.widgets.controls import slider
from attnlib.course.widgets.explorer import Explorer
from attnlib.course.widgets.formatting import two


def looks_drawer(scorer: FrameScorer, films: Films) -> Callable[[int, int], tuple[Figure, str]]:
    """draw(film, frame) -> the importance of every frame, and the weights of that one.

    Of the global branch, mean over its heads.
    """

    def draw(film: int, frame: int) -> tuple[Figure, str]:
        with torch.no_grad():
            importance, maps = scorer(stamped(films.content[film]))
        weights = maps.whole.weights().mean(-3)[frame]  # (L,)
        letters = films.letters(film).split()
        place = films.place[film]
        figure = plot_looks(importance, weights, letters, films.cuts(film), frame)
        return figure, _read(films, film, frame, importance, weights, letters[place[frame]])

    return draw


def explore_looks(scorer: FrameScorer, films: Films, most: int = 12) -> Explorer:
    """Choose one of the first `most` films, and a frame of it. See `looks_drawer`."""
    draw = looks_drawer(scorer, films)
    last = films.place.shape[-1] - 1
    controls = {
        "film": slider("film", 1, 0, min(most, len(films.place)) - 1),
        "frame": slider("frame i", 2, 0, last),
    }
    return Explorer("explore_looks", draw, controls)


def _read(films, film, frame, importance, weights, letter):
    place, twin = films.place[film], films.twin[film, frame]
    own = two(weights[place == place[frame]].sum())
    truth, said = int(films.once[film, frame]), two(importance[frame])
    if not twin.any():
        return (
            f"Frame {frame} shows shot {letter}, which comes once: its importance should be "
            f"{truth}, and is {said}. Its own shot gets {own} of its weight."
        )
    return (
        f"Frame {frame} shows shot {letter}, which comes twice: its importance should be {truth}, "
        f"and is {said}. Its own place gets {own} of its weight, the other place of {letter} "
        f"{two(weights[twin].sum())}."
    )
