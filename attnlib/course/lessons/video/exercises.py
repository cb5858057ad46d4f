"""From the importance of frames to the importance of shots."""

import torch

from attnlib.course.widgets.checking import find_mistake
from attnlib.course.widgets.exercise import Exercise


def shot_importance(importance, cuts):
    """The mean importance of every shot, in order."""
    edges = [0, *cuts, len(importance)]
    shots = zip(edges, edges[1:], strict=False)
    return torch.stack([importance[start:stop].mean() for start, stop in shots])


def _each(change):
    """`change(frames of the shot)` for every shot."""

    def changed(importance, cuts):
        edges = [0, *cuts, len(importance)]
        shots = zip(edges, edges[1:], strict=False)
        return torch.stack([change(importance[start:stop]) for start, stop in shots])

    return changed


def _for_every_frame(importance, cuts):
    edges = [0, *cuts, len(importance)]
    sizes = torch.tensor(edges).diff()
    return shot_importance(importance, cuts).repeat_interleave(sizes)


def _without(importance, cuts, *, first=0, last=None):
    return shot_importance(importance, cuts)[first:last]


def _a_frame_late(importance, cuts):
    """The frame at a cut counted for the shot before it."""
    return shot_importance(importance, [cut + 1 for cut in cuts])


SHOT_MISTAKES = {
    "The last shot is missing: it goes from the last cut to the end of the film.": (
        lambda importance, cuts: _without(importance, cuts, last=-1)
    ),
    "The first shot is missing: it goes from frame 0 to the first cut.": (
        lambda importance, cuts: _without(importance, cuts, first=1)
    ),
    "A cut is the first frame of the *new* shot, and you count it for the one before.": (
        _a_frame_late
    ),
    "That is the sum over the frames, so a long shot seems important: take the mean.": _each(
        torch.sum
    ),
    "That is the largest importance of a shot: asked is the mean.": _each(torch.max),
    "That is one number a frame: asked is one number a shot.": _for_every_frame,
    "That is the mean over the whole film, for every shot the same.": (
        lambda importance, cuts: importance.mean().expand(len(cuts) + 1)
    ),
}


def _find_mistake_in_shots(answer):
    generator = torch.Generator().manual_seed(0)
    cases = [
        (torch.rand(length, generator=generator), cuts)
        for length, cuts in ((10, (4,)), (12, (3, 7)), (48, (6, 11, 18, 24, 30, 36, 41)), (9, ()))
    ]
    return find_mistake(answer, shot_importance, cases, SHOT_MISTAKES)


EXERCISES = (
    Exercise(
        "video.shot_importance",
        "Write shot_importance(importance, cuts) -> torch.Tensor:\n"
        "importance (L,), a number from 0 to 1 for each frame; cuts, a tuple of int: the first\n"
        "frame of every shot but the first. The result has len(cuts) + 1 numbers: the mean\n"
        "importance of every shot, in order. Without a cut the film is one shot.",
        _find_mistake_in_shots,
        (
            "Put 0 before the cuts, the length behind them: edges = [0, *cuts, len(importance)].",
            "Shot number s has the frames edges[s] … edges[s + 1] - 1, a slice.",
            "torch.stack makes one tensor of a list of numbers that are tensors.",
        ),
        shot_importance,
    ),
)
