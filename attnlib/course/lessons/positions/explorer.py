"""Positions: none, absolute or relative, added to the scores or to the input."""

from collections.abc import Callable

import torch
from matplotlib.figure import Figure
from torch import Tensor

from attnlib.attention import attention
from attnlib.course.figures.maps import read_map
from attnlib.course.lessons.positions.figures import plot_positions
from attnlib.course.widgets.controls import choice, slider
from attnlib.course.widgets.explorer import Explorer
from attnlib.course.widgets.formatting import either, two
from attnlib.positions import AbsolutePositions, PositionsByLength
from attnlib.scores import scores

KINDS = (None, "absolute", "relative")
PLACES = ("scores", "input")
TOKENS = ("all alike", "frames")
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
        "positions": choice("positions", "relative", KINDS),
        "where": choice("added to", "scores", PLACES),
        "freq": choice("freq", 10000, (10, 100, 1000, 10000)),
        "length": slider("L", min(13, len(x)), SHORTEST, len(x)),
        "tokens": choice("tokens", "all alike", TOKENS),
    }
    return Explorer("explore_positions", positions_drawer(x), controls)


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


def _read(positions, where, change, weights):
    length = len(change)
    if weights.max() - weights.min() < 1e-9:
        seen = f"All weights are 1/{length} = {two(weights[0, 0])}."
    else:
        seen = f"Weights: {read_map(weights).removeprefix('Head 0: ')}"
    if positions is None:
        return f"No positions: the scores do not change. {seen}"
    moved = (change[2:, 2:] - change[:-2, :-2]).abs().max()
    said = (
        "nothing: it depends on j − i alone"
        if moved < 1e-9
        else f"up to {two(moved)}: it depends on more than j − i"
    )
    odd = f"L = {length} is odd: the last column is all 0. "
    return (
        f"{positions} on the {where}: the scores change by {two(change.min())} to "
        f"{two(change.max())}. Moving i and j together by 2 changes that by {said}. "
        f"{odd if where == 'scores' and length % 2 else ''}{seen}"
    )
