"""One head of a trained transformer on a sentence: its map, and what is seen in it."""

from collections.abc import Callable, Sequence

import torch
from matplotlib.figure import Figure
from torch import Tensor

from attnlib.course.lessons.transformer.figures import plot_words
from attnlib.course.lessons.transformer.head_kinds import beside, every_head, on_token
from attnlib.course.models.minilm.model import HEADS, LAYERS, MiniLM
from attnlib.course.widgets.controls import choice, slider
from attnlib.course.widgets.explorer import Explorer

MUCH = 1 / 3  # of the weight, on average: a head that gives so much has one habit


def words_drawer(model: MiniLM) -> Callable[[str, int, int], tuple[Figure, str]]:
    """draw(sentence, layer, head) -> the map of that head with its tokens, and what is seen."""

    def draw(sentence: str, layer: int, head: int) -> tuple[Figure, str]:
        for name, value, most in (("layer", layer, LAYERS), ("head", head, HEADS)):
            if not 0 <= value < most:
                raise ValueError(f"{name}={value} must lie in 0 … {most - 1}")
        names = model.pieces(sentence)
        _, maps = model(sentence)
        weights = every_head(maps)[layer, head]
        title = f"layer {layer}, head {head}"
        said = f"Layer {layer}, head {head}. {_habit(maps, layer, head)}{_pair(weights, names)}"
        return plot_words({title: (weights, names)}), said

    return draw


def explore_words(model: MiniLM, sentences: Sequence[str]) -> Explorer:
    """Choose a sentence, a layer and a head. See `words_drawer`."""
    if not sentences:
        raise ValueError("sentences must be at least one, got none")
    controls = {
        "sentence": choice("sentence", sentences[0], sentences),
        "layer": slider("layer", 0, 0, LAYERS - 1),
        "head": slider("head", 2, 0, HEADS - 1),
    }
    controls["sentence"].layout.width = "36em"
    return Explorer("explore_words", words_drawer(model), controls)


def _habit(maps, layer, head):
    """Which of five places that are easy to name gets most, on average."""
    found = {
        "the token before": beside(maps, -1),
        "the token itself": beside(maps, 0),
        "the token after": beside(maps, 1),
        "[CLS]": on_token(maps, 0),
        "[SEP]": on_token(maps, -1),
    }
    shares = {where: each[layer, head].item() for where, each in found.items()}
    where = max(shares, key=shares.get)
    equal = f"equal weights would give {1 / maps[0].shape[-1]:.0%}"
    if shares[where] < MUCH:
        return (
            "Neither the token before, itself, the one after, [CLS] nor [SEP] gets a third of the "
            f"weight: the most has {where}, {shares[where]:.0%} on average ({equal})."
        )
    return f"On average, a token gives {shares[where]:.0%} of its weight to {where} ({equal})."


def _pair(weights: Tensor, names):
    """The largest weight between two words: neither [CLS] nor [SEP], nor a word on itself."""
    between = weights[1:-1, 1:-1].clone()
    between.fill_diagonal_(-torch.inf)
    if len(between) < 2:
        return ""
    query, key = divmod(between.argmax().item(), len(between))
    return (
        f" The largest weight between two words: “{names[query + 1]}” gives "
        f"{between[query, key]:.2f} to “{names[key + 1]}”."
    )
