"""Sentences made of findings. No sentence of what matters exists without its contrasts.

A claim has conditions. A few speak each for itself. Many are spoken of at once, but only where all
share one verdict, and no interaction that could tell them apart is an effect; else in groups, and
in a group that does not agree, those that share a verdict. What has not been run is said to be so.
"""

from collections.abc import Mapping
from itertools import combinations, groupby

from attnlib.course.experiments.study.claims import COST, GAIN, Claim, kind
from attnlib.course.experiments.study.conditions import (
    FACTORS,
    averaged,
    before_group,
    condition,
    group,
    part,
)
from attnlib.course.experiments.study.findings import Finding
from attnlib.course.experiments.study.statistics import BOUND, EFFECT, SMALLER, UNDECIDED
from attnlib.course.language import N_, say

# Kind of verdict -> what is said of one condition, and of several.
CLAUSES = {
    COST: (
        N_("costs {mean} points [{low}, {high}], from {before} to {after} % ({where})"),
        N_("costs points in each of {count} conditions, {low} to {high} ({where})"),
    ),
    GAIN: (
        N_("gains {mean} points [{low}, {high}], from {before} to {after} % ({where})"),
        N_("gains points in each of {count} conditions, {low} to {high} ({where})"),
    ),
    SMALLER: (
        N_("changes less than {bound} point, {mean} [{low}, {high}], at {after} % ({where})"),
        N_(
            "changes less than {bound} point in each of {count} conditions, {low} to {high} "
            "({where})"
        ),
    ),
    UNDECIDED: (
        N_("is undecided, {mean} points [{low}, {high}], from {before} to {after} % ({where})"),
        N_("is undecided in each of {count} conditions, {low} to {high} ({where})"),
    ),
}
SEVERAL = 4  # more conditions than these are spoken of in groups


def render(claim: Claim, found: Mapping[str, Finding]) -> str:
    """Its sentence, in the language that is spoken now. Brackets hold 95 % intervals."""
    run = [each for each in claim.conditions if each.key in found]
    if not run:
        return say(
            "On {task}: what {subject} does has not been measured with all planned seeds.",
            task=_task(claim),
            subject=say(claim.subject),
        )
    missing = len(claim.conditions) - len(run)
    if missing or any(each.key not in found for each in claim.interactions):
        clauses = [_one(claim, found[each.key]) for each in run]
        if missing:
            clauses.append(say("{count} more conditions have not been run", count=missing))
    else:
        clauses = _clauses(claim, found) + _interactions(claim, found)
    return say(
        "On {task}, {subject}: {clauses}. ({seeds} seeds, 95 % intervals.)",
        task=say(", ").join([_task(claim), *map(part, _common(claim))]),
        subject=_subject(claim),
        clauses=say("; ").join(clauses),
        seeds=min(found[each.key].estimate.seeds for each in run),
    )


def _subject(claim):
    over = averaged(claim.conditions[0])
    if not over:
        return say(claim.subject)
    return say("{subject} ({mean})", subject=say(claim.subject), mean=over)


def _clauses(claim, found):
    """Of the conditions: a few each by itself; many at once if nothing tells them apart."""
    if len(claim.conditions) <= SEVERAL:
        return [_one(claim, found[each.key]) for each in claim.conditions]
    apart = any(found[each.key].verdict == EFFECT for each in claim.interactions)
    at_once = [] if apart else _together(claim, claim.conditions, found)
    return at_once or _in_groups(claim, found)


def _in_groups(claim, found):
    """What each group says at once, or those of it that share a verdict."""
    said = []
    groups = sorted(claim.conditions, key=group)
    for _, each in groupby(groups, key=group):
        kinds = {}
        for contrast in each:
            kinds.setdefault(kind(found[contrast.key]), []).append(contrast)
        for several in kinds.values():
            said += _together(claim, several, found, named=len(kinds) > 1)
    return said


def _together(claim, conditions, found, *, named=False):
    """One sentence of several conditions, as a list; an empty one where they do not agree.

    Args:
        named: whether not all of a group are here, so that each must be named.
    """
    first, *others = (found[each.key] for each in conditions)
    if any(kind(each) != kind(first) for each in others):
        return []
    if not others:
        return [_one(claim, first)]
    common = _common(claim)
    where = say("; ").join(part(each) for each in dict.fromkeys(map(group, conditions)))
    if named:
        inside = say("; ").join(before_group(each, common) for each in conditions)
        where = say("{where}: {conditions}", where=where, conditions=inside)
    return [
        say(
            CLAUSES[kind(first)][1],
            where=where,
            count=len(conditions),
            bound=f"{BOUND:g}",
            **_range(kind(first), [first.estimate, *(each.estimate for each in others)]),
        )
    ]


def _one(claim, finding):
    return say(
        CLAUSES[kind(finding)][0],
        where=condition(finding.contrast, _common(claim)),
        mean=_points(finding.estimate.mean, kind(finding)),
        before=f"{finding.before:.0f}",
        after=f"{finding.after:.0f}",
        bound=f"{BOUND:g}",
        **_range(kind(finding), [finding.estimate]),
    )


def _interactions(claim, found):
    """A clause for each factor that changes the effect somewhere.

    Only of interactions that are the difference of two of the conditions: of others, which are
    means over several such differences, one could be large and another its opposite.
    """
    sorts = {}
    for each in claim.interactions:
        if _of_two(claim, each):
            sorts.setdefault(each.what, []).append(found[each.key])
    said = []
    for what, asked in sorts.items():
        sure = [each for each in asked if each.verdict == EFFECT]
        if sure:
            said.append(_changes(factor(claim, what), sure, len(asked)))
    return said


def _of_two(claim, interaction):
    """Whether it is the difference of two conditions, to a factor."""
    wanted = _scaled(interaction.terms)
    for one, other in combinations(claim.conditions, 2):
        terms = {cell: weight for weight, cell in one.terms}
        for weight, cell in other.terms:
            terms[cell] = terms.get(cell, 0) - weight
        if _scaled((weight, cell) for cell, weight in terms.items()) == wanted:
            return True
    return False


def _scaled(terms):
    """Cell -> weight, without zeros, the first cell's positive and 1."""
    weights = {cell: weight for weight, cell in sorted(terms, key=lambda term: term[1]) if weight}
    first = next(iter(weights.values()))
    return {cell: round(weight / first, 6) for cell, weight in weights.items()}


def _changes(with_, sure, asked):
    sizes = [abs(each.estimate.mean) for each in sure]
    if asked == 1:
        (only,) = sure
        of = COST if only.estimate.mean < 0 else GAIN
        return say(
            "{factor} makes a difference of {mean} points [{low}, {high}]",
            factor=with_,
            mean=_points(sizes[0]),
            **_range(of, [only.estimate]),
        )
    if len(sure) == 1:
        return say(
            "{factor} makes a difference in 1 of {asked} comparisons, of {mean} points",
            factor=with_,
            asked=asked,
            mean=_points(sizes[0]),
        )
    return say(
        "{factor} makes a difference in {count} of {asked} comparisons, of {low} to {high} points",
        factor=with_,
        count=len(sure),
        asked=asked,
        low=_points(min(sizes)),
        high=_points(max(sizes)),
    )


def factor(claim: Claim, what: str) -> str:
    """Of "scale × start", the one that the claim is not about, said."""
    (other,) = {part for part in what.split(" × ") if part in FACTORS} - {_turned(claim)}
    return say(FACTORS[other])


def _turned(claim):
    question = claim.conditions[0].question
    return "scale" if question == "wide_heads" else question


def _task(claim):
    first = claim.conditions[0]
    if first.budget == 1:
        return first.task
    return say("{task} with {budget} times the steps", task=first.task, budget=first.budget)


def _common(claim):
    """The parts of where that all conditions share, if there are several."""
    wheres = [each.where.split(", ") for each in claim.conditions]
    shared = [part for part in wheres[0] if all(part in where for where in wheres)]
    return shared if len(wheres) > 1 else []


def _range(of, estimates):
    low, high = min(each.low for each in estimates), max(each.high for each in estimates)
    if of == COST:
        low, high = high, low
    return {"low": _points(low, of), "high": _points(high, of)}


def _points(value, of=None):
    """A cost is said without its minus."""
    value = round(-value if of == COST else value, 1) + 0.0  # 0.0 instead of −0.0
    return f"{value:.1f}".replace("-", "−")
