"""Sentences made of findings. No sentence of what matters exists without its contrasts.

A claim has conditions, in groups. It speaks of all of them at once only where all share one
verdict, and no interaction that could tell them apart is an effect. Else each group speaks for
itself; and in a group that does not agree, those that share a verdict. What has not been run is
said to be so.
"""

import zlib
from collections.abc import Mapping
from itertools import groupby
from typing import NamedTuple

from attnlib.course.experiments.study.contrasts import CONTRASTS, Contrast
from attnlib.course.experiments.study.findings import Finding
from attnlib.course.experiments.study.statistics import BOUND, EFFECT, SMALLER, UNDECIDED
from attnlib.course.language import N_, paragraph, say

COST, GAIN = "cost", "gain"  # an effect, with its direction

# Name of a claim -> question, what is contrasted, and a noun phrase for it.
SUBJECTS = {
    "scale": ("scale", "1 for 1/√D", N_("leaving out the scale")),
    "wide_heads": ("wide_heads", "1 for 1/√D", N_("leaving out the scale of heads 64 wide")),
    "start": ("start", ".02 / Xavier", N_("NesT's start in place of Xavier √2")),
    "positions": ("positions", "absolute / none", N_("adding absolute positions to the scores")),
    "relative": ("relative", "relative", N_("adding PGL-SUM's relative positions to the scores")),
    "own_group.two": (
        "sees",
        "own + own / all + own",
        N_("keeping the first of two branches to its own group"),
    ),
    "own_group.one": ("sees", "own / all", N_("keeping the only branch to its own group")),
    "second_branch.all": (
        "sees",
        "all + own / all",
        N_("a second, local branch beside one that sees all tokens"),
    ),
    "second_branch.own": (
        "sees",
        "own + own / own",
        N_("a second branch beside one that sees its own group"),
    ),
    "own_only.two": (
        "own_only",
        "own + own / all + own",
        N_("keeping the first of two branches to its own group"),
    ),
    "own_only.one": ("own_only", "own / all", N_("keeping the only branch to its own group")),
    "fusion.avg": ("fusion", "avg", N_("fusing by avg in place of add")),
    "fusion.max": ("fusion", "max", N_("fusing by max in place of add")),
    "fusion.mult": ("fusion", "mult", N_("fusing by mult in place of add")),
    "own_parameters.size": (
        "own_parameters",
        "own_parameters",
        N_("giving each group its own parameters, in a network of equal size"),
    ),
    "own_parameters.hidden": (
        "own_parameters",
        "own_parameters_equal_hidden",
        N_("giving each group its own parameters, beside an equal feed-forward layer"),
    ),
    "dropout": ("dropout", "dropout", N_("dropping half of the weights in training")),
    "narrow": ("narrow", "narrow", N_("making the local branch narrow")),
    "query_bias": ("biases", "no_query_bias", N_("leaving out the query bias")),
    "key_value_bias": (
        "biases",
        "no_key_value_bias",
        N_("leaving out the biases of keys and values"),
    ),
    "output_bias": ("biases", "no_output_bias", N_("leaving out the output bias")),
    "merge": ("merge", "merge h d, permuted", N_("merging the heads in the other order")),
    "ends": ("ends", "PGL-SUM / NesT", N_("PGL-SUM's attention in place of NesT's")),
    "no_attention": ("no_attention", "none / base", N_("leaving out the attention")),
}
OWN_STARTS = N_("each_at_its_own_start")  # how a contrast of the two ends says where

# Question -> where its interactions are listed, if not under what is contrasted itself.
INTERACTIONS = {
    "scale": {("scale", "scale × start"), ("positions", "positions × scale")},
    "start": {("scale", "scale × start")},
    "positions": {("positions", "positions × start"), ("positions", "positions × scale")},
    "wide_heads": {("wide_heads", "scale × start")},
}

# Who sees whom -> the word for it in a claim's name.
BRANCHES = {"all + own": "all_own", "own + own": "own_own", "all": "all", "own": "own"}

# Factor of an interaction -> how it is said.
FACTORS = {
    "scale": N_("the scale"),
    "start": N_("the start"),
    "positions": N_("the table of positions"),
}

# Kind of verdict -> its sentence of one condition, and that of several.
SENTENCES = {
    COST: (
        N_(
            "On {task}, {where}: {subject} costs {mean} points "
            "(95 % interval {low} to {high}, {seeds} seeds)."
        ),
        N_(
            "On {task}, {where}: {subject} costs points in each of {count} conditions "
            "(their 95 % intervals: {low} to {high}, {seeds} seeds)."
        ),
    ),
    GAIN: (
        N_(
            "On {task}, {where}: {subject} gains {mean} points "
            "(95 % interval {low} to {high}, {seeds} seeds)."
        ),
        N_(
            "On {task}, {where}: {subject} gains points in each of {count} conditions "
            "(their 95 % intervals: {low} to {high}, {seeds} seeds)."
        ),
    ),
    SMALLER: (
        N_(
            "On {task}, {where}: {subject} changes less than {bound} point: {mean} "
            "(95 % interval {low} to {high}, {seeds} seeds)."
        ),
        N_(
            "On {task}, {where}: {subject} changes less than {bound} point in each of {count} "
            "conditions (their 95 % intervals: {low} to {high}, {seeds} seeds)."
        ),
    ),
    UNDECIDED: (
        N_(
            "On {task}, {where}: what {subject} does is undecided: {mean} points "
            "(95 % interval {low} to {high}, {seeds} seeds)."
        ),
        N_(
            "On {task}, {where}: what {subject} does is undecided in each of {count} conditions "
            "(their 95 % intervals: {low} to {high} points, {seeds} seeds)."
        ),
    ),
}


class Claim(NamedTuple):
    """What a sentence speaks of.

    Attributes:
        id: "scale.local"; ".4x" at its end where the budget is 4×.
        subject: a noun phrase, as a message.
        conditions: contrasts that ask the same; those whose `where` ends alike are a group.
        interactions: looked at before all conditions are spoken of at once.
    """

    id: str
    subject: str
    conditions: tuple[Contrast, ...]
    interactions: tuple[Contrast, ...]

    @property
    def contrasts(self) -> tuple[Contrast, ...]:
        """All that its sentence rests on."""
        return self.conditions + self.interactions


def listed(contrasts: tuple[Contrast, ...] = CONTRASTS) -> dict[str, Claim]:
    """All claims: for each subject, one on each task and budget where it is contrasted.

    Where that is done for several sorts of branches, there is one for each sort too:
    "scale.all_own.local" is "scale.local" for "all + own" alone.
    """
    found = {}
    for name, (question, what, subject) in SUBJECTS.items():
        own = {(question, f"({what}) × {factor}") for factor in ("start", "scale")}
        apart = INTERACTIONS.get(question, own)
        places = [(each.task, each.budget) for each in contrasts if each.question == question]
        for task, budget in dict.fromkeys(places):
            here = [each for each in contrasts if (each.task, each.budget) == (task, budget)]
            asked = [each for each in here if (each.question, each.what) == (question, what)]
            between = [each for each in here if (each.question, each.what) in apart]
            place = task + (f".{budget}x" if budget > 1 else "")
            kinds = {f"{name}.{place}": (asked, between)}
            for sees, word in BRANCHES.items():
                kinds[f"{name}.{word}.{place}"] = (_of(sees, asked), _of(sees, between))
            found |= {
                id_: Claim(id_, subject, tuple(conditions), tuple(differ))
                for id_, (conditions, differ) in kinds.items()
                if conditions
            }
    return found


def _of(sees, contrasts):
    return [each for each in contrasts if each.where.split(", ")[0] == sees]


CLAIMS = listed()


def render(claim: Claim, found: Mapping[str, Finding]) -> str:
    """Its sentence, or several, in the language that is spoken now."""
    run = [each for each in claim.conditions if each.key in found]
    if not run:
        return say(
            "On {task}: what {subject} does has not been measured with all planned seeds.",
            **_names(claim),
        )
    missing = len(claim.conditions) - len(run)
    if missing or any(each.key not in found for each in claim.interactions):
        said = [_one(claim, found[each.key]) for each in run]
        if missing:
            said.append(say("{count} more conditions have not been run.", count=missing))
        return paragraph(*said)
    differ = _interactions(claim, found)
    at_once = [] if differ else _together(claim, run, found)
    return paragraph(*(at_once or _in_groups(claim, found)), *differ)


def digest(claim: Claim, found: Mapping[str, Finding]) -> str:
    """Four letters that change with any figure that the sentence rests on, printed or not."""
    figures = [
        (each.key, kind(found[each.key]), f"{found[each.key].estimate.mean:.1f}")
        for each in claim.contrasts
        if each.key in found
    ]
    return f"{zlib.crc32(repr(figures).encode()) & 0xFFFF:04x}"


def kind(finding: Finding) -> str:
    """Its verdict; an effect with its direction."""
    if finding.verdict != EFFECT:
        return finding.verdict
    return GAIN if finding.estimate.mean > 0 else COST


def _in_groups(claim, found):
    """What each group says at once, or those of it that share a verdict."""
    said = []
    groups = sorted(claim.conditions, key=_group)
    for _, each in groupby(groups, key=_group):
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
    where = say("; ").join(say(group) for group in dict.fromkeys(map(_group, conditions)))
    if named:
        inside = "; ".join(each.where.rpartition(", ")[0] for each in conditions)
        where = say("{where} ({conditions})", where=where, conditions=inside)
    return [
        say(
            SENTENCES[kind(first)][1],
            **_names(claim),
            where=where,
            count=len(conditions),
            **_range(kind(first), [first.estimate, *(each.estimate for each in others)]),
        )
    ]


def _one(claim, finding):
    return say(
        SENTENCES[kind(finding)][0],
        **_names(claim),
        where=say(finding.contrast.where),
        mean=_points(finding.estimate.mean, kind(finding)),
        **_range(kind(finding), [finding.estimate]),
    )


def _interactions(claim, found):
    """A sentence for each factor that changes the effect somewhere."""
    sorts = {}
    for each in claim.interactions:
        sorts.setdefault(each.what, []).append(found[each.key])
    said = []
    for what, asked in sorts.items():
        sure = [each for each in asked if each.verdict == EFFECT]
        if sure:
            said.append(_changes(_factor(claim, what), sure, len(asked)))
    return said


def _changes(factor, sure, asked):
    if asked == 1:
        (only,) = sure
        return say(
            "This effect changes with {factor}, by {mean} points "
            "(95 % interval {low} to {high}, {seeds} seeds).",
            factor=factor,
            mean=_points(only.estimate.mean),
            **_range(None, [only.estimate]),
        )
    means = [each.estimate.mean for each in sure]
    return say(
        "This effect changes with {factor} in {count} of {asked} comparisons "
        "(by {low} to {high} points).",
        factor=factor,
        count=len(sure),
        asked=asked,
        low=_points(min(means)),
        high=_points(max(means)),
    )


def _factor(claim, what):
    """Of "scale × start", the one that the claim is not about."""
    (factor,) = {part for part in what.split(" × ") if part in FACTORS} - {_turned(claim)}
    return say(FACTORS[factor])


def _turned(claim):
    question = claim.conditions[0].question
    return "scale" if question == "wide_heads" else question


def _names(claim):
    first = claim.conditions[0]
    task = first.task
    if first.budget > 1:
        task = say("{task} with {budget} times the steps", task=task, budget=first.budget)
    return {"task": task, "subject": say(claim.subject), "bound": f"{BOUND:g}"}


def _range(of, estimates):
    low, high = min(each.low for each in estimates), max(each.high for each in estimates)
    if of == COST:
        low, high = high, low
    seeds = min(each.seeds for each in estimates)
    return {"low": _points(low, of), "high": _points(high, of), "seeds": seeds}


def _points(value, of=None):
    """A cost is said without its minus."""
    value = round(-value if of == COST else value, 1) + 0.0  # 0.0 instead of −0.0
    return f"{value:.1f}".replace("-", "−")


def _group(contrast):
    """ "Xavier √2" of "all + own, Xavier √2"."""
    return contrast.where.rpartition(", ")[2]
