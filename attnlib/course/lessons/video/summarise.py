"""A video file in; importance, shots, maps and key frames out."""

from dataclasses import dataclass
from itertools import pairwise
from os import PathLike
from pathlib import Path

import torch
from matplotlib.figure import Figure
from torch import Tensor

from attnlib.course import data
from attnlib.course.data.checks import finite, positive
from attnlib.course.experiments.films.inputs import FEATURES, WIDTH, squeeze, stamped
from attnlib.course.experiments.films.results import SCORER_STEPS, stored_scorer
from attnlib.course.language import N_, paragraph, say
from attnlib.course.lessons.video.figures import plot_branches, plot_summary, read_branches
from attnlib.course.lessons.video.length import count_frames
from attnlib.course.memory import check_memory
from attnlib.course.models.checkpoints import load_checkpoint
from attnlib.course.models.scorer import FrameScorer
from attnlib.course.rehearsal import check_run
from attnlib.segments import GlobalLocalMap

LIMIT = 300  # frames
HEIGHT = 96  # pixels, of the frames kept
# What it takes, for each frame used, and for each number of a frame while a file is read: right to
# within a factor of 1.5, from 100 to 8000 frames.
BYTES, BYTES_PER_FRAME, BYTES_PER_NUMBER = 150e6, 20e3, 6
# Every how many-th frame is used: what is said of one frame, and of several.
USED = {
    1: (
        N_("{frames} frame used, every one of the film."),
        N_("{frames} frames used, every one of the film."),
    ),
    2: (
        N_("{frames} frame used, every second of the film."),
        N_("{frames} frames used, every second of the film."),
    ),
    3: (
        N_("{frames} frame used, every third of the film."),
        N_("{frames} frames used, every third of the film."),
    ),
}
USED_OF_MORE = (
    N_("{frames} frame used, every {every}th of the film."),
    N_("{frames} frames used, every {every}th of the film."),
)


@dataclass(frozen=True, repr=False, eq=False)
class Summary:
    """What `summarise` found. K frames were kept, and all but `every` is counted in them.

    `frames` (K, height, width, 3); `every`: frame k is frame k · every of the film; `importance`
    (K,) in [0, 1]; `cuts`: the first frames of shots 2, 3, …; `keys`: the key frames; `maps`: of
    both branches; `checkpoint`: the name of the file that the scorer came from, None for ours.
    """

    frames: Tensor
    every: int
    importance: Tensor
    cuts: tuple[int, ...]
    keys: tuple[int, ...]
    maps: GlobalLocalMap
    checkpoint: str | None

    def __repr__(self) -> str:
        return paragraph(
            _read_frames(len(self.frames), self.every),
            _read_shots([cut * self.every for cut in (0, *self.cuts)]),
            say(
                "Key frames: {keys}, the middles of the {count} with the highest mean importance.",
                keys=", ".join(str(key * self.every) for key in self.keys),
                count=len(self.keys),
            ),
            _read_importance(self.importance, self.checkpoint),
        )

    def plot(self, published: tuple[int, ...] = ()) -> Figure:
        """Key frames, importance and shots; also published cuts, counted in frames of the film."""
        known = tuple(cut / self.every for cut in published)
        return plot_summary(self.frames, self.importance, self.cuts, self.keys, self.every, known)

    def plot_maps(self) -> Figure:
        """The maps of both branches with the cuts."""
        return plot_branches(self.maps, self.cuts)

    def read_maps(self) -> str:
        """In words: how much of its weight a frame gives to its own shot, in either branch."""
        return read_branches(self.maps, self.cuts)


def summarise(
    film: str | PathLike | Tensor,
    *,
    limit: int = LIMIT,
    checkpoint: str | PathLike | None = None,
    features: Tensor | None = None,
    **settings,
) -> Summary:
    """Importance, shots, maps and key frames of a film.

    Every n-th frame is used, n as small as leaves at most `limit`. Shots are found by
    `data.find_cuts`. Key frames: of the half of the shots (rounded up) with the highest mean
    importance the middle frame, in the order of the film. A progress bar shows up when reading the
    film, or finding the features of its frames, takes over two seconds.

    Args:
        film: a video file, or frames (L, height, width, 3) in [0, 1].
        limit: how many frames are used at most.
        checkpoint: a file of PGL-SUM's parameters, in place of our scorer; `settings` are what
            `load_checkpoint` asks for. It is given `features`, or where there are none and it takes
            1280 numbers a frame those of EfficientNet-Lite0.
        features: (K, C), a row for each frame used; only with a checkpoint.
    Raises:
        What `data.frames`, `data.features` and `load_checkpoint` raise. ValueError: features that
        do not fit the checkpoint, or the number of frames; NaN or infinity in a film, in features
        or in what the checkpoint makes of them, with the first frame that has it. TypeError:
        settings without checkpoint. MemoryError: more would be needed than is free; with a limit
        that would fit.
    """
    if checkpoint is None and (features is not None or settings):
        raise TypeError("features and settings need a checkpoint=…: our scorer takes its own")
    positive("limit", limit)
    frames, every = _kept(film, limit)
    seen = data.features(frames)  # (K, 1280)
    if checkpoint is None:
        scorer, file, x = stored_scorer(), None, stamped(squeeze(seen))
    else:
        scorer, file = _loaded(checkpoint, settings), Path(checkpoint).name
        x = _given(scorer, features, seen)
    with torch.no_grad():
        check_run(
            "summarise", lambda scorer, x: scorer(x), scorer, x, lambda shape: _limit(shape[0])
        )
        importance, maps = scorer(x)
    finite("importance", importance)
    cuts = data.find_cuts(seen)
    keys = _keys(importance, cuts)
    return Summary(frames, every, importance.float(), cuts, keys, maps.detach(), file)


def _kept(film, limit):
    """The frames used, and every how many-th."""
    is_file = not isinstance(film, Tensor)
    length = count_frames(film) if is_file else len(film)
    every = max(1, -(-length // limit))
    # The first frame tells how large each is; those of a tensor are there already.
    numbers = data.frames(film, HEIGHT, limit=1).numel() if is_file else 0
    each = BYTES_PER_FRAME + BYTES_PER_NUMBER * numbers
    used = -(-length // every)
    check_memory("summarise", lambda frames: BYTES + each * frames, used, _limit)
    if is_file:
        return data.frames(film, HEIGHT, every=every, limit=limit), every
    finite("film", film)
    return film[::every], every


def _limit(frames: int) -> str:
    return f"limit={frames}"


def _loaded(checkpoint, settings):
    network = load_checkpoint(checkpoint, **settings)
    if not isinstance(network, FrameScorer):
        raise ValueError(f"checkpoint={str(checkpoint)!r} must hold a PGL-SUM, got a NesT")
    return network.float()


def _given(scorer, features, seen):
    """What another scorer gets: (K, C)."""
    width = scorer.linear_1.in_features
    if features is None and width == WIDTH:
        return stamped(squeeze(seen))  # trained as ours was
    if features is None and width != FEATURES:
        raise ValueError(
            f"checkpoint expects features {width} wide, and here are {FEATURES} of "
            f"EfficientNet-Lite0: give features=…, ({len(seen)}, {width}), made as those that it "
            "was trained on (PGL-SUM's: 1024, of GoogLeNet)"
        )
    x = seen if features is None else torch.as_tensor(features).float()
    if x.shape != (len(seen), width):
        raise ValueError(
            f"features must be ({len(seen)}, {width}), a row for each frame used and as wide as "
            f"checkpoint expects, got {tuple(x.shape)}"
        )
    finite("features", x)
    return x


def _keys(importance, cuts):
    shots = list(pairwise((0, *cuts, len(importance))))
    means = torch.stack([importance[start:stop].mean() for start, stop in shots])
    chosen = means.argsort(descending=True, stable=True)[: -(-len(shots) // 2)]
    return tuple(sum(shots[shot]) // 2 for shot in sorted(chosen.tolist()))


def _read_frames(frames, every):
    one, several = USED.get(every, USED_OF_MORE)
    message = one if frames == 1 else several
    return say(message, frames=frames, every=every)


def _read_shots(starts):
    told = {"shots": len(starts), "starts": ", ".join(map(str, starts))}
    if len(starts) == 1:
        return say("{shots} shot found, beginning at {starts}.", **told)
    return say("{shots} shots found, beginning at {starts}.", **told)


def _read_importance(importance, checkpoint):
    told = {"low": importance.min(), "high": importance.max()}
    if checkpoint is None:
        return say(
            "Importance from {low:.2f} to {high:.2f}, by attnlib's own scorer, trained for {steps} "
            "steps on films put together from 15 shots (pans over 13 photographs, 2 clips) to tell "
            "shots that occur once from shots that occur twice. It was never told what people find "
            "important, and no benchmark score is claimed.",
            steps=SCORER_STEPS,
            **told,
        )
    return say(
        "Importance from {low:.2f} to {high:.2f}, by the FrameScorer of {file}. Who trained it "
        "knows on what.",
        file=checkpoint,
        **told,
    )
