import matplotlib.pyplot as plt
import numpy as np
import pytest
import torch

from attnlib.course.lessons.transformer.figures import plot_head_scores, plot_words


def test_words_stand_at_their_rows_and_columns():
    weights = torch.tensor([[0.25, 0.75], [0.1, 0.9]])
    panels = {"one": (weights, ["the", "cat"]), "two": (weights.mT, ["a", "dog"])}
    one, two = plot_words(panels).axes[:2]
    for axis, names in ((one, ["the", "cat"]), (two, ["a", "dog"])):
        assert [text.get_text() for text in axis.get_xticklabels()] == names
        assert [text.get_text() for text in axis.get_yticklabels()] == names
        assert axis.images[0].get_clim() == (0, 1)
    assert np.array_equal(one.images[0].get_array(), weights.numpy())
    assert np.array_equal(two.images[0].get_array(), weights.mT.numpy())
    assert [axis.get_title() for axis in (one, two)] == ["one", "two"]
    assert (one.get_ylabel(), one.get_xlabel()) == ("query", "key")


def test_names_that_do_not_fit_are_refused():
    with pytest.raises(ValueError, match=r"weights of 'a' must be \(3, 3\).*got shape \(2, 2\)"):
        plot_words({"a": (torch.eye(2), ["x", "y", "z"])})


@pytest.mark.parametrize("length", [2, 15, 39])
def test_the_names_of_a_long_sentence_do_not_touch(length):
    names = [f"word{n}" for n in range(length)]
    figure = plot_words({"x": (torch.eye(length), names)})
    figure.draw_without_rendering()
    boxes = [text.get_window_extent() for text in figure.axes[0].get_yticklabels()]
    assert all(one.y0 >= after.y1 for one, after in zip(boxes, boxes[1:], strict=False))


def test_every_score_is_written_into_its_cell():
    scores = torch.tensor([[0.05, 0.5, 0.9], [0.1, 0.2, 0.3]])
    figure = plot_head_scores({"above": scores, "below": 1 - scores})
    above, below = figure.axes
    written = {text.get_position(): text.get_text() for text in above.texts}
    assert written[2, 0] == "0.90"  # head 2 of layer 0: across, down
    assert written[0, 1] == "0.10"
    assert len(written) == 6
    assert above.images[0].get_clim() == below.images[0].get_clim() == (0, 1)
    assert np.array_equal(below.images[0].get_array(), (1 - scores).numpy())
    colours = {text.get_text(): text.get_color() for text in above.texts}
    assert (colours["0.05"], colours["0.90"]) == ("white", "black")


def test_the_figures_do_not_pile_up():
    plot_head_scores({"x": torch.eye(2)})
    plot_words({"x": (torch.eye(2), "ab")})
    assert plt.get_fignums() == []
