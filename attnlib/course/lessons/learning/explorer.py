"""A digit in a trained NesT: whom a place of the picture attends to, at each level."""

from base64 import b64encode
from collections.abc import Callable, Sequence
from pathlib import Path

import torch
from einops import rearrange
from matplotlib.figure import Figure
from torch import Tensor

from attnlib.course.evenness import entropy, evenness
from attnlib.course.language import paragraph, say
from attnlib.course.lessons.learning.figures import Looked, plot_levels
from attnlib.course.models.nest import NestClassifier
from attnlib.course.widgets.controls import choice, slider
from attnlib.course.widgets.drawn import Drawn, as_address, script
from attnlib.layout import blockify, deblockify

MEAN = "mean"  # of all heads, in place of the number of one
NEARLY = 0.95  # relative to the entropy of equal weights; above it there is no pattern to describe
MUCH = 0.25  # weights above this are named in the sentence


def levels_drawer(
    network: NestClassifier, pictures: Tensor, labels: Tensor
) -> Callable[..., tuple[Figure, str]]:
    """draw(picture, row, column, head) -> the weights of the tokens at that pixel, level by level.

    Of each level the last layer's map is drawn. Heads with the same number in different levels
    have nothing to do with each other. `head` is a number, or "mean" of all.

    Args:
        network: in eval mode; its first level's tokens are what `row` and `column` count.
        pictures: (n, height, width) in [0, 1], square, 1 is ink.
        labels: (n,) what they show.
    """
    _check_inputs(network, pictures, labels)
    guesses, maps = _run(network, pictures)
    sides = [_side(weights) for weights in maps]
    heads = _heads(maps)

    def draw(picture: int, row: int, column: int, head: int | str) -> tuple[Figure, str]:
        _check(picture, len(pictures), row, column, sides[0], head, heads)
        levels = []
        for weights, side in zip(maps, sides, strict=True):
            shown = weights[picture]  # (G, H, N, N)
            shown = shown.mean(1) if head == MEAN else shown[:, head]  # (G, N, N)
            place = (row * side // sides[0], column * side // sides[0])
            levels.append(_looked(shown, place, side))
        told = {"digit": labels[picture], "guess": guesses[picture]}
        said = paragraph(say("A {digit}, taken for a {guess}.", **told), *_read(levels))
        return plot_levels(pictures[picture], levels), said

    return draw


class LevelsExplorer(Drawn):
    """See `levels_drawer`."""

    source = Path(__file__).with_name("explorer.js")
    _esm = script(source)


def explore_levels(network: NestClassifier, pictures: Tensor, labels: Tensor) -> Drawn:
    """Choose a picture, a place in it and a head. See `levels_drawer`."""
    draw = levels_drawer(network, pictures, labels)
    guesses, maps = _run(network, pictures)
    side = _side(maps[0])
    controls = {
        "picture": slider(say("picture"), 0, 0, len(pictures) - 1),
        "row": slider(say("row"), side // 2, 0, side - 1),
        "column": slider(say("column"), side // 2, 0, side - 1),
        "head": choice(say("head"), MEAN, ((say("mean of all"), MEAN), *_heads(maps))),
    }
    numbers = {
        "pictures": [as_address(1 - picture) for picture in pictures],
        "labels": labels.tolist(),
        "guesses": guesses.tolist(),
        "levels": [_told(weights) for weights in maps],
    }
    return LevelsExplorer("explore_levels", draw, controls, numbers=numbers)


def _run(network, pictures) -> tuple[Tensor, Sequence[Tensor]]:
    """What it takes each for, and of every level the last layer's weights, (n, G, H, N, N)."""
    with torch.no_grad():
        logits, maps = network(pictures[:, None])
    return logits.argmax(-1), [of_level[-1].detach().weights() for of_level in maps]


def _told(weights):
    """A level, for explorer.js: its weights are float32, of shape (n, H, G, N, N)."""
    numbers = rearrange(weights, "n G H N M -> n H G N M").float().numpy(force=True)
    return {
        "side": _side(weights),
        "block": round(weights.shape[-1] ** 0.5),
        "heads": weights.shape[2],
        "weights": b64encode(numbers.astype("<f4").tobytes()).decode(),
    }


def _side(map_or_weights):
    """Tokens along an edge of the picture, from (n, G, H, N, N)."""
    _, groups, _, tokens, _ = map_or_weights.shape
    return round((groups * tokens) ** 0.5)


def _heads(maps):
    """The numbers of the heads that every level has."""
    return tuple(range(min(weights.shape[2] for weights in maps)))


def _looked(weights, place, side):
    """(G, N, N) weights of a level and the row and column of a token -> whom it attends to."""
    block_size = round(weights.shape[-1] ** 0.5)
    index = torch.arange(side**2).view(side, side, 1)
    blocks = blockify(index, block_size).squeeze(-1)  # (G, N) the place of every token
    group, token = (blocks == place[0] * side + place[1]).nonzero()[0].tolist()
    spread = torch.zeros(weights.shape[:2])  # (G, N): nothing outside its block
    spread[group] = weights[group, token]
    spread = deblockify(spread[..., None], block_size, side, side)
    return Looked(rearrange(spread, "row col 1 -> row col"), place, block_size)


def _read(levels):
    """In coarse words, because training on another machine ends at slightly different weights."""
    for number, (weights, _, block_size) in enumerate(levels, 1):
        keys = block_size**2  # those of its block; outside it all weights are 0
        level = {"number": number, "keys": keys}
        if evenness(entropy(weights.flatten()[None]), keys) > NEARLY:
            yield say(
                "Level {number}, {keys} keys: nearly equal weights (entropy above {nearly:.0%}).",
                nearly=NEARLY,
                **level,
            )
        elif weights.max() > MUCH:
            row, column = divmod(weights.argmax().item(), weights.shape[1])
            yield say(
                "Level {number}, {keys} keys: more than a quarter of the weight goes to row {row}, "
                "column {column}.",
                row=row,
                column=column,
                **level,
            )
        else:
            yield say(
                "Level {number}, {keys} keys: unequal weights, but no key gets more than a "
                "quarter.",
                **level,
            )


def _check_inputs(network, pictures, labels):
    if not isinstance(network, NestClassifier):
        raise TypeError(f"network must be a NestClassifier, got {type(network).__name__}")
    side = network.img_size
    if pictures.dim() != 3 or pictures.shape[1:] != (side, side):
        raise ValueError(f"pictures must be (n, {side}, {side}), got {tuple(pictures.shape)}")
    if labels.shape != pictures.shape[:1]:
        raise ValueError(f"labels must be ({len(pictures)},), got {tuple(labels.shape)}")


def _check(picture, count, row, column, side, head, heads):
    for name, value, most in (
        ("picture", picture, count),
        ("row", row, side),
        ("column", column, side),
    ):
        if not 0 <= value < most:
            raise ValueError(f"{name}={value} must lie in 0 … {most - 1}")
    if head not in (MEAN, *heads):
        raise ValueError(f"head must be {MEAN!r} or in 0 … {len(heads) - 1}, got {head!r}")
