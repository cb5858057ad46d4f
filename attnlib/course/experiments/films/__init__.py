"""`FrameScorer` on real shots: a task, its training, what came out."""

from attnlib.course.experiments.films.inputs import squeeze, stamped
from attnlib.course.experiments.films.results import stored_results, stored_scorer
from attnlib.course.experiments.films.shots import pictures, shots
from attnlib.course.experiments.films.task import best_local, films
from attnlib.course.experiments.films.training import (
    SETTINGS,
    STEPS,
    accuracy,
    exam,
    fit,
    new_scorer,
    twin_share,
)

__all__ = [
    "SETTINGS",
    "STEPS",
    "accuracy",
    "best_local",
    "exam",
    "films",
    "fit",
    "new_scorer",
    "pictures",
    "shots",
    "squeeze",
    "stamped",
    "stored_results",
    "stored_scorer",
    "twin_share",
]
