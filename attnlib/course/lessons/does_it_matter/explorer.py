"""The stored study: what one difference does, under each condition, on each task and budget."""

from collections.abc import Callable, Mapping
from pathlib import Path

from matplotlib.figure import Figure

from attnlib.course.experiments.study.claims import CLAIMS, SUBJECTS
from attnlib.course.experiments.study.conditions import condition
from attnlib.course.experiments.study.findings import Finding
from attnlib.course.experiments.study.forest import LOOKS, plot_forest, signed, spelled
from attnlib.course.experiments.study.sentences import factor, render
from attnlib.course.experiments.study.statistics import BOUND
from attnlib.course.experiments.study.tasks import TASKS
from attnlib.course.language import N_, say
from attnlib.course.widgets.controls import choice
from attnlib.course.widgets.drawn import Drawn, script

BUDGETS = (1, 4)  # times the steps of the task
# Changes that are called the same in a sentence, which tells the rest among its conditions.
TOLD_APART = {
    "wide_heads": N_("{subject}, one head of width 64"),
    "own_only.two": N_("{subject}, on global"),
    "own_only.one": N_("{subject}, on global"),
}


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
        title, rows = _shown(claim, task, found)
        return plot_forest({title: list(rows.values())}, list(rows)), render(claim, found)

    return draw


class StudyExplorer(Drawn):
    """See `study_drawer`."""

    source = Path(__file__).with_name("explorer.js")
    _esm = script(source)


def explore_study(found: Mapping[str, Finding]) -> Drawn:
    """Choose what is changed, the task and the budget. See `study_drawer`."""
    subjects = [(_picked(name), name) for name in SUBJECTS]
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
    numbers = {
        "bound": BOUND,
        "below": say("points; grey: less than {bound:g} point", bound=BOUND),
        "not_run": say("not run"),
        "looks": {verdict: _look(look) for verdict, look in LOOKS.items()},
        "claims": {
            f"{change},{task},{budget}": _told(change, task, budget, found)
            for change in SUBJECTS
            for task in TASKS
            for budget in _budgets(change, task)
        },
    }
    return StudyExplorer("explore_study", study_drawer(found), controls, offers, numbers)


def _picked(name):
    """What a change is called in the list, where no two may be called the same."""
    subject = say(SUBJECTS[name][2])
    return say(TOLD_APART[name], subject=subject) if name in TOLD_APART else subject


def _shown(claim, task, found):
    """Its title, and of each row what it is called and what was found."""
    title = say("{subject}: {task}", subject=say(claim.subject), task=task)
    labels = [condition(each) for each in claim.conditions]
    labels += [_changes(claim, each) for each in claim.interactions]
    findings = [found.get(each.key) for each in claim.contrasts]
    return title, dict(zip(labels, findings, strict=True))


def _told(change, task, budget, found):
    claim = CLAIMS[_claim(change, task, budget)]
    title, rows = _shown(claim, task, found)
    told = [{"label": label} | _row(finding) for label, finding in rows.items()]
    return {"title": title, "rows": told, "sentence": render(claim, found)}


def _row(finding):
    if finding is None:
        return {}
    each = finding.estimate
    places = {"low": each.low, "mean": each.mean, "high": each.high}
    words = {"mean_said": signed(each.mean), "said": spelled(finding)}
    return places | words | {"verdict": finding.verdict}


def _look(look):
    return look._asdict() | {"said": say(look.said)}


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
