"""The stored study, seed by seed: one task, the middle, and one other setting."""

from collections.abc import Callable

import torch
from matplotlib.figure import Figure
from torch import Tensor

from attnlib.course.experiments.study.report import difference
from attnlib.course.experiments.study.results import Results
from attnlib.course.language import N_, paragraph, say
from attnlib.course.lessons.does_it_matter.figures import plot_pairs
from attnlib.course.widgets.controls import choice
from attnlib.course.widgets.explorer import Explorer

MIDDLE = "middle"
NO_ATTENTION = N_("no attention")  # other settings are code, a dial and its value: "fusion: avg"


def accuracies(results: Results, task: str, setting: str) -> Tensor:
    """(seeds,) the shares of right answers on held-out data, in the order of the seeds.

    Raises:
        ValueError: there are no runs of that task and setting.
    """
    found = {
        run["seed"]: run["accuracy"]
        for run in results.runs
        if (run["task"], run["setting"]) == (task, setting)
    }
    if not found:
        tasks, settings = choices(results)
        raise ValueError(
            f"task must be one of {tasks}, setting {MIDDLE!r} or one of {settings}, "
            f"got {task!r}, {setting!r}"
        )
    return torch.tensor([found[seed] for seed in sorted(found)], dtype=torch.float64)


def choices(results: Results) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """The tasks, and the settings beside the middle."""
    settings = results.hyperparameters["settings"]
    return tuple(results.hyperparameters["tasks"]), tuple(
        each for each in settings if each != MIDDLE
    )


def seeds_drawer(results: Results) -> Callable[[str, str], tuple[Figure, str]]:
    """draw(task, setting) -> the seeds of that setting beside those of the middle."""

    def draw(task: str, setting: str) -> tuple[Figure, str]:
        ours, others = (accuracies(results, task, each) for each in (setting, MIDDLE))
        found = difference(results, task, setting)
        chance = results.hyperparameters["tasks"][task]["chance"]
        figure = plot_pairs(
            ours.tolist(), others.tolist(), (_name(setting), say("the middle")), chance, found.seen
        )
        return figure, _read(task, setting, ours, others, found)

    return draw


def explore_seeds(results: Results) -> Explorer:
    """Choose a task and a setting. See `seeds_drawer`."""
    tasks, settings = choices(results)
    named = [(_name(setting), setting) for setting in settings]
    controls = {
        "task": choice(say("task"), "global", tasks),
        "setting": choice(say("setting"), "fusion: avg", named),
    }
    return Explorer("explore_seeds", seeds_drawer(results), controls)


def _read(task, setting, ours, others, found):
    return paragraph(
        say(
            "{task}, {setting}: {ours} %, the middle {others} %.",
            task=task,
            setting=_name(setting),
            ours=_percent(ours),
            others=_percent(others),
        ),
        say(
            "Seed by seed the difference is {mean} ± {spread:.1f} points, above 0 for {higher} of "
            "{seeds} seeds.",
            mean=_points(found.mean),
            spread=100 * found.spread,
            higher=int((ours > others).sum()),
            seeds=len(ours),
        ),
        _verdict(found.seen),
    )


def _verdict(seen):
    if seen:
        return say("The mean is more than twice the spread: a difference is seen.")
    return say(
        "The mean is not more than twice the spread: no difference is seen, which is not "
        '"no difference".'
    )


def _name(setting):
    return say(NO_ATTENTION) if setting == NO_ATTENTION else setting


def _percent(shares):
    return f"{100 * shares.mean():.1f} ± {100 * shares.std():.1f}"


def _points(share):
    return f"{100 * share:+.1f}".replace("-", "−")
