"""How a contrast and the condition it holds under are called where a reader sees them."""

from collections.abc import Iterable

from attnlib.course.experiments.study.contrasts import Contrast
from attnlib.course.experiments.study.design import LEVELS
from attnlib.course.language import N_, say

# Parts of `Contrast.where`.
PARTS = {
    "all + own": N_("branches all + own"),
    "own + own": N_("branches own + own"),
    "all": N_("branch all"),
    "own": N_("branch own"),
    "scale = 1/√D": N_("with the scale"),
    "scale = 1": N_("without the scale"),
    "normal .02": N_("NesT's start"),
    "Xavier √2": N_("PGL-SUM's start"),
    "each_at_its_own_start": N_("each with its own start"),
    "D 64": N_("branches all + own, one head of width 64"),
}

# Factor -> how it is said that an effect is the mean over its levels.
MEANS = {
    "scale": N_("the mean of with and without the scale"),
    "positions": N_("the mean of without and with positions in the scores"),
}

# Factor of an interaction -> how it is said.
FACTORS = {
    "scale": N_("the scale"),
    "start": N_("the start"),
    "positions": N_("positions in the scores"),
}


def condition(contrast: Contrast, common: Iterable[str] = ()) -> str:
    """ "branches all + own, PGL-SUM's start": all that is held, but for what is said already."""
    return joined(each for each in contrast.where.split(", ") if each not in common)


def joined(parts: Iterable[str]) -> str:
    """Parts of a `where`, said, with commas."""
    return say(", ").join(part(each) for each in parts if each)


def part(name: str) -> str:
    """What one part of a `where` is called."""
    return say(PARTS[name])


def averaged(contrast: Contrast) -> str:
    """Over what its effect is a mean, said; "" for nothing."""
    core = [(weight, cell.setting.split(" | ")) for weight, cell in contrast.terms]
    if any(len(levels) != len(LEVELS) for _, levels in core):
        return ""
    over = []
    for place, factor in enumerate(LEVELS):
        sums = {}
        for weight, levels in core:
            sums[levels[place]] = sums.get(levels[place], 0) + weight
        if len(sums) > 1 and not any(sums.values()):
            over.append(say(MEANS[factor]))
    return say(", ").join(over)


def group(contrast: Contrast) -> str:
    """The last part of where: "Xavier √2" of "all + own, Xavier √2"."""
    return contrast.where.rpartition(", ")[2]


def before_group(contrast: Contrast, common: Iterable[str]) -> str:
    """The parts before it."""
    return joined(each for each in contrast.where.split(", ")[:-1] if each not in common)
