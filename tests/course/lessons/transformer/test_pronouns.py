"""What "it" looks at: the sentences are as they should be, and the numbers of the lesson hold."""

import pytest
import torch

from attnlib.course.lessons.transformer.pronouns import looks_at, looks_at_all, pairs
from attnlib.course.models.minilm.tokenizer import words


def test_every_case_names_its_nouns_and_the_two_of_a_pair_are_opposite():
    assert len(pairs()) == 12
    for first, second in pairs():
        assert (first.right, first.wrong) == (second.wrong, second.right)
        assert first.sentence.rsplit(" ", 1)[0] == second.sentence.rsplit(" ", 1)[0]
        for case in (first, second):
            spoken = words(case.sentence)
            assert [spoken.count(word) for word in ("it", case.right, case.wrong)] == [1, 1, 1]
        assert spoken.index(second.right) > spoken.index(second.wrong)


def test_head_1_of_layer_3_looks_from_it_to_the_animal(minilm):
    right, wrong = looks_at(minilm, pairs()[0][0])
    assert right.shape == wrong.shape == (6, 12)
    assert right[3, 1].item() == pytest.approx(0.69, abs=0.005)
    assert right.argmax() == 3 * 12 + 1
    assert wrong[3, 1] < 0.1


def test_and_yet_it_does_not_know_what_it_stands_for(minilm):
    looks = looks_at_all(minilm)
    torch.testing.assert_close(looks[7, 1], looks_at(minilm, pairs()[7][1]))
    leans = looks[:, :, 0] - looks[:, :, 1]
    assert leans.shape == (12, 2, 6, 12)
    right = (leans > 0).sum((0, 1))  # of 24
    assert right[3, 1] == 14
    assert right.max() <= 18  # what the best of 72 coins would reach
    # The ending moves the weight, more often than not the right way: then the sum is positive.
    assert (leans[..., 3, 1].sum(1) > 0).sum() == 9
    assert leans.sum(1).mean(0).argmax() == 3 * 12 + 1
