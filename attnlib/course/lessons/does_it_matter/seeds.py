"""The stored accuracies of the study, seed by seed, as this lesson looks at them."""

from collections.abc import Mapping, Sequence

import torch
from torch import Tensor

from attnlib.course.experiments.study.design import SCALES, STARTS
from attnlib.course.experiments.study.findings import Finding, differences
from attnlib.course.experiments.study.results import Results, accuracies
from attnlib.course.language import N_, say
from attnlib.course.lessons.does_it_matter.interaction import cell

SEEDS = 20

# One contrast of each verdict: title -> its key.
EXAMPLES = {
    N_("without the scale, PGL-SUM's start, local"): (
        "scale | 1 for 1/√D | all + own, Xavier √2 | local | 1×"
    ),
    N_("without the scale, NesT's start, local"): (
        "scale | 1 for 1/√D | all + own, normal .02 | local | 1×"
    ),
    N_("own for all, NesT's start, digits"): (
        "sees | own / all | scale = 1/√D, normal .02 | digits | 1×"
    ),
}


def right(results: Results, task: str, scale: str, start: str) -> Tensor:
    """(20,) the shares of right answers of the branches all + own, in the order of the seeds.

    Raises:
        ValueError: no such network was trained.
    """
    found = accuracies(results).get(cell(scale, start, task))
    if found is None:
        raise ValueError(
            f"no network was trained with task={task!r}, scale={scale!r}, start={start!r}: scale "
            f"must be one of {SCALES}, start one of {STARTS}"
        )
    return torch.tensor([found[seed] for seed in range(SEEDS)], dtype=torch.float64) / 100


def examples(
    results: Results, found: Mapping[str, Finding]
) -> dict[str, tuple[Sequence[float], Finding]]:
    """One contrast of each verdict, for `plot_verdicts`."""
    points = accuracies(results)
    return {
        say(title): (differences(found[key].contrast, points), found[key])
        for title, key in EXAMPLES.items()
    }
