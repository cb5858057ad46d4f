"""`FrameScorer` on real shots: a task, its training, what came out, and a video of one's own."""

from attnlib.course.video.inputs import squeeze, stamped
from attnlib.course.video.results import stored_results, stored_scorer
from attnlib.course.video.shots import pictures, shots
from attnlib.course.video.summarise import Summary, summarise
from attnlib.course.video.task import best_local, films
from attnlib.course.video.training import (
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
    "Summary",
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
    "summarise",
    "twin_share",
]
