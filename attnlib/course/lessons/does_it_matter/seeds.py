"""The stored accuracies of the study, seed by seed, as this lesson looks at them."""

from collections.abc import Mapping, Sequence

import torch
from torch import Tensor

from attnlib.course.experiments.study.claims import contrast_of
from attnlib.course.experiments.study.design import SCALES, STARTS
from attnlib.course.experiments.study.findings import Finding, differences
from attnlib.course.experiments.study.forest import spelled
from attnlib.course.experiments.study.results import Results, accuracies
from attnlib.course.language import N_, say
from attnlib.course.lessons.does_it_matter.interaction import cell

SEEDS = 20

# One contrast of each verdict: title -> the claim that holds it, and the condition.
EXAMPLES = {
    N_("local, no scale, PGL-SUM's start"): ("scale.all_own.local", "Xavier √2"),
    N_("local, no scale, NesT's start"): ("scale.all_own.local", "normal .02"),
    N_("digits, own in place of all, NesT's start"): (
        "own_group.one.digits",
        "scale = 1/√D",
        "normal .02",
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
    contrasts = {say(title): contrast_of(*where) for title, where in EXAMPLES.items()}
    return {
        title: (differences(each, points), found[each.key]) for title, each in contrasts.items()
    }


def read_examples(found: Mapping[str, Finding]) -> str:
    """The same in words, a line each: mean, interval, verdict."""
    return "\n".join(
        say("{title}: {finding}", title=say(title), finding=spelled(found[contrast_of(*where).key]))
        for title, where in EXAMPLES.items()
    )
