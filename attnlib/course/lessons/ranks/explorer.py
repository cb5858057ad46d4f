"""A ring of ranks, step by step: whose keys are where, which tiles are computed, who waits."""

from matplotlib.figure import Figure

from attnlib.checks import check_count
from attnlib.course.language import paragraph, say
from attnlib.course.lessons.ranks.figures import plot_ring
from attnlib.course.lessons.ranks.ring import DEALS, held, pairs, source, waiting
from attnlib.course.widgets.controls import choice, labelled, slider, tick
from attnlib.course.widgets.explorer import Explorer

RANKS = (2, 3, 4)
LENGTH = 24  # tokens: two pieces each for 2, 3 and 4 ranks


def draw_ring(ranks: int, causal: bool, deal: str, step: int) -> tuple[Figure, str]:
    """The ring of so many ranks at that step, from 1 on, over 24 tokens; and what is seen."""
    check_count("ranks", ranks)
    if not 1 <= step <= ranks:
        raise ValueError(f"step={step} must lie in 1 … {ranks}, since ranks={ranks}")
    tokens = held(LENGTH, ranks, deal)
    return plot_ring(tokens, causal, step - 1), _read(pairs(tokens, causal), step, ranks)


def explore_ring() -> Explorer:
    """Turn a ring: 2 to 4 ranks, causal or not, the sequence cut in one way or another."""
    controls = {
        "ranks": choice(say("ranks"), 4, RANKS),
        "causal": tick(say("causal: a query sees no later key"), False),
        "deal": labelled(say("what a rank holds"), "contiguous", DEALS),
        "step": slider(say("step"), 1, 1, max(RANKS)),
    }
    offers = {"step": lambda ranks, **_: range(1, ranks + 1)}
    return Explorer("explore_ring", draw_ring, controls, offers)


def _read(counts, step, ranks):
    now = counts[step - 1].tolist()
    return paragraph(
        _whose(step, ranks),
        say("Pairs, rank by rank: {pairs}.", pairs=", ".join(map(str, now))),
        _idle(now),
        say(
            "Over all {ranks} steps the ranks wait for {share} of their time, if each pair takes "
            "equally long.",
            ranks=ranks,
            share=f"{waiting(counts):.0%}",
        ),
    )


def _whose(step, ranks):
    if step == 1:
        return say("Step 1 of {ranks}: each rank has its own keys.", ranks=ranks)
    return say(
        "Step {step} of {ranks}: rank 0 has the keys of rank {source}, each other rank those that "
        "the rank before it had.",
        step=step,
        ranks=ranks,
        source=source(0, step - 1, ranks),
    )


def _idle(now):
    idle = [str(rank) for rank, count in enumerate(now) if count == 0]
    if not idle:
        return ""
    if len(idle) == 1:
        return say("Rank {rank} has nothing to do.", rank=idle[0])
    return say("Ranks {ranks} have nothing to do.", ranks=", ".join(idle))
