"""Four networks of one seed, which the reader trains: with and without the scale, two starts."""

from collections.abc import Callable, Mapping
from itertools import product

from matplotlib.figure import Figure

from attnlib.course.experiments.study.conditions import part
from attnlib.course.experiments.study.design import SCALES, STARTS, Cell, core
from attnlib.course.experiments.study.results import Results, accuracies, rates
from attnlib.course.experiments.study.run import train
from attnlib.course.figures.narrow import lines, panels, redrawn, styled
from attnlib.course.figures.style import ENDS, closed
from attnlib.course.language import say

SEES = "all + own"
WITH = {scale: f"scale = {scale}" for scale in SCALES}  # as a condition's part
Corners = Mapping[tuple[str, str], float]  # (scale, start) -> accuracy, in points


def cell(scale: str, start: str, task: str = "local") -> Cell:
    """One of the four: two branches, one sees all tokens, one its own group."""
    return Cell(task, core(SEES, scale, start), 1)


def train_four(results: Results, seed: int, tell: Callable[[str], None] = print) -> Corners:
    """Train the four networks of one seed, as the study did: some twenty seconds, told one by one.

    Args:
        results: of the study; the learning rate of each cell is taken from them.
    """
    chosen, found = rates(results), {}
    for start, scale in product(STARTS, SCALES):
        here = cell(scale, start)
        (share,) = train(here, (seed,), chosen[here], "result")["accuracies"]
        found[scale, start] = 100 * share
        tell(
            say(
                "{start}, {scale}: {points:.0f} % right",
                start=part(start),
                scale=part(WITH[scale]),
                points=100 * share,
            )
        )
    return found


@redrawn
def plot_four(results: Results, mine: Corners) -> Figure:
    """A line a start, from "with the scale" to "without": thin all stored seeds, thick yours.

    Lines that run side by side would say: what the scale does, does not hang on the start.
    """
    points = accuracies(results)
    with styled({"font.size": 14}):
        fig, (axis,) = panels(1, (7.6, 4.4), 3.4)
        # The name of the higher line stands above its end, the lower's below: never on each other.
        higher = max(STARTS, key=lambda start: mine[SCALES[1], start])
        for start, colour in zip(STARTS, ENDS, strict=True):
            ends = [points[cell(scale, start)] for scale in SCALES]
            for seed in sorted(ends[0].keys() & ends[1].keys()):
                axis.plot((0, 1), [end[seed] for end in ends], color=colour, alpha=0.25, lw=1)
            drawn = [mine[scale, start] for scale in SCALES]
            axis.plot((0, 1), drawn, "o-", color=colour, ms=10, lw=3)
            axis.annotate(
                lines(part(start), 10), (1, drawn[1]), (12, 0),
                textcoords="offset points", va="bottom" if start == higher else "top",
                color=colour, weight="bold",
            )  # fmt: skip
        axis.set_xticks((0, 1), [part(WITH[scale]) for scale in SCALES])
        axis.set_xlim(-0.25, 1.25)
        axis.set_ylabel(say("right answers, in percent"))
        axis.spines[["top", "right"]].set_visible(False)
    return closed(fig)


def apart(four: Corners) -> tuple[float, float, float]:
    """What leaving out the scale does with NesT's start, with PGL-SUM's, and their difference."""
    with_, without = SCALES
    nest, pglsum = (four[without, start] - four[with_, start] for start in STARTS)
    return nest, pglsum, nest - pglsum


def read_four(four: Corners) -> str:
    """The three numbers of `apart` in one sentence."""
    nest, pglsum, between = apart(four)
    return say(
        "Leaving out the scale: {nest:+.1f} points with NesT's start, {pglsum:+.1f} with "
        "PGL-SUM's. Their difference, the interaction: {between:.1f}.",
        nest=nest,
        pglsum=pglsum,
        between=between,
    )
