"""Numbers for what a head looks at: on maps made by hand, and on the trained model."""

import pytest
import torch
import torch.nn.functional as F

from attnlib.course.lessons.transformer.head_kinds import beside, every_head, on_token
from attnlib.course.lessons.transformer.inside import SENTENCES
from attnlib.maps import AttentionMap


def known_maps():
    """One layer, two heads, four tokens: head 0 looks at the previous token, head 1 at the last."""
    looked_at = torch.tensor([[0, 0, 1, 2], [3, 3, 3, 3]])
    q, k = 100 * F.one_hot(looked_at, 4).double(), torch.eye(4).double().expand(2, 4, 4)
    return [AttentionMap(q, k, scale=1.0)]


def test_a_head_that_looks_beside_is_found():
    maps = known_maps()
    assert every_head(maps).shape == (1, 2, 4, 4)
    assert beside(maps, -1).tolist() == [[1, pytest.approx(0)]]
    assert beside(maps, 0).tolist() == [[0.25, 0.25]]
    assert beside(maps, 1).tolist() == [[pytest.approx(0), pytest.approx(1 / 3)]]
    with pytest.raises(ValueError, match=r"step must lie in -3 … 3, got 4"):
        beside(maps, 4)


def test_a_head_that_looks_at_one_token_is_found_and_its_own_look_does_not_count():
    maps = known_maps()
    assert on_token(maps, -1).tolist() == [[pytest.approx(0), 1]]
    assert on_token(maps, 0).tolist() == [[pytest.approx(1 / 3), pytest.approx(0)]]


@pytest.mark.parametrize("sentence", SENTENCES, ids=lambda sentence: sentence[:12])
def test_head_2_of_layer_0_looks_at_the_previous_token_in_any_sentence(sentence, minilm):
    order = torch.randperm(len(sentence.split()), generator=torch.Generator().manual_seed(0))
    shuffled = " ".join(sentence.split()[place] for place in order)
    for text in (sentence, shuffled):
        scores = beside(minilm(text)[1], -1)
        assert scores.argmax() == 2  # of all 72: layer 0, head 2
        assert scores[0, 2] > 0.99
        assert scores.flatten()[3:].max() < 0.6


def test_much_of_all_weight_rests_on_the_first_token(minilm):
    shares = torch.stack([on_token(minilm(sentence)[1], 0).mean() for sentence in SENTENCES])
    assert shares.mean().item() == pytest.approx(0.35, abs=0.02)  # evenly, it were 0.03
