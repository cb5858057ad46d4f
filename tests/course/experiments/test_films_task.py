"""Films put together from shots: the labels are right by construction."""

import math

import pytest
import torch

from attnlib.course import data
from attnlib.course.experiments.films.inputs import CONTENT, WHEN, WIDTH, squeeze, stamped
from attnlib.course.experiments.films.shots import stored_shots
from attnlib.course.experiments.films.task import (
    HALF,
    LENGTH,
    LENGTHS,
    ORDERS,
    PLACES,
    best_local,
    films,
)


def seeded(seed=0):
    return torch.Generator().manual_seed(seed)


@pytest.fixture(scope="module")
def drawn():
    """Films whose content tells the shot (channel 0) and the frame (channel 1)."""
    shot, frame = torch.meshgrid(torch.arange(9.0), torch.arange(24.0), indexing="ij")
    return films(torch.stack([shot, frame], -1), 500, seeded())


# inputs


def test_squeezed_rows_are_as_long_as_they_are_wide():
    squeezed = squeeze(torch.rand(5, 1280))
    assert squeezed.shape == (5, CONTENT)
    torch.testing.assert_close(squeezed.norm(dim=-1), torch.full((5,), math.sqrt(CONTENT)))


def test_squeezing_keeps_who_is_alike():
    x = torch.rand(1, 1280, generator=seeded())
    near, far = (
        x + 0.1 * torch.rand(1, 1280),
        torch.rand(1, 1280).roll(1) * (torch.rand(1280) < 0.1),
    )
    one, two, three = squeeze(torch.cat([x, near, far])) / math.sqrt(CONTENT)
    assert one @ two > 0.95
    assert one @ three < 0.8


def test_squeezing_is_the_same_in_every_call_and_does_not_move_the_global_seed():
    x = torch.rand(2, 1280)
    torch.manual_seed(0)
    expected = torch.rand(1)
    torch.manual_seed(0)
    first = squeeze(x)
    assert torch.rand(1) == expected
    torch.rand(100)
    assert first.equal(squeeze(x))


def test_squeezing_does_not_ask_how_bright_a_frame_is():
    x = torch.rand(3, 1280)
    torch.testing.assert_close(squeeze(7 * x), squeeze(x))


@pytest.mark.parametrize("shape", [(6, CONTENT), (3, 6, CONTENT), (1, CONTENT)])
def test_the_time_stands_beside_the_content(shape):
    content = torch.randn(shape)
    x = stamped(content)
    assert x.shape == (*shape[:-1], WIDTH)
    assert x[..., :CONTENT].equal(content)
    assert stamped(content, time=False)[..., CONTENT:].abs().max() == 0
    squares = x[..., CONTENT:].square().sum(-1)  # sin² + cos²
    torch.testing.assert_close(squares, torch.full(shape[:-1], float(WHEN)))


def test_no_two_frames_come_at_the_same_time_and_a_longer_film_has_the_same_waves():
    short, long = (stamped(torch.zeros(n, CONTENT))[:, CONTENT:] for n in (50, 100))
    torch.testing.assert_close(long[::2], short)
    assert torch.cdist(long, long).fill_diagonal_(9).min() > 0.1


# films


def test_the_label_says_whether_the_shot_stands_at_one_place(drawn):
    for film in range(100):
        for place in range(PLACES):
            here = drawn.place[film] == place
            (shot,) = drawn.shot[film][here].unique()
            places = drawn.place[film][drawn.shot[film] == shot].unique()
            assert (drawn.once[film][here] == float(len(places) == 1)).all()
            assert len(places) <= 2


def test_the_content_is_that_of_the_frames_named(drawn):
    assert drawn.content[..., 0].equal(drawn.shot.float())
    assert drawn.content[..., 1].equal(drawn.frame.float())


def test_four_shots_come_once_and_two_twice(drawn):
    for film in range(100):
        counts = [
            len(drawn.place[film][drawn.shot[film] == shot].unique())
            for shot in drawn.shot[film].unique()
        ]
        assert sorted(counts) == [1, 1, 1, 1, 2, 2]


def test_a_shot_never_follows_itself(drawn):
    starts = drawn.place.diff().bool()
    assert (drawn.shot.diff()[starts] != 0).all()
    assert (drawn.shot.diff()[~starts] == 0).all()


def test_the_second_time_a_shot_shows_frames_of_its_other_half(drawn):
    film, query, key = drawn.twin.nonzero().unbind(-1)
    halves = drawn.frame // HALF
    assert len(film)
    assert (halves[film, query] != halves[film, key]).all()


def test_frames_run_on_inside_a_place(drawn):
    same = drawn.place.diff() == 0
    assert (drawn.frame.diff()[same] == 1).all()
    assert drawn.frame.min() == 0 and drawn.frame.max() == 23
    lengths = torch.stack([torch.bincount(place) for place in drawn.place])
    assert lengths.min() == 5 and lengths.max() == 7


def test_every_shot_stands_everywhere(drawn):
    assert all(len(drawn.shot[:, place].unique()) == 9 for place in range(0, LENGTH, 6))
    means = drawn.once.mean(0)
    assert means.min() > 0.4 and means.max() < 0.6


def test_the_tables_hold_every_order_and_every_way_to_share_the_frames():
    # Of 8! orders 2 · 7! have 4 beside 6, as many have 5 beside 7, and 2 · 2 · 6! have both.
    assert len(ORDERS) == math.factorial(8) - 4 * math.factorial(7) + 4 * math.factorial(6)
    assert (LENGTHS.sum(1) == LENGTH).all()


def test_a_generator_gives_the_same_films_again():
    content = torch.randn(6, 24, CONTENT)
    assert films(content, 3, seeded(1)).content.equal(films(content, 3, seeded(1)).content)
    assert not films(content, 3, seeded(1)).content.equal(films(content, 3, seeded(2)).content)


def test_too_few_shots_are_refused():
    with pytest.raises(ValueError, match="at least 6 shots, got 5"):
        films(torch.zeros(5, 24, CONTENT), 1, seeded())


def test_cuts_and_letters_of_a_film(drawn):
    for film in range(20):
        letters = drawn.letters(film).split(" ")
        cuts = drawn.cuts(film)
        assert len(letters) == len(cuts) + 1 == PLACES
        assert letters[0] == "A" and sorted(set(letters)) == list("ABCDEF")
        for letter, start in zip(letters, (0, *cuts), strict=True):
            assert drawn.once[film, start] == float(letters.count(letter) == 1)
            assert start == 0 or drawn.place[film, start] == drawn.place[film, start - 1] + 1


def test_the_twin_is_the_same_shot_elsewhere(drawn):
    assert drawn.twin.any(-1).float().equal(1 - drawn.once)
    assert drawn.twin.equal(drawn.twin.mT)


def test_what_a_local_branch_can_know_at_best(drawn):
    assert best_local(drawn, 1) == 1.0
    # Of 21 pairs of places that are no neighbours 6 lie in one half: (1 + 6 / 21) / 2 = 0.64.
    assert 0.60 < best_local(drawn, 2) < 0.68
    assert 0.49 < best_local(drawn, 8) < 0.52


# the stored shots


def test_no_shot_both_trains_and_tests():
    train, test = stored_shots("train"), stored_shots("test")
    assert len(train.names) == 15 and len(test.names) == 6
    assert set(data.PHOTOGRAPHS) <= set(train.names)
    assert all(name.startswith("bikes.mp4") for name in test.names)
    assert not any("bikes" in name for name in train.names)
    frames = [each.content.flatten(0, 1) for each in (train, test)]
    assert torch.cdist(*frames).min() > 1  # of frames as long as √48


def test_stored_shots_are_what_squeeze_gives():
    for part in ("train", "test"):
        names, content = stored_shots(part)
        assert content.shape == (len(names), 24, CONTENT) and content.dtype == torch.float32
        torch.testing.assert_close(
            content.norm(dim=-1), torch.full(content.shape[:2], CONTENT**0.5), rtol=1e-3, atol=0
        )


def test_a_stored_shot_comes_out_again():
    pan, _ = data.montage(["coffee"], 24, 160, 160)
    names, content = stored_shots("train")
    again = squeeze(data.features(pan[::12]))
    torch.testing.assert_close(again, content[names.index("coffee")][::12], rtol=0, atol=0.02)


def test_another_part_is_refused():
    with pytest.raises(ValueError, match="part must be one of .*'valid'"):
        stored_shots("valid")
