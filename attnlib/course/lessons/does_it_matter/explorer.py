"""The stored study: what one difference does, under each condition, on each task and budget."""

from collections.abc import Callable, Mapping

from matplotlib.figure import Figure

from attnlib.course.experiments.study.claims import CLAIMS, SUBJECTS
from attnlib.course.experiments.study.conditions import condition
from attnlib.course.experiments.study.findings import Finding
from attnlib.course.experiments.study.forest import plot_forest
from attnlib.course.experiments.study.sentences import factor, render
from attnlib.course.experiments.study.tasks import TASKS
from attnlib.course.language import say
from attnlib.course.widgets.controls import choice
from attnlib.course.widgets.explorer import Explorer

BUDGETS = (1, 4)  # times the steps of the task


def study_drawer(found: Mapping[str, Finding]) -> Callable[..., tuple[Figure, str]]:
    """draw(change, task, budget) -> the intervals of every condition, and what they say together.

    Raises ValueError where nothing was asked of that change on that task with that budget.
    """

    def draw(change: str, task: str, budget: int) -> tuple[Figure, str]:
        claim = CLAIMS.get(_claim(change, task, budget))
        if claim is None:
            asked = sorted(id_ for id_ in CLAIMS if id_.startswith(f"{change}."))
            raise ValueError(
                say("The study does not ask this there. It asks: {asked}.", asked=", ".join(asked))
            )
        labels = [condition(each) for each in claim.conditions]
        labels += [_changes(claim, each) for each in claim.interactions]
        rows = [found.get(each.key) for each in claim.contrasts]
        title = say("{subject}: {task}", subject=say(claim.subject), task=task)
        return plot_forest({title: rows}, labels), render(claim, found)

    return draw


def explore_study(found: Mapping[str, Finding]) -> Explorer:
    """Choose what is changed, the task and the budget. See `study_drawer`."""
    subjects = [(say(subject), name) for name, (_, _, subject) in SUBJECTS.items()]
    budgets = [(say("{budget} × the steps", budget=budget), budget) for budget in BUDGETS]
    controls = {
        "change": choice(say("change"), "scale", subjects),
        "task": choice(say("task"), "local", list(TASKS)),
        "budget": choice(say("budget"), 1, budgets),
    }
    offers = {
        "task": lambda change, **_: [task for task in TASKS if _budgets(change, task)],
        "budget": lambda change, task, **_: _budgets(change, task),
    }
    return Explorer("explore_study", study_drawer(found), controls, offers)


def _claim(change, task, budget):
    return f"{change}.{task}" + (f".{budget}x" if budget > 1 else "")


def _budgets(change, task):
    """With which of them the study asks for that change on that task."""
    return [budget for budget in BUDGETS if _claim(change, task, budget) in CLAIMS]


def _changes(claim, contrast):
    with_ = factor(claim, contrast.what)
    if not contrast.where:
        return say("changes with {factor}", factor=with_)
    return say("changes with {factor}: {where}", factor=with_, where=condition(contrast))
