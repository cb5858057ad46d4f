"""Positions: none, absolute or relative, added to the scores or to the input."""

from collections.abc import Callable

import torch
from matplotlib.figure import Figure
from torch import Tensor

from attnlib.attention import attention
from attnlib.course.evenness import entropy, evenness, keys_seen
from attnlib.course.language import N_, paragraph, say
from attnlib.course.lessons.positions.figures import plot_positions
from attnlib.course.widgets.controls import choice, labelled, slider, states
from attnlib.course.widgets.explorer import Explorer
from attnlib.course.widgets.formatting import either, two
from attnlib.positions import AbsolutePositions, PositionsByLength
from attnlib.scores import scores

KINDS = {None: N_("none"), "absolute": N_("absolute"), "relative": N_("relative")}
PLACES = {"scores": N_("scores"), "input": N_("input")}
FREQS = (10, 100, 1000, 10000)
TOKENS = {"alike": N_("all alike"), "frames": N_("frames")}
SHORTEST = 4  # a shift by 2 needs at least this many frames


def positions_drawer(x: Tensor) -> Callable[..., tuple[Figure, str]]:
    """draw(positions, where, freq, length, tokens) -> the change of the scores, the weights.

    Queries and keys are the tokens themselves, in one head with scale C^-½: what is seen comes from
    tokens and positions, not from parameters.

    Args:
        x: (L, C) features of real frames, L at least 4; the first `length` of them are drawn.
    """
    if x.dim() != 2 or len(x) < SHORTEST:
        raise ValueError(f"x must be (L, C), L at least {SHORTEST}, got shape {tuple(x.shape)}")
    x = x.double()

    def draw(
        positions: str | None, where: str, freq: float, length: int, tokens: str
    ) -> tuple[Figure, str]:
        _check(positions, where, freq, length, len(x), tokens)
        plain = x[:length] if tokens == "frames" else torch.zeros_like(x[:length])
        bias, moved = None, plain
        if where == "scores":
            bias = PositionsByLength(positions, x.shape[-1], freq)(length)
        elif positions == "absolute":
            moved = plain + _sinusoids(length, x.shape[-1], freq)
        q, scale = moved[None], x.shape[-1] ** -0.5  # q: (H, N, D), of one head
        _, weights = attention(q, q, q, scale=scale, bias=bias)
        change = (scores(q, q, scale, bias) - scores(plain[None], plain[None], scale))[0]
        weights = weights.weights()[0]
        return plot_positions(change, weights), _read(positions, where, change, weights)

    return draw


def explore_positions(x: Tensor) -> Explorer:
    """Choose positions and where they are added. See `positions_drawer`."""
    controls = {
        "positions": labelled(say("positions"), "relative", KINDS),
        "where": labelled(say("added to"), "scores", PLACES),
        "freq": choice(say("freq"), 10000, FREQS),
        "length": slider("L", min(13, len(x)), SHORTEST, len(x)),
        "tokens": labelled(say("tokens"), "alike", TOKENS),
    }
    offers = {"where": _places, "freq": _freqs}
    recorded = states(controls, length=_three(x), freq=(FREQS[0], FREQS[-1]))
    return Explorer("explore_positions", positions_drawer(x), controls, offers, recorded=recorded)


def _three(x):
    """Lengths for a page: the shortest, one between and the longest."""
    return sorted({SHORTEST, (SHORTEST + len(x)) // 2, len(x)})


def _places(positions, where, **_):
    """Those of pairs cannot be added to tokens; none can be added anywhere."""
    return {None: (where,), "relative": ("scores",)}.get(positions, PLACES)


def _freqs(positions, freq, **_):
    return FREQS if positions else (freq,)


def _sinusoids(length, width, freq):
    """(L, C) the usual table: the library's function, its columns taken for channels again."""
    index, channel = torch.arange(length)[:, None], torch.arange(width)[None]
    return AbsolutePositions(width, width, freq)(index, channel)


def _check(positions, where, freq, length, longest, tokens):
    for name, value, known in (
        ("positions", positions, KINDS),
        ("where", where, PLACES),
        ("tokens", tokens, TOKENS),
    ):
        if value not in known:
            raise ValueError(f"{name} must be {either(known)}, got {value!r}")
    if not freq > 0:
        raise ValueError(f"freq must be above 0, got {freq!r}")
    if not SHORTEST <= length <= longest:
        raise ValueError(f"length={length} must lie in {SHORTEST} … {longest}")
    if positions == "relative" and where == "input":
        raise ValueError(
            "positions='relative' belong to pairs (i, j): to the input, one token at a time, they "
            "cannot be added. Take where='scores', or positions='absolute'"
        )


CHANGE = {
    ("absolute", "scores"): N_("absolute on the scores: the scores change by {low} to {high}."),
    ("relative", "scores"): N_("relative on the scores: the scores change by {low} to {high}."),
    ("absolute", "input"): N_("absolute on the input: the scores change by {low} to {high}."),
}


def _read(positions, where, change, weights):
    if positions is None:
        said = say("No positions: the scores do not change.")
        return paragraph(said, _read_weights(weights))
    length = len(change)
    odd = where == "scores" and length % 2
    return paragraph(
        say(CHANGE[positions, where], low=two(change.min()), high=two(change.max())),
        _read_moved((change[2:, 2:] - change[:-2, :-2]).abs().max()),
        say("L = {length} is odd: the last column is all 0.", length=length) if odd else "",
        _read_weights(weights),
    )


def _read_moved(moved):
    if moved < 1e-9:
        return say(
            "Moving i and j together by 2 changes that by nothing: it depends on j − i alone."
        )
    return say(
        "Moving i and j together by 2 changes that by up to {moved}: it depends on more than "
        "j − i.",
        moved=two(moved),
    )


def _read_weights(weights):
    length = len(weights)
    if weights.max() - weights.min() < 1e-9:
        told = {"length": length, "weight": two(weights[0, 0])}
        return say("All weights are 1/{length} = {weight}.", **told)
    seen, weights = keys_seen(weights), weights.float()  # weights equal up to rounding are equal
    query, key = divmod(weights.argmax().item(), length)
    told = {"weight": two(weights.max()), "query": query, "key": key}
    if seen.max() < 2:
        return say(
            "Weights: the largest weight is {weight} (query {query} on key {key}); no query "
            "spreads its weight over more than one key.",
            **told,
        )
    share = evenness(entropy(weights), seen)
    if seen.min() < length:
        return say(
            "Weights: the largest weight is {weight} (query {query} on key {key}); the entropy is "
            "{share:.0%} of uniform attention's on the keys that each query sees.",
            share=share,
            **told,
        )
    return say(
        "Weights: the largest weight is {weight} (query {query} on key {key}); the entropy is "
        "{share:.0%} of uniform attention's.",
        share=share,
        **told,
    )
