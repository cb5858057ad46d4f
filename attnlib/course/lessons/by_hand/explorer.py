"""Where a weight comes from: q·k, scale, temperature, softmax."""

from collections.abc import Callable
from pathlib import Path

import torch
from matplotlib.figure import Figure
from torch import Tensor

from attnlib.attention import attention
from attnlib.course.language import paragraph, say
from attnlib.course.lessons.by_hand.figures import plot_scores
from attnlib.course.widgets.controls import choice, fine_slider
from attnlib.course.widgets.drawn import Drawn, script
from attnlib.course.widgets.formatting import either, listed, spread, two

OTHERS = ((1.0, 1.0), (-1.2, 0.6), (0.4, -1.4))  # keys 1, 2, 3; key 0 is moved
WIDTHS = (2, 8, 32, 128)
SCALES = ("1/√D", "1")
TEMPERATURES = (0.1, 0.2, 0.5, 1.0, 2.0, 5.0, 10.0)


def scores_drawer() -> Callable[..., tuple[Figure, str]]:
    """draw(q_x, q_y, k_x, k_y, head_dim, scale, temperature) -> the weights of four keys.

    The query and key 0 are given in two coordinates, keys 1 to 3 stand still. A head_dim D over 2
    adds D − 2 coordinates of random numbers to each, the same at every setting.
    """
    rest = _rest()

    def draw(
        q_x: float,
        q_y: float,
        k_x: float,
        k_y: float,
        head_dim: int = 2,
        scale: str = "1/√D",
        temperature: float = 1.0,
    ) -> tuple[Figure, str]:
        _check(head_dim, scale, temperature)
        plane = torch.tensor([(q_x, q_y), (k_x, k_y), *OTHERS], dtype=torch.float64)
        vectors = torch.cat([plane, rest[:, : head_dim - 2]], -1)
        q, k = vectors[None, :1], vectors[None, 1:]  # (H, N, D) and (H, M, D): 1 head, 1 query
        factor = head_dim**-0.5 if scale == "1/√D" else 1.0
        _, weights = attention(q, k, k, scale=factor / temperature)
        # By hand: a matrix product rounds otherwise on every machine, and in JavaScript.
        products, row = (q * k).sum(-1).flatten(), weights.weights().flatten()
        scores = products * factor / temperature
        titles = ("q·k", _title(scale, temperature), say("weights"))
        bars = (products, scores, row)
        figure = plot_scores(plane[0], plane[1:], titles, bars, head_dim)
        return figure, _read(head_dim, scale, factor, temperature, *bars)

    return draw


class ScoresExplorer(Drawn):
    """See `scores_drawer`."""

    source = Path(__file__).with_name("explorer.js")
    _esm = script(source)


def explore_scores() -> Drawn:
    """Drag a query and a key: what becomes of the weights? See `scores_drawer`."""
    controls = {
        "q_x": fine_slider(say("q, across"), 1.2, -2, 2),
        "q_y": fine_slider(say("q, up"), 0.3, -2, 2),
        "k_x": fine_slider(say("key 0, across"), 1.6, -2, 2),
        "k_y": fine_slider(say("key 0, up"), -0.5, -2, 2),
        "head_dim": choice("D", 2, WIDTHS),
        "scale": choice(say("scale"), "1/√D", SCALES),
        "temperature": choice(say("temperature"), 1.0, TEMPERATURES),
    }
    numbers = {"others": OTHERS, "rest": _rest().tolist()}
    return ScoresExplorer("explore_scores", scores_drawer(), controls, numbers=numbers)


def _rest() -> Tensor:
    """What the query, key 0 and the others have beyond the plane."""
    shape = (1 + 1 + len(OTHERS), max(WIDTHS) - 2)
    return torch.randn(shape, generator=torch.Generator().manual_seed(0), dtype=torch.float64)


def _check(head_dim, scale, temperature):
    if head_dim not in WIDTHS:
        raise ValueError(f"head_dim must be {either(WIDTHS)}, got {head_dim!r}")
    if scale not in SCALES:
        raise ValueError(f"scale must be {either(SCALES)}, got {scale!r}")
    if not temperature > 0:
        raise ValueError(f"temperature must be above 0, got {temperature!r}")


def _title(scale, temperature):
    root = " / √D" if scale == "1/√D" else ""
    divided = "" if temperature == 1 else f" / {temperature:g}"
    return say("scores: {formula}", formula=f"q·k{root}{divided}")


def _read(head_dim, scale, factor, temperature, products, scores, weights):
    times = two(factor) if scale == "1" else f"1/√{head_dim} = {two(factor)}"
    sentence = say(
        "q·k of keys 0 to {last}: {products}. Times {times}, over temperature {temperature:g}, the "
        "scores are {scores}. Softmax: {weights}.",
        last=len(products) - 1,
        products=listed(products),
        times=times,
        temperature=temperature,
        scores=listed(scores),
        weights=listed(weights),
    )
    hidden = say(
        "(You see 2 of {head_dim} coordinates; the others are random numbers.)", head_dim=head_dim
    )
    return paragraph(sentence, _read_weights(weights), hidden if head_dim > 2 else "")


def _read_weights(weights):
    """Which keys get most, and how evenly the weights are spread."""
    first = (weights > weights.max() - 1e-9).nonzero().flatten().tolist()
    told = {"most": two(weights.max()), "entropy": spread(weights)}
    if len(first) == len(weights):
        return say(
            "All keys get the same, {most}; the entropy is {entropy} of uniform attention's.",
            **told,
        )
    if len(first) > 1:
        return say(
            "Keys {keys} get most, {most} each; the entropy is {entropy} of uniform attention's.",
            keys=", ".join(map(str, first)),
            **told,
        )
    return say(
        "Key {key} gets most; the entropy is {entropy} of uniform attention's.",
        key=first[0],
        **told,
    )
