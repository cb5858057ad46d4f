"""The map of one head and its sentence, on a small stand-in for the model; and on MiniLM itself."""

import pytest
import torch

from attnlib import attention
from attnlib.course.lessons.transformer.explorer import explore_words, words_drawer
from attnlib.course.models.minilm.model import load

TEXT = "The animal did not cross the street because it was too tired."


class Standin:
    """Cut at blanks; 6 layers of 12 heads. `scores(i, j)` makes layer 1, the others are even."""

    def __init__(self, scores=lambda i, j: torch.zeros(i.shape)):
        self.scores = scores

    def pieces(self, sentence):
        return ["[CLS]", *sentence.split(), "[SEP]"]

    def __call__(self, sentence):
        length = len(self.pieces(sentence))
        x = torch.zeros(12, length, 4)
        place = torch.arange(length)
        bias = self.scores(*torch.broadcast_tensors(place[:, None], place[None])).float()
        maps = [attention(x, x, x, bias=bias if layer == 1 else None)[1] for layer in range(6)]
        return torch.zeros(4), tuple(maps)


def at(step):
    return lambda i, j: 20.0 * (j == i + step)


def at_token(key):
    return lambda i, j: 20.0 * (j == key)


HABITS = {
    "100% of its weight to the token before": at(-1),
    "100% of its weight to the token itself": at(0),
    "100% of its weight to the token after": at(1),
    "100% of its weight to [CLS]": at_token(0),
    "100% of its weight to [SEP]": at_token(5),
}


@pytest.mark.parametrize(("said", "scores"), HABITS.items(), ids=HABITS)
def test_the_sentence_names_the_habit_of_the_head(said, scores):
    draw = words_drawer(Standin(scores))
    assert (
        f"On average, a token gives {said} (equal weights would give 17%)."
        in draw("a cat sees birds", 1, 3)[1]
    )


def test_a_head_without_a_habit_is_said_to_have_none():
    said = words_drawer(Standin())("a cat sees birds", 0, 0)[1]
    assert "Neither the token before, itself, the one after, [CLS] nor [SEP] gets a third" in said
    assert "17% on average (equal weights would give 17%)" in said


def test_the_largest_weight_is_between_two_words():
    def scores(i, j):
        return 9.0 * (j == 0) + 8.0 * ((i == 3) & (j == 2)) + 10.0 * (i == j)

    said = words_drawer(Standin(scores))("a cat sees birds", 1, 0)[1]
    assert said.endswith(f"“sees” gives {torch.tensor([9.0, 8, 10, 0, 0, 0]).softmax(0)[1]:.2f} "
                         "to “cat”.")  # fmt: skip


def test_one_word_has_no_other_to_look_at():
    assert "between two words" not in words_drawer(Standin())("cat", 0, 0)[1]


def test_the_map_is_that_of_the_head_with_its_tokens():
    model = Standin(at(-1))
    for layer in (0, 1):
        axis = words_drawer(model)("a cat sees", layer, 5)[0].axes[0]
        wanted = model("a cat sees")[1][layer].weights()[5]
        assert torch.equal(torch.tensor(axis.images[0].get_array().data), wanted)
        names = ["[CLS]", "a", "cat", "sees", "[SEP]"]
        assert [text.get_text() for text in axis.get_xticklabels()] == names
        assert axis.get_title() == f"layer {layer}, head 5"


@pytest.mark.parametrize(
    ("layer", "head", "said"),
    [(6, 0, "layer=6 must lie in 0 … 5"), (0, 12, "head=12 must lie in 0 … 11")],
)
def test_errors_name_the_argument(layer, head, said):
    with pytest.raises(ValueError, match=f"^{said}$"):
        words_drawer(Standin())("a cat", layer, head)


def test_turning_and_turning_back_gives_the_same_picture():
    explorer = explore_words(Standin(at(-1)), ("a cat sees", "birds"))
    first = explorer.picture
    explorer.set(sentence="birds", layer=1)
    assert explorer.picture != first
    explorer.set(sentence="a cat sees", layer=0)
    assert explorer.picture == first
    assert repr(explorer).startswith("explore_words: Layer 0, head 2. Neither ")


def test_no_sentence_is_refused():
    with pytest.raises(ValueError, match=r"^sentences must be at least one, got none$"):
        explore_words(Standin(), ())


def test_of_minilm_it_says_what_the_lesson_says():
    pytest.importorskip("safetensors")
    try:
        draw = words_drawer(load())
    except ModuleNotFoundError as missing:
        pytest.skip(str(missing))
    assert "gives 100% of its weight to the token before" in draw(TEXT, 0, 2)[1]
    assert draw(TEXT, 3, 1)[1].endswith("“it” gives 0.69 to “animal”.")
