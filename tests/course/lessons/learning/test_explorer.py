"""The levels of a NesT over a picture: whose weights are drawn, and where."""

import numpy as np
import pytest
import torch

from attnlib.course.experiments import locality
from attnlib.course.lessons.learning.explorer import MEAN, explore_levels, levels_drawer
from attnlib.course.widgets.explorer import png

PICTURES = 3


@pytest.fixture(scope="module")
def network():
    network = locality.small_nest(0)
    with torch.no_grad():
        for parameter in network.parameters():  # so that its maps have a pattern
            parameter += 0.3 * torch.randn_like(parameter)
    return network.eval()


@pytest.fixture(scope="module")
def pictures():
    return torch.rand(PICTURES, 8, 8, generator=torch.Generator().manual_seed(2))


@pytest.fixture(scope="module")
def maps(network, pictures):
    with torch.no_grad():
        return [of_level[-1].weights() for of_level in network(pictures[:, None])[1]]


@pytest.fixture(scope="module")
def draw(network, pictures):
    return levels_drawer(network, pictures, torch.arange(PICTURES))


def areas(axis, side):
    """(side, side) the areas of the circles, the largest 1."""
    *circles, _ = axis.patches
    found = np.array([circle.radius for circle in circles]).reshape(side, side) ** 2
    return found / found.max()


@pytest.mark.parametrize("head", [0, 3, MEAN])
@pytest.mark.parametrize(("row", "column"), [(0, 0), (2, 5), (7, 3), (6, 6)])
def test_the_weights_of_that_token_stand_where_its_keys_are(draw, maps, row, column, head):
    figure, _ = draw(1, row, column, head)
    first, second = (w[1].mean(1) if head == MEAN else w[1][:, head] for w in maps)
    wanted = np.zeros((8, 8))
    block = first[row // 4 * 2 + column // 4, row % 4 * 4 + column % 4].view(4, 4)
    top, left = row // 4 * 4, column // 4 * 4
    wanted[top : top + 4, left : left + 4] = block
    np.testing.assert_allclose(areas(figure.axes[1], 8), wanted / wanted.max(), rtol=1e-5)
    wanted = second[0, row // 2 * 4 + column // 2].view(4, 4).numpy()
    np.testing.assert_allclose(areas(figure.axes[2], 4), wanted / wanted.max(), rtol=1e-5)
    frames = [axis.patches[-1] for axis in figure.axes]
    assert [(f.get_y(), f.get_x()) for f in frames] == [
        (row - 0.5, column - 0.5),
        (row - 0.5, column - 0.5),
        (row // 2 * 2 - 0.5, column // 2 * 2 - 0.5),
    ]


def test_the_sentence_tells_what_the_network_took_it_for(network, pictures, draw):
    guess = network(pictures[:, None])[0].argmax(-1)[2]
    assert draw(2, 0, 0, 0)[1].startswith(f"A 2, taken for a {guess}. Level 1, 16 keys: ")


def with_level_2(network, weights):
    """The drawer of a network whose level 2 has these weights (16,), for every query and head."""
    flat = locality.with_equal_weights(locality.with_equal_weights(network, 0), 1)
    draw = levels_drawer(flat, torch.rand(1, 8, 8), torch.zeros(1, dtype=torch.long))
    maps = dict(zip(draw.__code__.co_freevars, draw.__closure__, strict=True))["maps"]
    maps.cell_contents[1] = weights.expand_as(maps.cell_contents[1])
    return draw(0, 0, 0, 0)[1].partition("Level 2")[2]


def test_the_sentence_is_in_words_that_last_digits_do_not_change(network):
    equal = torch.full((16,), 1 / 16)
    assert "nearly equal weights (entropy above 95%)" in with_level_2(network, equal)
    one = torch.full((16,), 0.6 / 15)
    one[6] = 0.4
    said = with_level_2(network, one)
    assert "more than a quarter of the weight goes to row 1, column 2" in said
    few = torch.zeros(16)
    few[:5] = 0.2
    assert "unequal weights, but no key gets more than a quarter" in with_level_2(network, few)


def test_keys_of_its_block_count_though_they_get_exactly_nothing(network, pictures):
    draw = levels_drawer(network, pictures, torch.arange(PICTURES))
    maps = dict(zip(draw.__code__.co_freevars, draw.__closure__, strict=True))["maps"]
    count = maps.cell_contents[0].shape[-1]
    few = torch.zeros(count)
    few[0] = 1.0
    maps.cell_contents[0] = few.expand_as(maps.cell_contents[0])
    said = draw(0, 0, 0, 0)[1]
    assert f"Level 1, {count} keys: more than a quarter of the weight goes to row 0" in said


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        ({"picture": 3}, "picture=3 must lie in 0 … 2"),
        ({"row": 8}, "row=8 must lie in 0 … 7"),
        ({"column": -1}, "column=-1 must lie in 0 … 7"),
        ({"head": 4}, "head must be 'mean' or in 0 … 3, got 4"),
    ],
)
def test_errors_name_the_argument(draw, wrong, said):
    right = {"picture": 0, "row": 0, "column": 0, "head": 0}
    with pytest.raises(ValueError, match=f"^{said}$"):
        draw(**{**right, **wrong})


def test_what_is_no_nest_or_does_not_fit_is_refused(network, pictures):
    labels = torch.arange(PICTURES)
    with pytest.raises(TypeError, match=r"^network must be a NestClassifier, got Linear$"):
        levels_drawer(torch.nn.Linear(2, 2), pictures, labels)
    with pytest.raises(ValueError, match=r"^pictures must be \(n, 8, 8\), got \(3, 8, 7\)$"):
        levels_drawer(network, pictures[..., :7], labels)
    with pytest.raises(ValueError, match=r"^labels must be \(3,\), got \(2,\)$"):
        levels_drawer(network, pictures, labels[:2])


def test_turning_and_turning_back_gives_the_same_picture(network, pictures):
    def shown():
        return png(explorer.drawn(explorer.state)[0])

    explorer = explore_levels(network, pictures, torch.arange(PICTURES))
    first = shown()
    explorer.set(head=2, row=0)
    assert shown() != first
    explorer.set(head=MEAN, row=4)
    assert explorer.controls[-1]["labels"][explorer.shown["at"]["head"]] == "mean of all"
    assert shown() == first
    assert repr(explorer).startswith("explore_levels: A 0, taken for a ")
