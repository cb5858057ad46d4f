"""A film in which one shot may come again: what that does to the importance of every frame."""

from collections.abc import Callable
from typing import NamedTuple

import torch
from matplotlib.figure import Figure
from torch import Tensor

from attnlib.course.experiments.films.inputs import stamped
from attnlib.course.experiments.films.shots import FRAMES, frames_of, stored_shots
from attnlib.course.language import paragraph, say
from attnlib.course.lessons.video.figures import Shown, plot_look
from attnlib.course.models.scorer import FrameScorer
from attnlib.course.widgets.controls import choice, slider, states
from attnlib.course.widgets.explorer import Explorer

LETTERS = "ABCDEF"  # the six shots that test, as they follow one another in their clip
EACH = 6  # frames of a shot at each of its places
FIRST, AGAIN = 3, 3 + FRAMES // 2  # where they begin: in the shot's first half, and in its other
LONGEST = EACH * (len(LETTERS) + 1)


class Film(NamedTuple):
    """Of each frame (L,): its shot, which of its 24, and its place; `names` of the places."""

    shot: Tensor
    frame: Tensor
    place: Tensor
    names: str


def film(shot: str, after: str | None) -> Film:
    """A B C D E F, six frames each, and `shot` once more, with other frames, behind `after`.

    With `after=None` every shot occurs once. Raises ValueError for what is no shot, and where the
    two places would touch: there would be no cut between them.
    """
    if shot not in tuple(LETTERS):
        raise ValueError(f"shot must be one of {', '.join(LETTERS)}, got {shot!r}")
    if after not in (None, *LETTERS):
        raise ValueError(f"after must be None or one of {', '.join(LETTERS)}, got {after!r}")
    names, starts = LETTERS, [FIRST] * len(LETTERS)
    if after is not None:
        place = LETTERS.index(after) + 1
        if _touch(shot, after):
            raise ValueError(
                f"after={after!r}: there {shot} would touch its own other place, with no cut "
                "between the two. Take another"
            )
        names = f"{LETTERS[:place]}{shot}{LETTERS[place:]}"
        starts.insert(place, AGAIN)
    order = torch.tensor([LETTERS.index(name) for name in names])
    frames = torch.tensor(starts)[:, None] + torch.arange(EACH)
    places = torch.arange(len(names)).repeat_interleave(EACH)
    return Film(order.repeat_interleave(EACH), frames.flatten(), places, names)


def _touch(shot, after):
    """Whether the two places of the shot would lie side by side."""
    return after is not None and LETTERS.index(after) - LETTERS.index(shot) in (-1, 0)


def look_drawer(scorer: FrameScorer) -> Callable[..., tuple[Figure, str]]:
    """draw(shot, after, frame) -> the film, its importance, and whom that frame attends to.

    The film is that of `film`. The map is the one of the global branch, heads averaged.

    Args:
        scorer: takes what `stamped` gives, in eval mode.
    """
    content = stored_shots("test").content
    every = torch.arange(FRAMES)
    thumbnails = torch.stack([frames_of(torch.full_like(every, n), every) for n in range(6)])

    def draw(shot: str, after: str | None, frame: int) -> tuple[Figure, str]:
        made = film(shot, after)
        if not 0 <= frame < len(made.shot):
            raise ValueError(
                f"frame={frame} must lie in 0 … {len(made.shot) - 1}: the film ends there"
            )
        with torch.no_grad():
            importance, maps = scorer(stamped(content[made.shot, made.frame]))
        row = maps.whole.weights().mean(-3)[frame]
        once = torch.tensor([made.names.count(name) == 1 for name in made.names])[made.place]
        cuts = tuple((made.place.diff().nonzero().flatten() + 1).tolist())
        shown = Shown(thumbnails[made.shot, made.frame], cuts, made.names, importance, once, row)
        return plot_look(shown, frame), _read(made, frame, importance, once, row)

    return draw


def explore_look(scorer: FrameScorer) -> Explorer:
    """Choose a shot, where it comes again, and a frame that looks. See `look_drawer`."""
    controls = {
        "shot": choice(say("shot"), "A", LETTERS),
        "after": choice(say("comes again after"), "F", (None, *LETTERS)),
        "frame": slider(say("frame"), FIRST, 0, LONGEST - 1),
    }
    offers = {
        "after": lambda shot, **_: [each for each in (None, *LETTERS) if not _touch(shot, each)],
        "frame": lambda shot, after, **_: range(len(film(shot, after).shot)),
        "shot": lambda shot, after, **_: LETTERS if after else (shot,),
    }
    one_a_place = range(FIRST, LONGEST, EACH)
    recorded = states(controls, shot="A", after=(None, "C", "F"), frame=one_a_place)
    return Explorer("explore_look", look_drawer(scorer), controls, offers, recorded=recorded)


def _read(made, frame, importance, once, row):
    place = made.place[frame].item()
    shares = torch.zeros(len(made.names)).index_add_(0, made.place, row)
    right = ((importance > 0.5) == once).sum().item()
    return paragraph(
        _seen(made.names, made.names[place], frame),
        _judged(importance[frame], once[frame].item()),
        _looked_at(made.names, place, shares.argmax().item(), shares.max()),
        say("Right in this film: {right} of {frames} frames.", right=right, frames=len(row)),
    )


def _seen(names, shot, frame):
    told = {"film": " ".join(names), "frame": frame, "shot": shot}
    if names.count(shot) == 1:
        return say("Film {film}. Frame {frame} shows {shot}, which occurs once.", **told)
    return say("Film {film}. Frame {frame} shows {shot}, which occurs twice.", **told)


def _judged(value, once):
    """Whether the importance is above one half, and whether that is right."""
    if value > 0.5:
        if once:
            return say("Its importance is {value:.2f}, rightly above one half.", value=value)
        return say("Its importance is {value:.2f}, wrongly above one half.", value=value)
    if once:
        return say("Its importance is {value:.2f}, wrongly below one half.", value=value)
    return say("Its importance is {value:.2f}, rightly below one half.", value=value)


def _looked_at(names, place, most, share):
    """Which place gets the largest part of the frame's weight."""
    shot = names[most]
    if most == place:
        return say(
            "In the global branch its own place gets the largest part of its weight: {share:.0%}.",
            share=share,
        )
    if shot == names[place]:
        return say(
            "In the global branch {shot}'s other place gets the largest part of its weight: "
            "{share:.0%}.",
            shot=shot,
            share=share,
        )
    return say(
        "In the global branch shot {shot} gets the largest part of its weight: {share:.0%}.",
        shot=shot,
        share=share,
    )
