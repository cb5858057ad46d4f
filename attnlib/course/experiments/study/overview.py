"""What the study finds, in one picture for the back row: two tasks, three differences."""

from collections.abc import Mapping
from types import MappingProxyType

from matplotlib.figure import Figure

from attnlib.course.experiments.study.findings import Finding
from attnlib.course.figures.forest import LOOKS, plot_forest, signed
from attnlib.course.language import N_, say

# Title of a panel -> the key of each row's contrast; None where none was asked.
PANELS = MappingProxyType(
    {
        N_("answer in other blocks"): (
            "own_only | own / all | normal .02 | global | 1×",
            "own_only | own / all | Xavier √2 | global | 1×",
            "scale | 1 for 1/√D | all + own, normal .02 | global | 1×",
            "scale | 1 for 1/√D | all + own, Xavier √2 | global | 1×",
            "merge | merge h d, permuted | Xavier √2 | global | 1×",
        ),
        N_("answer in the own block"): (
            "sees | own / all | scale = 1/√D, normal .02 | local | 1×",
            "sees | own / all | scale = 1/√D, Xavier √2 | local | 1×",
            "scale | 1 for 1/√D | all + own, normal .02 | local | 1×",
            "scale | 1 for 1/√D | all + own, Xavier √2 | local | 1×",
            "merge | merge h d, permuted | Xavier √2 | local | 1×",
        ),
    }
)
ROWS = (
    N_("sees its own block only; NesT's start"),
    N_("sees its own block only; PGL-SUM's start"),
    N_("without the scale; NesT's start"),
    N_("without the scale; PGL-SUM's start"),
    N_("heads in the other order"),
)
SIZE = 17  # points: a projector, the back row


def plot_matters(found: Mapping[str, Finding]) -> Figure:
    """How far three differences move the accuracy of small trained networks, on two tasks."""
    panels = {say(title): [found.get(key) for key in keys] for title, keys in PANELS.items()}
    return plot_forest(panels, [say(row) for row in ROWS], SIZE)


def read_matters(found: Mapping[str, Finding]) -> str:
    """The same in words: a paragraph a panel, a line a row."""
    return "\n\n".join(_read(say(title), keys, found) for title, keys in PANELS.items())


def _read(title, keys, found):
    lines = [
        say("  {row}: {finding}", row=say(row), finding=_spelled(found.get(key)))
        for row, key in zip(ROWS, keys, strict=True)
    ]
    return "\n".join([say("{title} (points, 95 % interval):", title=title.capitalize()), *lines])


def _spelled(finding):
    if finding is None:
        return say("not run")
    each = finding.estimate
    return say(
        "{mean} [{low}, {high}], {verdict}",
        mean=signed(each.mean),
        low=signed(each.low),
        high=signed(each.high),
        verdict=say(LOOKS[finding.verdict].said),
    )
