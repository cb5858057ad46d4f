"""The explorer shows the map of the head that was chosen, and names where its word looks."""

import pytest
import torch

from attnlib.course.lessons.transformer.explorer import explore_words, words_drawer
from attnlib.course.models.minilm.model import load

SENTENCES = ("The animal did not cross the street because it was too tired.", "A dog bites a man.")


@pytest.fixture(scope="module")
def network():
    return load()


@pytest.mark.parametrize(
    ("sentence", "layer", "head", "word"), [(0, 3, 1, 9), (1, 0, 2, 3), (1, 5, 11, 0)]
)
def test_the_picture_and_the_words_are_the_head_s(network, sentence, layer, head, word):
    figure, said = words_drawer(network, SENTENCES)(sentence, layer, head, word)
    names = network.pieces(SENTENCES[sentence])
    weights = network(SENTENCES[sentence])[1][layer].weights()[head]
    drawn = torch.from_numpy(figure.axes[0].images[0].get_array().filled(0))
    assert drawn.allclose(weights)
    assert [tick.get_text() for tick in figure.axes[0].get_yticklabels()] == names
    most = weights[word].argmax()
    assert f"“{names[word]}” (token {word}) looks most at “{names[most]}”" in said
    assert f"{weights[word, most]:.2f}" in said


def test_a_word_that_the_sentence_has_not_is_named(network):
    with pytest.raises(ValueError, match="word=9 must be below 8, the tokens of this sentence"):
        words_drawer(network, SENTENCES)(1, 0, 0, 9)


def test_the_controls_reach_every_head(network):
    explorer = explore_words(network, SENTENCES)
    explorer.set(layer=5, head=11, word=2)
    assert explorer.sentence.startswith("Layer 5, head 11: “animal” (token 2)")
