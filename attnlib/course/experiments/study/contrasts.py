"""What is asked: every contrast, listed before anything is trained.

A contrast is a weighted sum of cells, seed by seed, in points. A family is what one question asks
on one task with one budget: its verdicts are corrected together. A contrast has a verdict when all
of its planned seeds have been trained, and not before: nobody looks first and adds seeds then.
"""

from collections.abc import Iterable, Mapping
from itertools import product
from typing import NamedTuple

from attnlib.course.experiments.study import design
from attnlib.course.experiments.study.design import LEVELS, STARTS, Cell, satellite

SEEDS = 20
MANY_SEEDS = 35  # where "does not matter" may be the answer


class Contrast(NamedTuple):
    """A question's contrast: what changes, where; the mean of `terms` over seeds is its effect.

    Attributes:
        where: the condition, in words; "" where there is none.
        terms: (weight, cell); the weights sum to 0.
        core: whether `make study` trains it; the rest takes WHOLE=1.
        seeds: how many are planned.
    """

    question: str
    what: str
    where: str
    task: str
    budget: int
    terms: tuple[tuple[float, Cell], ...]
    core: bool
    seeds: int = SEEDS

    @property
    def key(self) -> str:
        """What it is found by."""
        parts = (self.question, self.what, self.where, self.task, f"{self.budget}×")
        return " | ".join(part for part in parts if part)

    @property
    def interaction(self) -> bool:
        """Whether it is a difference of differences."""
        return "×" in self.what

    @property
    def family(self) -> tuple[str, str, int]:
        """What is corrected together."""
        return self.question, self.task, self.budget


def listed() -> tuple[Contrast, ...]:
    """All contrasts: those of the core first, the most wanted ones first."""
    found = [
        *_factorial("local", positions=("none", "absolute"), core=LEVELS["sees"]),
        *_wide_heads("local", core=True),
        *_satellites("local", core=True),
        *_factorial("global", sees=("all + own", "all"), core=("all + own",)),
        *_own_on_global(),
        *_factorial("digits"),
        *_factorial("mnist"),
        *_factorial("reverse", sees=("all + own", "all")),
        *_factorial("local", budget=4),
        *_satellites("global"),
        *_satellites("digits"),
        *_wide_heads("global"),
        *(each for task in _OTHERS for each in _factorial(task, sees=("all + own",), budget=4)),
    ]
    return tuple(found)


_OTHERS = ("global", "digits", "mnist", "reverse")

# One of the two branches, or one branch more: what changes from the first to the second.
_SEES_PAIRS = (
    ("all + own", "own + own"),
    ("all", "own"),
    ("all", "all + own"),
    ("own", "own + own"),
)
_TURNS = {
    "scale": ("1/√D", "1"),
    "start": ("Xavier √2", "normal .02"),
    "positions": ("none", "absolute"),
}


def _factorial(task, *, sees=LEVELS["sees"], positions=("none",), budget=1, core=()):
    """Each factor under the conditions of the others, and the interactions that go before it.

    `core` holds those of `sees` that the core trains.
    """
    levels = {**LEVELS, "sees": tuple(sees), "positions": tuple(positions)}

    def contrast(question, what, turned, **where):
        words = ", ".join(_word(factor, level) for factor, level in where.items())
        terms = crossed(task, budget, levels, turned, where)
        seen = turned.get("sees") or ([where["sees"]] if "sees" in where else sees)
        return Contrast(question, what, words, task, budget, terms, set(seen) <= set(core))

    scale, start, table = ({name: turn} for name, turn in _TURNS.items())
    for branches in sees:
        for each in STARTS:
            yield contrast("scale", "1 for 1/√D", scale, sees=branches, start=each)
        yield contrast("scale", "scale × start", scale | start, sees=branches)
        for each in LEVELS["scale"]:
            yield contrast("start", ".02 / Xavier", start, sees=branches, scale=each)
    for old, new in _SEES_PAIRS:
        if {old, new} <= set(sees):
            turn, name = {"sees": (old, new)}, f"{new} / {old}"
            for each, other in product(LEVELS["scale"], STARTS):
                yield contrast("sees", name, turn, scale=each, start=other)
            yield contrast("sees", f"({name}) × start", turn | start)
            yield contrast("sees", f"({name}) × scale", turn | scale)
    if len(positions) > 1:
        for branches in sees:
            for each in STARTS:
                yield contrast("positions", "absolute / none", table, sees=branches, start=each)
            yield contrast("positions", "positions × start", table | start, sees=branches)
        for each in STARTS:
            yield contrast("positions", "positions × scale", table | scale, start=each)


def _word(factor, level):
    return f"scale = {level}" if factor == "scale" else level


def crossed(
    task: str,
    budget: int,
    levels: Mapping[str, tuple[str, ...]],
    turned: Mapping[str, tuple[str, str]],
    where: Mapping[str, str],
) -> tuple[tuple[float, Cell], ...]:
    """The terms of an effect, or of an interaction where two factors are turned.

    Cells are averaged over the levels of all factors that are neither turned nor fixed.

    Args:
        levels: factor -> its levels on this task.
        turned: factor -> (from, to).
        where: factor -> the level at which it is held.
    """
    ranges = [
        turned.get(factor) or ((where[factor],) if factor in where else some)
        for factor, some in levels.items()
    ]
    cells = list(product(*ranges))
    share = 2 ** len(turned) / len(cells)
    terms = []
    for cell in cells:
        named = dict(zip(levels, cell, strict=True))
        lows = sum(named[factor] == low for factor, (low, _) in turned.items())
        terms.append(((-1) ** lows * share, Cell(task, design.core(*cell), budget)))
    return tuple(terms)


def _own_on_global():
    """Where the answer lies in other groups: what is left without a look at them."""
    for start in STARTS:
        for old, new in _SEES_PAIRS[:2]:
            names = [design.core(each, "1/√D", start) for each in (new, old)]
            yield _difference("own_only", f"{new} / {old}", start, "global", *names)


def _satellites(task, *, core=False):
    """Each at both starts, and whether the start changes it."""
    for question, what, seeds in _SIMPLE:
        yield from _at_both(task, question, what, [(1, what), (-1, None)], core, seeds)
    for start in STARTS:
        nest, names = design.core("own", "1/√D", start), (satellite("PGL-SUM", start),)
        yield _difference("ends", "PGL-SUM / NesT", start, task, *names, nest, core=core)
        names = (design.NO_ATTENTION, design.base(start))
        yield _difference("no_attention", "none / base", start, task, *names, core=core)
    ends = satellite("PGL-SUM", "Xavier √2"), design.core("own", "1/√D", "normal .02")
    yield _difference("ends", "PGL-SUM / NesT", "each_at_its_own_start", task, *ends, core=core)
    for bias, signs in _BIASES.items():
        terms = [(sign / 2, what) for what, sign in signs.items()]
        yield from _at_both(task, "biases", bias, terms, core, MANY_SEEDS)


_SIMPLE = (
    ("fusion", "avg", MANY_SEEDS),
    ("fusion", "max", MANY_SEEDS),
    ("fusion", "mult", SEEDS),
    ("own_parameters", "own_parameters", SEEDS),
    ("own_parameters", "own_parameters_equal_hidden", SEEDS),
    ("dropout", "dropout", SEEDS),
    ("narrow", "narrow", MANY_SEEDS),
    ("relative", "relative", SEEDS),
    ("merge", "merge h d, permuted", SEEDS),
)

# Leaving out a bias: the mean of the two settings without it, less the mean of the two with it.
_BIASES = {
    "no_query_bias": {
        "key_value_bias_only": 1,
        "output_bias_only": 1,
        "query_bias_only": -1,
        None: -1,
    },
    "no_key_value_bias": {
        "query_bias_only": 1,
        "output_bias_only": 1,
        "key_value_bias_only": -1,
        None: -1,
    },
    "no_output_bias": {
        "query_bias_only": 1,
        "key_value_bias_only": 1,
        "output_bias_only": -1,
        None: -1,
    },
}


def _at_both(task, question, what, terms, core, seeds):
    """A satellite's contrast at each start, and the difference of the two; None is the base."""

    def at(start, sign=1):
        names = [(weight, each and satellite(each, start)) for weight, each in terms]
        return tuple(
            (sign * weight, Cell(task, name or design.base(start))) for weight, name in names
        )

    for start in STARTS:
        yield Contrast(question, what, start, task, 1, at(start), core, seeds)
    both = at(STARTS[0]) + at(STARTS[1], -1)
    yield Contrast(question, f"({what}) × start", "", task, 1, both, core, seeds)


def _wide_heads(task, *, core=False):
    """Scale × start where a head is 64 wide."""
    low, high = design.SCALES
    terms = {
        start: [(1, design.wide(high, start)), (-1, design.wide(low, start))] for start in STARTS
    }
    where = f"D {design.WIDE_HEAD}"
    for start in STARTS:
        cells = tuple((weight, Cell(task, name)) for weight, name in terms[start])
        yield Contrast("wide_heads", "1 for 1/√D", f"{where}, {start}", task, 1, cells, core)
    signs = zip((1, -1), STARTS, strict=True)
    cells = tuple(
        (sign * weight, Cell(task, name)) for sign, each in signs for weight, name in terms[each]
    )
    yield Contrast("wide_heads", "scale × start", where, task, 1, cells, core)


def _difference(question, what, where, task, new, old, *, core=False):
    terms = ((1.0, Cell(task, new)), (-1.0, Cell(task, old)))
    return Contrast(question, what, where, task, 1, terms, core)


CONTRASTS = listed()


class Planned(NamedTuple):
    """A cell, how many seeds some contrast wants of it, and the first that wants it."""

    cell: Cell
    seeds: int
    first: Contrast


def planned(contrasts: Iterable[Contrast] = CONTRASTS) -> list[Planned]:
    """The cells that contrasts need, in their order; each once."""
    found = {}
    for contrast in contrasts:
        for _, cell in contrast.terms:
            known = found.get(cell, Planned(cell, 0, contrast))
            found[cell] = known._replace(seeds=max(known.seeds, contrast.seeds))
    return list(found.values())
