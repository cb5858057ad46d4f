"""A head of MiniLM at work on a sentence: its map, with the words, and where one word looks."""

from collections.abc import Callable, Sequence

from matplotlib.figure import Figure

from attnlib.course.lessons.transformer.figures import plot_words
from attnlib.course.models.minilm.model import HEADS, LAYERS, MiniLM
from attnlib.course.widgets.controls import choice, slider
from attnlib.course.widgets.explorer import Explorer
from attnlib.course.widgets.formatting import two


def words_drawer(
    network: MiniLM, sentences: Sequence[str]
) -> Callable[[int, int, int, int], tuple[Figure, str]]:
    """draw(sentence, layer, head, word) -> the head's map, and the keys that a word looks at most.

    `sentence` is a number; `word` counts the tokens of the sentence, [CLS] is 0.
    """
    seen = [(network.pieces(text), network(text)[1]) for text in sentences]

    def draw(sentence: int, layer: int, head: int, word: int) -> tuple[Figure, str]:
        names, maps = seen[sentence]
        if word >= len(names):
            raise ValueError(f"word={word} must be below {len(names)}, the tokens of this sentence")
        weights = maps[layer].weights()[head]  # (N, N)
        title = f"layer {layer}, head {head}"
        return plot_words({title: (weights, names)}), _read(title, weights[word], names, word)

    return draw


def explore_words(network: MiniLM, sentences: Sequence[str]) -> Explorer:
    """Choose a sentence, a layer, a head and a word. See `words_drawer`."""
    draw = words_drawer(network, sentences)
    longest = max(len(network.pieces(text)) for text in sentences)
    controls = {
        "sentence": choice("sentence", 0, range(len(sentences))),
        "layer": slider("layer", 3, 0, LAYERS - 1),
        "head": slider("head", 1, 0, HEADS - 1),
        "word": slider("word i", 9, 0, longest - 1),
    }
    return Explorer("explore_words", draw, controls)


def _read(title, row, names, word):
    values, keys = row.sort(descending=True)
    most = ", ".join(
        f"“{names[key]}” {two(value)}" for value, key in zip(values[:3], keys[:3], strict=True)
    )
    return (
        f"{title[0].upper()}{title[1:]}: “{names[word]}” (token {word}) looks most at {most}. "
        f"Equal weights would be {two(1 / len(names))}."
    )
