"""What lesson 09 trains: a loop that tells its losses, and a small NesT with or without blocks."""

from attnlib.course.experiments.learning.fitting import fit, share_right
from attnlib.course.experiments.learning.locality import (
    SMALL,
    Run,
    in_one_block,
    small_nest,
    split,
    stored_runs,
    with_equal_weights,
)

__all__ = [
    "SMALL",
    "Run",
    "fit",
    "in_one_block",
    "share_right",
    "small_nest",
    "split",
    "stored_runs",
    "with_equal_weights",
]
