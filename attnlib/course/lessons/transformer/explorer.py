"""One head of a trained transformer on a sentence: its map, and what is seen in it."""

from collections.abc import Callable, Sequence

import torch
from matplotlib.figure import Figure
from torch import Tensor

from attnlib.course.language import N_, paragraph, say
from attnlib.course.lessons.transformer.figures import plot_words
from attnlib.course.lessons.transformer.head_kinds import beside, every_head, on_token
from attnlib.course.models.minilm.model import HEADS, LAYERS, MiniLM
from attnlib.course.widgets.controls import choice, slider, states
from attnlib.course.widgets.explorer import Explorer

MUCH = 1 / 3  # of the weight, on average: a head that gives so much has one habit
# Places that are easy to name: what is said where most of the weight is much, and where it is not.
SAID = {
    "before": (
        N_(
            "On average, a token gives {share:.0%} of its weight to the token before (equal "
            "weights would give {equal:.0%})."
        ),
        N_(
            "Neither the token before, itself, the one after, [CLS] nor [SEP] gets a third of the "
            "weight: the most has the token before, {share:.0%} on average (equal weights would "
            "give {equal:.0%})."
        ),
    ),
    "itself": (
        N_(
            "On average, a token gives {share:.0%} of its weight to the token itself (equal "
            "weights would give {equal:.0%})."
        ),
        N_(
            "Neither the token before, itself, the one after, [CLS] nor [SEP] gets a third of the "
            "weight: the most has the token itself, {share:.0%} on average (equal weights would "
            "give {equal:.0%})."
        ),
    ),
    "after": (
        N_(
            "On average, a token gives {share:.0%} of its weight to the token after (equal "
            "weights would give {equal:.0%})."
        ),
        N_(
            "Neither the token before, itself, the one after, [CLS] nor [SEP] gets a third of the "
            "weight: the most has the token after, {share:.0%} on average (equal weights would "
            "give {equal:.0%})."
        ),
    ),
    "[CLS]": (
        N_(
            "On average, a token gives {share:.0%} of its weight to [CLS] (equal weights would "
            "give {equal:.0%})."
        ),
        N_(
            "Neither the token before, itself, the one after, [CLS] nor [SEP] gets a third of the "
            "weight: the most has [CLS], {share:.0%} on average (equal weights would give "
            "{equal:.0%})."
        ),
    ),
    "[SEP]": (
        N_(
            "On average, a token gives {share:.0%} of its weight to [SEP] (equal weights would "
            "give {equal:.0%})."
        ),
        N_(
            "Neither the token before, itself, the one after, [CLS] nor [SEP] gets a third of the "
            "weight: the most has [SEP], {share:.0%} on average (equal weights would give "
            "{equal:.0%})."
        ),
    ),
}


def words_drawer(model: MiniLM) -> Callable[[str, int, int], tuple[Figure, str]]:
    """draw(sentence, layer, head) -> the map of that head with its tokens, and what is seen."""

    def draw(sentence: str, layer: int, head: int) -> tuple[Figure, str]:
        for name, value, most in (("layer", layer, LAYERS), ("head", head, HEADS)):
            if not 0 <= value < most:
                raise ValueError(f"{name}={value} must lie in 0 … {most - 1}")
        names = model.pieces(sentence)
        _, maps = model(sentence)
        weights = every_head(maps)[layer, head]
        title = say("layer {layer}, head {head}", layer=layer, head=head)
        said = paragraph(
            say("Layer {layer}, head {head}.", layer=layer, head=head),
            _habit(maps, layer, head),
            _pair(weights, names) if len(names) > 3 else "",
        )
        return plot_words({title: (weights, names)}), said

    return draw


def explore_words(model: MiniLM, sentences: Sequence[str]) -> Explorer:
    """Choose a sentence, a layer and a head. See `words_drawer`."""
    if not sentences:
        raise ValueError("sentences must be at least one, got none")
    controls = {
        "sentence": choice(say("sentence"), sentences[0], sentences),
        "layer": slider(say("layer"), 0, 0, LAYERS - 1),
        "head": slider(say("head"), 2, 0, HEADS - 1),
    }
    recorded = states(controls, sentence=sentences[:1])
    return Explorer("explore_words", words_drawer(model), controls, recorded=recorded)


def _habit(maps, layer, head):
    """Which of five places that are easy to name gets most, on average."""
    found = {
        "before": beside(maps, -1),
        "itself": beside(maps, 0),
        "after": beside(maps, 1),
        "[CLS]": on_token(maps, 0),
        "[SEP]": on_token(maps, -1),
    }
    shares = {where: each[layer, head].item() for where, each in found.items()}
    where = max(shares, key=shares.get)
    much, little = SAID[where]
    message = little if shares[where] < MUCH else much
    return say(message, share=shares[where], equal=1 / maps[0].shape[-1])


def _pair(weights: Tensor, names):
    """The largest weight between two words: neither [CLS] nor [SEP], nor a word on itself."""
    between = weights[1:-1, 1:-1].clone()
    between.fill_diagonal_(-torch.inf)
    query, key = divmod(between.argmax().item(), len(between))
    return say(
        "The largest weight between two words: “{query}” gives {weight:.2f} to “{key}”.",
        query=names[query + 1],
        weight=between[query, key],
        key=names[key + 1],
    )
