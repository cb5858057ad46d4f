"""The importance of every shot: what key frames are chosen by."""

from itertools import pairwise

import torch

from attnlib.course.exercises.checking import find_mistake
from attnlib.course.exercises.exercise import Exercise
from attnlib.course.language import N_


def shot_importance(importance, cuts):
    """The mean importance of every shot: (L,), first frames of shots 2, 3, … -> (shots,)."""
    edges = [0, *cuts, len(importance)]
    shots = [importance[start:stop] for start, stop in zip(edges[:-1], edges[1:], strict=True)]
    return torch.stack([shot.mean() for shot in shots])


def _each(take):
    """One number a shot, by `take(importance, start, stop)`."""

    def changed(importance, cuts):
        edges = (0, *cuts, len(importance))
        return torch.stack([take(importance, *pair) for pair in pairwise(edges)])

    return changed


def _counted_twice(importance, start, stop):
    return importance[start : stop + 1].mean()


def _first_lost(importance, start, stop):
    return importance[start + (start > 0) : stop].mean()


def _late_cuts(importance, cuts):
    return shot_importance(importance, [cut + 1 for cut in cuts])


def _equal_pieces(importance, cuts):
    return torch.stack([piece.mean() for piece in importance.tensor_split(len(cuts) + 1)])


def _spread(importance, cuts):
    """Each frame gets the mean of its shot."""
    edges = (0, *cuts, len(importance))
    lengths = torch.tensor([stop - start for start, stop in pairwise(edges)])
    return shot_importance(importance, cuts).repeat_interleave(lengths)


SHOT_MISTAKES = (
    (
        N_("The last shot is lost: it ends where the film ends, and no cut says so."),
        lambda importance, cuts: shot_importance(importance, cuts)[:-1],
        2,
    ),
    (
        N_("The first shot is lost: it begins at frame 0, and no cut says so."),
        lambda importance, cuts: shot_importance(importance, cuts)[1:],
        2,
    ),
    (
        N_("Shots are lost at both ends: the film's own two ends are edges too."),
        lambda importance, cuts: shot_importance(importance, cuts)[1:-1],
        2,
    ),
    (
        N_(
            "A cut is counted twice: it is the first frame of its shot, and not the last of the "
            "one before. In a slice, stop stays outside."
        ),
        _each(_counted_twice),
        3,
    ),
    (N_("A cut is the first frame of its shot. You give it to the shot before."), _late_cuts, 3),
    (N_("A cut is the first frame of its shot, and you leave it out."), _each(_first_lost), 3),
    (
        N_("You give one number. Each shot has its own mean."),
        lambda importance, cuts: importance.mean(),
        1,
    ),
    (
        N_("That is the mean of the whole film for every shot."),
        lambda importance, cuts: importance.mean().expand(len(cuts) + 1),
        1,
    ),
    (
        N_("That is the sum. Take the mean: a long shot is not important because it is long."),
        _each(lambda importance, start, stop: importance[start:stop].sum()),
    ),
    (
        N_("You divide by the length of the film. Divide by that of the shot."),
        _each(lambda importance, start, stop: importance[start:stop].sum() / len(importance)),
    ),
    (
        N_("That is the largest importance of each shot. Take the mean."),
        _each(lambda importance, start, stop: importance[start:stop].max()),
    ),
    (
        N_("That is the importance of the frame in the middle. Take the mean of all frames."),
        _each(lambda importance, start, stop: importance[(start + stop) // 2]),
    ),
    (
        N_("That is the importance of the first frame. Take the mean of all frames."),
        _each(lambda importance, start, stop: importance[start]),
    ),
    (
        N_("That is the importance of the last frame. Take the mean of all frames."),
        _each(lambda importance, start, stop: importance[stop - 1]),
    ),
    (
        N_("That is the median of each shot. Take the mean."),
        _each(lambda importance, start, stop: importance[start:stop].median()),
    ),
    (
        N_("That is the smallest importance of each shot. Take the mean."),
        _each(lambda importance, start, stop: importance[start:stop].min()),
    ),
    (
        N_("Each of your means begins at frame 0. A shot begins at its own first frame."),
        _each(lambda importance, start, stop: importance[:stop].mean()),
        3,
    ),
    (
        N_("Each of your means goes on to the end of the film. A shot ends before the next cut."),
        _each(lambda importance, start, stop: importance[start:].mean()),
        3,
    ),
    (
        N_("The last frame of the film is lost: in a slice, stop stays outside."),
        lambda importance, cuts: shot_importance(importance[:-1], cuts),
        2,
    ),
    (
        N_("The last frame of each shot is lost: in a slice, stop stays outside."),
        _each(lambda importance, start, stop: importance[start : max(stop - 1, start + 1)].mean()),
        3,
    ),
    (
        N_("A cut is the first frame of its shot. You cut one frame too early."),
        lambda importance, cuts: shot_importance(importance, [cut - 1 for cut in cuts]),
        3,
    ),
    (
        N_("You divide by the number of shots. Divide by the number of frames in the shot."),
        lambda importance, cuts: _each(
            lambda importance, start, stop: importance[start:stop].sum() / (len(cuts) + 1)
        )(importance, cuts),
    ),
    (
        N_("The shots are sorted by importance. Leave them in the order of the film."),
        lambda importance, cuts: shot_importance(importance, cuts).sort(descending=True).values,
    ),
    (
        N_("The shots are sorted by importance. Leave them in the order of the film."),
        lambda importance, cuts: shot_importance(importance, cuts).sort().values,
    ),
    (N_("You cut the film into pieces of equal length. Cut it at the cuts."), _equal_pieces, 2),
    (N_("You give a number for each frame, (L,). Give one for each shot."), _spread, 1),
)


def _films():
    """Cuts that are not even, and a film of one shot; first those where most mistakes differ."""
    generator = torch.Generator().manual_seed(0)
    cases = ((12, (3, 5, 9)), (7, (4,)), (20, (2, 11, 13, 18)), (9, ()), (5, (1, 2, 3, 4)))
    return [(torch.rand(length, generator=generator), cuts) for length, cuts in cases]


EXERCISES = (
    Exercise(
        key="video.shot_importance",
        task=N_(
            "How important is each shot? Write shot_importance(importance, cuts).\n"
            "  importance  (L,) a number for each frame\n"
            "  cuts        the first frames of shots 2, 3, …; a film of one shot has none: ()\n"
            "  returns     (shots,): the mean importance of the frames of every shot\n"
            "It is tried on random numbers, with cuts at uneven places. With\n"
            "importance = torch.tensor([1.0, 0.0, 0.5, 0.7]) and cuts = (2,) it returns\n"
            "tensor([0.5, 0.6])."
        ),
        find_mistake=lambda answer: find_mistake(answer, shot_importance, _films(), SHOT_MISTAKES),
        hints=(
            N_("How many shots are there, if there are three cuts?"),
            N_("Put the two ends of the film to the cuts: edges = [0, *cuts, len(importance)]."),
            N_(
                "A shot is importance[start:stop], for two edges that follow one another; "
                "torch.stack makes one tensor of many."
            ),
        ),
        answer=shot_importance,
    ),
)
