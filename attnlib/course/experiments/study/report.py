"""What is stored, on one page: every finding with its interval, its power, and what was not run."""

from collections.abc import Mapping

from attnlib.course.experiments.study.contrasts import CONTRASTS, planned
from attnlib.course.experiments.study.findings import Finding
from attnlib.course.experiments.study.results import RATES, Results, accuracies, rates
from attnlib.course.experiments.study.statistics import ALPHA, BOUND
from attnlib.course.language import say

OVER = """\
Points of accuracy, and 95 % intervals of the mean over seeds: training and draws anew. Digits and
MNIST are drawn from pools of 1797 and 5000 pictures that all seeds share: of other pictures the
intervals say nothing. Each cell has the learning rate that did best on other seeds; which it is, is
taken as given. Tasks are fixed: nothing is claimed over tasks."""


def report(results: Results, found: Mapping[str, Finding]) -> str:
    """Tables of all families, then the cells' accuracies and rates, then what is missing."""
    families = {}
    for finding in found.values():
        families.setdefault(finding.contrast.family, []).append(finding)
    tables = [_table(family, several) for family, several in families.items()]
    return "\n\n".join([say(OVER), *tables, _cells(results), _missing(results, found)])


def _table(family, several):
    question, task, budget = family
    asked = sum(contrast.family == family for contrast in CONTRASTS)
    head = say(
        "{question}, on {task}, {budget}×: {run} of {asked} contrasts; verdicts at α = {alpha} "
        "after Holm, bound ±{bound:g}",
        question=question,
        task=task,
        budget=budget,
        run=len(several),
        asked=asked,
        alpha=ALPHA,
        bound=BOUND,
    )
    return "\n".join([head, *map(_line, several)])


def _line(finding):
    contrast, each = finding.contrast, finding.estimate
    name = f"{contrast.what} | {contrast.where}" if contrast.where else contrast.what
    interval = f"{each.mean:+6.1f} [{each.low:+.1f}, {each.high:+.1f}]"
    power = say("n = {n}, finds {smallest:.1f} with 80 %", n=each.seeds, smallest=finding.smallest)
    return f"  {name:50} {interval:22} {say(finding.verdict):23} {power}"


def _cells(results):
    chosen, lines = rates(results), []
    for cell, points in accuracies(results).items():
        rate = chosen[cell]
        edge = say("(at the edge)") if rate in (RATES[0], RATES[-1]) else ""
        mean = sum(points.values()) / len(points)
        lines.append(f"  {cell!s:60} {mean:5.1f}  n = {len(points):2}  {rate:g} {edge}")
    return "\n".join([say("Cells: accuracy, seeds, learning rate"), *lines])


def _missing(results, found):
    done = accuracies(results)
    cells = planned()
    whole = sum(len(done.get(each.cell, ())) >= each.seeds for each in cells)
    return say(
        "Run: {cells} of {planned} cells, {found} of {listed} contrasts. No sentence leans on the "
        "rest.",
        cells=whole,
        planned=len(cells),
        found=len(found),
        listed=len(CONTRASTS),
    )
