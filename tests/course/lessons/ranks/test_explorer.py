"""The stepped ring: what is drawn and said is counted anew, pair by pair."""

import numpy as np
import pytest
from matplotlib.colors import to_rgb

from attnlib.course.figures.style import NOTHING
from attnlib.course.lessons.ranks.explorer import LENGTH, draw_ring, explore_ring
from attnlib.course.lessons.ranks.figures import HUES
from tests.course.widgets.hand import by_hand

STATES = [
    (4, False, "contiguous", 1),
    (4, True, "contiguous", 2),
    (4, True, "zigzag", 3),
    (3, True, "contiguous", 3),
    (2, True, "zigzag", 1),
    (3, False, "zigzag", 2),
]


def holder(token, ranks, deal):
    piece = token * 2 * ranks // LENGTH
    return piece // 2 if deal == "contiguous" else min(piece, 2 * ranks - 1 - piece)


def when(query, key, ranks, deal):
    """The step at which the rank of the query has that key."""
    return (holder(query, ranks, deal) - holder(key, ranks, deal)) % ranks + 1


@pytest.mark.parametrize(("ranks", "causal", "deal", "step"), STATES)
def test_each_pair_has_the_colour_of_its_rank_full_pale_white_or_grey(ranks, causal, deal, step):
    figure, _ = draw_ring(ranks, causal, deal, step)
    cells, keys, queries = (np.asarray(image.get_array()) for image in figure.axes[0].images)
    full = np.array([to_rgb(HUES[holder(token, ranks, deal)]) for token in range(LENGTH)])
    want = np.ones((LENGTH, LENGTH, 3))
    for query, key in np.ndindex(LENGTH, LENGTH):
        at = when(query, key, ranks, deal)
        if causal and key > query:
            want[query, key] = to_rgb(NOTHING)
        elif at <= step:
            want[query, key] = full[query] if at == step else 1 - 0.25 * (1 - full[query])
    np.testing.assert_allclose(cells, want)
    np.testing.assert_allclose(queries[:, 0], full)
    np.testing.assert_allclose(keys[0], full)


@pytest.mark.parametrize(("ranks", "causal", "deal", "step"), STATES)
def test_the_bars_and_the_sentence_count_the_pairs(ranks, causal, deal, step):
    figure, sentence = draw_ring(ranks, causal, deal, step)
    counts = [0] * ranks
    for query in range(LENGTH):
        for key in range(LENGTH if not causal else query + 1):
            counts[holder(query, ranks, deal)] += when(query, key, ranks, deal) == step
    bars = [(bar.get_x(), bar.get_width()) for bar in figure.axes[1].patches]
    work = [(0, count) for count in counts]
    assert bars == work + [(count, max(counts) - count) for count in counts]
    assert f" Pairs, rank by rank: {', '.join(map(str, counts))}. " in sentence
    assert ("nothing to do" in sentence) == (0 in counts)


def test_the_sentence_says_whose_keys_are_where_who_is_idle_and_what_is_lost():
    assert draw_ring(4, True, "contiguous", 1)[1].startswith("Step 1 of 4: each rank has its own")
    said = draw_ring(4, True, "contiguous", 3)[1]
    assert said.startswith("Step 3 of 4: rank 0 has the keys of rank 2, each other rank those that")
    assert "Ranks 0, 1 have nothing to do." in said
    assert "Over all 4 steps the ranks wait for 42% of their time" in said
    assert "Rank 0 has nothing to do." in draw_ring(4, True, "contiguous", 2)[1]
    assert "the ranks wait for 0% of their time" in draw_ring(4, True, "zigzag", 3)[1]


@pytest.mark.parametrize(
    ("ranks", "step", "said"),
    [
        (3, 4, "step=4 must lie in 1 … 3, since ranks=3"),
        (3, 0, "step=0 must lie in 1 … 3, since ranks=3"),
        (0, 1, "ranks must be a whole number, at least 1, got 0"),
    ],
)
def test_errors_name_the_argument(ranks, step, said):
    with pytest.raises((ValueError, TypeError), match=f"^{said}$"):
        draw_ring(ranks, True, "contiguous", step)


def test_the_steps_end_with_the_ranks_and_a_page_without_a_kernel_holds_every_state():
    explorer = explore_ring()
    assert len(explorer.states()) == (2 + 3 + 4) * 2 * 2
    by_hand(explorer, step=4, ranks=2)
    assert explorer.offered["step"] == [1, 2]
    assert explorer.sentence.startswith("Step 2 of 2: rank 0 has the keys of rank 1")
    first = explorer.picture
    explorer.set(causal=True)
    assert explorer.picture != first
    explorer.set(causal=False)
    assert explorer.picture == first
