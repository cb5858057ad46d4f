"""What sentences may speak of: a subject, on a task, under conditions, each of them a contrast."""

import zlib
from collections.abc import Mapping
from typing import NamedTuple

from attnlib.course.experiments.study.contrasts import CONTRASTS, Contrast
from attnlib.course.experiments.study.findings import Finding
from attnlib.course.experiments.study.statistics import EFFECT
from attnlib.course.language import N_

COST, GAIN = "cost", "gain"  # an effect, with its direction

# Name of a claim -> question, what is contrasted, and a noun phrase for it.
SUBJECTS = {
    "scale": ("scale", "1 for 1/√D", N_("leaving out the scale")),
    "wide_heads": ("wide_heads", "1 for 1/√D", N_("leaving out the scale")),
    "start": ("start", ".02 / Xavier", N_("NesT's start in place of PGL-SUM's")),
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

# Question -> where its interactions are listed, if not under what is contrasted itself.
INTERACTIONS = {
    "scale": {("scale", "scale × start"), ("positions", "positions × scale")},
    "start": {("scale", "scale × start")},
    "positions": {("positions", "positions × start"), ("positions", "positions × scale")},
    "wide_heads": {("wide_heads", "scale × start")},
}

# Who sees whom -> the word for it in a claim's name.
BRANCHES = {"all + own": "all_own", "own + own": "own_own", "all": "all", "own": "own"}


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


def contrast_of(id_: str, *parts: str) -> Contrast:
    """The one condition of a claim that holds all these parts of a `where`.

    Raises:
        KeyError: there is no such claim.
        ValueError: none of its conditions holds them, or several do.
    """
    conditions = CLAIMS[id_].conditions
    found = [each for each in conditions if set(parts) <= set(each.where.split(", "))]
    if len(found) != 1:
        known = [each.where for each in conditions]
        raise ValueError(f"parts must tell one condition of {id_} from {known}, got {parts}")
    return found[0]


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
