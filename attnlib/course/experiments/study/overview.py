"""What the study finds, in one picture for the back row: two tasks, three differences."""

from collections.abc import Mapping
from types import MappingProxyType

from matplotlib.figure import Figure

from attnlib.course.experiments.study.claims import contrast_of
from attnlib.course.experiments.study.findings import Finding
from attnlib.course.experiments.study.forest import plot_forest, spelled
from attnlib.course.language import N_, say

# Title of a panel -> for each row the claim that holds its contrast, and the condition.
PANELS = MappingProxyType(
    {
        N_("answer in other blocks"): (
            ("own_only.one.global", "normal .02"),
            ("own_only.one.global", "Xavier √2"),
            ("scale.all_own.global", "normal .02"),
            ("scale.all_own.global", "Xavier √2"),
            ("merge.global", "Xavier √2"),
        ),
        N_("answer in the own block"): (
            ("own_group.one.local", "scale = 1/√D", "normal .02"),
            ("own_group.one.local", "scale = 1/√D", "Xavier √2"),
            ("scale.all_own.local", "normal .02"),
            ("scale.all_own.local", "Xavier √2"),
            ("merge.local", "Xavier √2"),
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
    panels = {say(title): _findings(rows, found) for title, rows in PANELS.items()}
    return plot_forest(panels, [say(row) for row in ROWS], SIZE)


def read_matters(found: Mapping[str, Finding]) -> str:
    """The same in words: a paragraph a panel, a line a row."""
    return "\n\n".join(_read(say(title), _findings(rows, found)) for title, rows in PANELS.items())


def _findings(rows, found):
    """None where nothing was run."""
    return [found.get(contrast_of(*row).key) for row in rows]


def _read(title, findings):
    lines = [
        say("  {row}: {finding}", row=say(row), finding=spelled(finding))
        for row, finding in zip(ROWS, findings, strict=True)
    ]
    return "\n".join([say("{title} (points, 95 % interval):", title=title.capitalize()), *lines])
