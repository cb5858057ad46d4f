"""For each difference between the two styles: notation, function, or training only?

- *notation*: parameters move across (`same`), the outputs are equal, and stay so after one step of
  gradient descent.
- *training only*: the same functions, but training takes other steps, or starts elsewhere.
- *function*: one side can compute what the other cannot, whatever its parameters (a witness).

The kind is computed for all factors but the returned map, initial parameters and dropout.
"""

import re
from typing import NamedTuple

import torch
from torch import nn

from attnlib.attention import attention
from attnlib.course.compare.dialled import DialledAttention
from attnlib.course.compare.dials import NEST, PGLSUM, turned
from attnlib.course.compare.difference import relative_difference
from attnlib.course.compare.identity import same
from attnlib.course.compare.porting.finding import Finding, Move
from attnlib.course.evenness import entropy, evenness
from attnlib.course.language import N_, say
from attnlib.course.wide import ljust, width
from attnlib.layout import merge_heads, split_heads
from attnlib.positions import AbsolutePositions
from attnlib.segments import SelfAttention

WIDTH, HEADS, GROUPS = 16, 2, 2  # small: all of it is run in front of the reader
UNMOVED = re.compile(r"\s*g\.(\S+)\[:\] = f\.\1")  # a line of a move that changes no order

# One branch that sees all tokens, so that a difference shows by itself. Where a factor needs
# groups, NesT's blocks. The start is PGL-SUM's: from NesT's small parameters one step shows little.
BARE = turned(
    NEST,
    sees="all tokens",
    key_value_bias=False,
    query_bias=False,
    output_bias=False,
    initial="Xavier √2",
)
GROUPED = turned(BARE, sees="own group")

NOTATION, TRAINING, FUNCTION = N_("notation"), N_("training only"), N_("function")
UNDECIDED = N_("undecided")
# Are the parameters the same, and are the functions after one step?
STEPPED = {
    (True, True): N_("the same parameters: equal up to rounding; after one step still equal"),
    (True, False): N_(
        "the same parameters: equal up to rounding; after one step {apart:.2f} apart"
    ),
    (False, True): N_("parameters moved: equal up to rounding; after one step still equal"),
    (False, False): N_("parameters moved: equal up to rounding; after one step {apart:.2f} apart"),
}


class Row(NamedTuple):
    """One line of the table, in English but for its evidence; a table says it as it prints."""

    factor: str
    nest: str
    pglsum: str
    kind: str
    evidence: str


class Table(list):
    """Rows that print as a table, and as HTML in a notebook."""

    columns = (
        N_("factor"),
        N_("f: NesT style"),
        N_("g: PGL-SUM style"),
        N_("kind"),
        N_("what was run, and what came out"),
    )

    def __repr__(self) -> str:
        rows = self._said()
        widths = [max(width(row[column]) for row in rows) for column in range(4)]
        lines = (
            "  ".join([*(ljust(cell, w) for cell, w in zip(row, widths, strict=False)), row[4]])
            for row in rows
        )
        return "\n".join(lines)

    def _repr_html_(self) -> str:
        def line(cells, tag):
            cells = "".join(f'<{tag} style="text-align: left">{cell}</{tag}>' for cell in cells)
            return f"<tr>{cells}</tr>"

        head, *rows = self._said()
        body = "".join(line(row, "td") for row in rows)
        return f"<table><thead>{line(head, 'th')}</thead><tbody>{body}</tbody></table>"

    def _said(self):
        """The columns, and all rows, in the language that is spoken now."""
        return [[say(cell) for cell in row] for row in (self.columns, *self)]


def theory() -> Table:
    """The table of all factors, each kind with what was run for it."""
    return Table(
        (
            _same_row(N_("input"), N_("batch of groups"), N_("one by one"), GROUPED, "input"),
            _same_row(N_("projections"), N_("one matrix"), N_("three a head"), BARE, "projections"),
            _same_row(
                N_("order of merged heads"), N_("d before h"), N_("h before d"), BARE, "merge"
            ),
            _returned_row(),
            _row(N_("key bias"), N_("optional"), N_("none"), _Biased(key=True), _Biased()),
            _same_row(
                N_("query bias"),
                N_("optional"),
                N_("none"),
                turned(BARE, query_bias=True),
                "query_bias",
            ),
            _same_row(
                N_("output bias"),
                N_("yes"),
                N_("none"),
                turned(BARE, output_bias=True),
                "output_bias",
            ),
            _same_row(N_("who sees whom"), N_("own group"), N_("all"), GROUPED, "sees"),
            _same_row(
                N_("parameters of the groups"), N_("shared"), N_("own"), GROUPED, "group_parameters"
            ),
            _row(
                N_("width of the branch"),
                "C",
                N_("C / G in the local one"),
                SelfAttention(WIDTH, WIDTH, heads=4),
                SelfAttention(WIDTH, WIDTH // 4, heads=4),
            ),
            _same_row(
                N_("positions in the scores"), N_("none"), N_("sinusoids"), BARE, "positions"
            ),
            _same_row(N_("fusion"), N_("none"), N_("rows normalised, add"), BARE, "fusion"),
            _same_row(N_("scale"), "D^-½", "1", BARE, "scale"),
            _row(
                N_("value bias, beside an output bias"),
                N_("optional"),
                N_("none"),
                _Biased(value=True),
                _Biased(),
            ),
            _initial_row(),
            _dropout_row(),
        )
    )


def after_one_step(f: torch.nn.Module, g: torch.nn.Module, move: Move, rate: float = 0.1) -> float:
    """How far apart two equal functions are after one step of gradient descent on one loss.

    `move` writes f's parameters into g, after which both are the same function. Both then take one
    step towards the same random targets.
    """
    torch.manual_seed(0)
    x, target = torch.randn(2, 16, WIDTH, dtype=torch.float64)
    f, g = f.double(), g.double()
    exec(move.code, {"f": f, "g": g})
    for module in (f, g):
        optimiser = torch.optim.SGD(module.parameters(), rate)
        (module(x)[0] - target).square().sum().backward()
        optimiser.step()
    return relative_difference(f(x)[0], g(x)[0])


def start_entropy(initial: str, scale: str, width: int = 1024, length: int = 320) -> float:
    """Entropy of the untrained maps of a style, as a part of that of uniform attention."""
    torch.manual_seed(0)
    dials = turned(BARE, initial=initial, scale=scale)
    _, maps = DialledAttention(dials, width, 8)(torch.randn(length, width))
    return evenness(entropy(maps.main[0].weights().double()).flatten(), length).item()


class _Biased(nn.Module):
    """Plain attention, one matrix each; keys and values may have a bias, the output has one."""

    def __init__(self, key: bool = False, value: bool = False):
        super().__init__()
        self.query = nn.Linear(WIDTH, WIDTH, bias=False)
        self.key = nn.Linear(WIDTH, WIDTH, bias=key)
        self.value = nn.Linear(WIDTH, WIDTH, bias=value)
        self.out = nn.Linear(WIDTH, WIDTH)

    def forward(self, x):
        """(…, L, C) -> y, map."""
        q, k, v = (split_heads(part(x), HEADS) for part in (self.query, self.key, self.value))
        y, weights = attention(q, k, v)
        return self.out(merge_heads(y)), weights


def _same_row(factor, nest, pglsum, base, dial) -> Row:
    """Two modules that differ in one dial."""
    return _row(factor, nest, pglsum, *_pair(base, dial))


def _row(factor, nest, pglsum, f, g) -> Row:
    """Two modules given to `same`, and then to one step of gradient descent."""
    finding = same(f, g)
    if finding.verdict == "different":
        return Row(factor, nest, pglsum, FUNCTION, _why(finding))
    if finding.verdict == "undecided":
        why = say("; ").join(map(str, (finding.forth, finding.back)))
        return Row(factor, nest, pglsum, UNDECIDED, why)
    if finding.forth.code is None:  # nothing to run before the step
        return Row(factor, nest, pglsum, UNDECIDED, finding.forth.text)
    lines = finding.forth.code.split("no_grad():\n")[1].splitlines()
    unmoved = all(map(UNMOVED.fullmatch, lines))
    apart = after_one_step(f, g, finding.forth)
    kept = apart < 1e-9
    evidence = say(STEPPED[unmoved, kept], apart=apart)
    return Row(factor, nest, pglsum, NOTATION if kept else TRAINING, evidence)


def _pair(base, dial):
    settings = (base, turned(base, **{dial: PGLSUM[dial]}))
    return [DialledAttention(dials, WIDTH, HEADS, GROUPS) for dials in settings]


def _why(finding: Finding) -> str:
    """A witness; where there is none, what stands in the way of a move."""
    reasons = dict.fromkeys(way for way in (finding.forth, finding.back) if isinstance(way, str))
    return next(iter(finding.witnesses), say("; ").join(reasons))


def _returned_row() -> Row:
    """A map that was not returned can be rebuilt."""
    torch.manual_seed(0)
    module = DialledAttention(PGLSUM, WIDTH, HEADS, GROUPS).double()
    x = torch.randn(16, WIDTH, dtype=torch.float64)
    _, maps = module(x)
    q, k = (x @ module.main["qkv"][0, part, -1].mT for part in (0, 1))  # the last head
    index = torch.arange(16)
    scores = q @ k.mT + AbsolutePositions(16, WIDTH)(index[:, None], index)
    left = (maps.main[0].weights()[-1] - scores.softmax(-1)).abs().max()
    if left < 1e-12:
        evidence = say("the last head's map, rebuilt from q and k: equal up to rounding")
    else:
        evidence = say("the last head's map, rebuilt from q and k: {left:.1g} apart", left=left)
    return Row(N_("returned map"), N_("none"), N_("last head's"), NOTATION, evidence)


def _initial_row() -> Row:
    nest, pglsum = (start_entropy(end["initial"], "1/√D") for end in (NEST, PGLSUM))
    unscaled = start_entropy(PGLSUM["initial"], PGLSUM["scale"])
    evidence = say(
        "untrained maps (C = 1024, L = 320) have {nest:.0%} and {pglsum:.0%} of the entropy of "
        "uniform ones, both with NesT's scale; PGL-SUM's with its own {unscaled:.0%}",
        nest=nest,
        pglsum=pglsum,
        unscaled=unscaled,
    )
    ends = N_("normal, .02"), N_("Xavier, gain √2")
    return Row(N_("initial parameters"), *ends, TRAINING, evidence)


def _dropout_row() -> Row:
    torch.manual_seed(0)
    module = DialledAttention(turned(BARE, dropout=PGLSUM["dropout"]), WIDTH, HEADS, GROUPS)
    x = torch.randn(16, WIDTH)
    training = relative_difference(module(x)[0], module(x)[0])
    module.eval()
    using = relative_difference(module(x)[0], module(x)[0])
    evidence = say(
        "the same call twice: {training:.2f} apart in training, {using:.0f} apart in use",
        training=training,
        using=using,
    )
    return Row(N_("dropout of weights"), "0", "0.5", TRAINING, evidence)
