"""The walk over the tiles of a map: what is drawn and said is recomputed from the whole map."""

import numpy as np
import pytest
import torch
from matplotlib.colors import to_rgba

from attnlib.course.lessons.kernels.explorer import explore_tiles, tiles_drawer
from attnlib.course.lessons.kernels.figures import FORGOTTEN
from tests.course.widgets.hand import by_hand


@pytest.fixture(scope="module")
def inputs():
    """q, k (10, 4), colours (10, 3)."""
    generator = torch.Generator().manual_seed(0)
    q, k = torch.randn(2, 10, 4, generator=generator)
    return q, k, torch.rand(10, 3, generator=generator)


@pytest.fixture(scope="module")
def draw(inputs):
    return tiles_drawer(*inputs)


def place(tile, step, length=10):
    """(rows, keys) of that step, counted anew."""
    across = -(-length // tile)
    down, along = divmod(step - 1, across)
    return [slice(n * tile, min((n + 1) * tile, length)) for n in (down, along)]


STEPS = [(4, 1), (4, 5), (4, 9), (3, 7), (3, 16), (10, 1), (1, 57)]


@pytest.mark.parametrize(("tile", "step"), STEPS)
def test_the_map_shows_the_tile_what_was_read_and_what_was_not(draw, tile, step):
    figure, _ = draw(tile, step)
    cells = figure.axes[0].images[0].get_array()
    state = np.zeros((10, 10), int)
    for before in range(1, step):
        rows, keys = place(tile, before)
        state[rows, keys] = 1
    rows, keys = place(tile, step)
    state[rows, keys] = 2
    assert (cells[state == 0] == 1).all()
    assert (cells[state == 1] == to_rgba(FORGOTTEN)).all()
    assert not (cells[state == 2] == 1).all(-1).any()


def test_the_colours_of_the_scores_are_those_of_the_bar(draw, inputs):
    q, k, _ = inputs
    figure, _ = draw(10, 1)
    scores = (q @ k.T).numpy()
    cells = figure.axes[0].images[0].get_array()
    scale = figure.axes[1].collections[-1]  # the colour bar's
    assert scale.get_clim() == pytest.approx((scores.min(), scores.max()))
    np.testing.assert_allclose(cells, scale.cmap(scale.norm(scores)))


@pytest.mark.parametrize(("tile", "step"), STEPS)
def test_of_the_red_query_all_is_shown_that_its_tiles_gave(draw, inputs, tile, step):
    q, k, colours = inputs
    rows, keys = place(tile, step)
    _, _, dots, bars, means = draw(tile, step)[0].axes
    scores = (q @ k.T)[rows.start, : keys.stop]
    shown = np.concatenate([group.get_offsets().data for group in dots.collections])
    np.testing.assert_allclose(shown[:, 1], scores, rtol=0, atol=1e-5)
    starts = range(0, keys.stop, tile)
    for number, start in enumerate(starts):
        seen = scores[: start + tile]
        total = (seen - seen.max()).exp().sum()
        assert bars.patches[number].get_height() == pytest.approx(total.item(), rel=1e-5)
        assert dots.patches[0].get_data().values[number] == pytest.approx(seen.max().item())
        mean = seen.softmax(-1) @ colours[: start + tile]
        assert means.patches[number].get_facecolor()[:3] == pytest.approx(mean.tolist(), abs=1e-5)
    assert len(bars.patches) == len(means.patches) == len(starts)


def test_a_first_tile_a_rising_one_and_one_that_stays_are_told_apart(draw, inputs):
    q, k, _ = inputs
    scores = q @ k.T
    counts = {"is most =": 0, "most, rises from": 0, "most, stays": 0}
    for step in range(1, 17):
        rows, keys = place(3, step)
        sentence = draw(3, step)[1]
        row = scores[rows.start]
        now, before = row[: keys.stop].max(), row[: keys.start]
        if keys.start == 0:
            words = f"the largest of its first scores is most = {now:z.2f}"
        elif now > before.max():
            words = f"its largest score, most, rises from {before.max():z.2f} to {now:z.2f}, so"
            assert f"shrinks to {(before.max() - now).exp():z.2f} of itself" in sentence
        else:
            words = f"its largest score, most, stays {now:z.2f}, so total only grows"
        assert words in sentence
        for kind in counts:
            counts[kind] += kind in sentence
        assert f"{(row[: keys.stop] - now).exp().sum():z.2f}" in sentence
    assert min(counts.values()) > 1 and sum(counts.values()) == 16


def test_the_sentence_counts_the_scores(draw):
    said = draw(4, 6)[1]
    assert said.startswith("Step 6 of 9: queries 4 to 7 against keys 8 to 9. ")
    assert "Scores held: 8; forgotten: 72; not formed yet: 20." in said
    assert "query 9 against key 9. Scores held: 1; forgotten: 99; not" in draw(3, 16)[1]


def test_the_last_tile_of_a_query_gives_its_output_and_log_sum_exp(draw, inputs):
    q, k, colours = inputs
    scores = (q @ k.T)[4]
    colour = ", ".join(f"{c:z.2f}" for c in scores.softmax(-1) @ colours)
    assert "its output is" not in draw(4, 5)[1]
    said = draw(4, 6)[1]
    assert f"its output is out / total, the colour ({colour})" in said
    assert said.endswith(f"most + log(total) = {scores.logsumexp(-1):z.2f}.")


@pytest.mark.parametrize(
    ("state", "said"),
    [
        ((4, 0), "step=0 must lie in 1 … 9, since tile=4"),
        ((4, 10), "step=10 must lie in 1 … 9, since tile=4"),
        ((0, 1), "tile must be a whole number, at least 1, got 0"),
    ],
)
def test_errors_name_the_argument(draw, state, said):
    with pytest.raises(ValueError, match=f"^{said}$"):
        draw(*state)


def test_tokens_that_do_not_fit_are_refused(inputs):
    q, k, colours = inputs
    with pytest.raises(ValueError, match=r"got \(10, 4\), \(10, 4\) and \(9, 3\)"):
        tiles_drawer(q, k, colours[:9])
    with pytest.raises(ValueError, match=r"got \(10, 4\), \(9, 4\) and \(10, 3\)"):
        tiles_drawer(q, k[:9], colours)


def test_the_steps_end_with_the_tiles_whatever_their_size(inputs):
    explorer = explore_tiles(*inputs)
    assert explorer.offered["tile"] == [2, 4, 5, 8]
    for size, count in ((2, 25), (8, 4)):
        by_hand(explorer, step=explorer.offered["step"][-1], tile=size)
        assert explorer.offered["step"][-1] == count
        assert f" of {count}: " in explorer.sentence
        assert "must lie in" not in explorer.sentence


def test_a_single_tile_would_leave_nothing_to_walk_over(inputs):
    assert explore_tiles(*(x[:3] for x in inputs)).sentence.startswith("Step 1 of 4: ")
    with pytest.raises(ValueError, match="q must be at least 3 tokens, .* got 2"):
        explore_tiles(*(x[:2] for x in inputs))


def test_going_back_gives_the_same_picture(inputs):
    explorer = explore_tiles(*inputs)
    first = explorer.picture
    explorer.set(tile=2, step=3)
    assert explorer.sentence.startswith("Step 3 of 25: ")
    assert explorer.picture != first
    explorer.set(tile=4, step=1)
    assert explorer.picture == first
