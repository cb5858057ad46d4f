"""Montages: labels are right, answers lie where they are said to, no pixel is met twice."""

import torch

from attnlib.course import data
from attnlib.course.experiments.study import montages

GENERATED = 2000


def generator():
    return torch.Generator().manual_seed(7)


def by_groups(x):
    """(n, L) -> (n, G, N)."""
    return x.unflatten(-1, (montages.GROUPS, -1))


def test_global_labels_by_brute_force():
    photographs, labels = map(by_groups, montages.draw_global(200, generator()))
    for sequence, answers in zip(photographs.tolist(), labels.tolist(), strict=True):
        for number, group in enumerate(sequence):
            others = sum(sequence[:number] + sequence[number + 1 :], [])
            assert answers[number] == [int(photograph in others) for photograph in group]


def test_local_labels_by_brute_force():
    photographs, labels = map(by_groups, montages.draw_local(200, generator()))
    for sequence, answers in zip(photographs.tolist(), labels.tolist(), strict=True):
        for group, group_answers in zip(sequence, answers, strict=True):
            assert group_answers == [int(group.count(photograph) > 1) for photograph in group]


def test_a_global_answer_cannot_be_told_from_the_own_group():
    photographs, labels = map(by_groups, montages.draw_global(GENERATED, generator()))
    assert (photographs == photographs[..., :1]).all()  # all a group shows is one photograph,
    for photograph in range(len(montages.PHOTOGRAPHS)):  # and each is as often repeated as not
        share = labels[photographs == photograph].float().mean()
        assert abs(share - 0.5) < 0.06
    for place in range(montages.GROUPS):
        assert abs(labels[:, place].float().mean() - 0.5) < 0.04


def test_other_groups_say_nothing_about_a_local_answer():
    photographs, labels = map(by_groups, montages.draw_local(GENERATED, generator()))
    same = photographs.flatten(1)[:, :, None] == photographs.flatten(1)[:, None, :]
    elsewhere = by_groups(same.sum(-1)) - (photographs[..., None] == photographs[..., None, :]).sum(
        -1
    )
    with_, without = (elsewhere[labels == label].float().mean() for label in (1, 0))
    assert abs(with_ - without) < 0.05
    for photograph in range(len(montages.PHOTOGRAPHS)):
        assert abs(labels[photographs == photograph].float().mean() - 0.5) < 0.03


def test_crops_show_the_photograph_they_are_said_to():
    # A crop at the corner of the first white tile, and one of the first black tile beside it.
    size, edge = montages.SIDE, montages.CROP
    for number, name in enumerate(montages.PHOTOGRAPHS):
        picture = data.photograph(name, size, size)
        for part, left in (("train", 0), ("test", montages.TILE)):
            corner = picture[:edge, left : left + edge].unflatten(0, (4, -1)).unflatten(2, (4, -1))
            expected = 4 * corner.mean((1, 3)).flatten() - 2
            torch.testing.assert_close(montages.crops(part)[number, 0], expected)


def test_crops_for_training_and_testing_share_no_pixel(monkeypatch):
    # Every pixel of this picture has its own colour, written in two channels.
    rows, cols = torch.meshgrid(
        torch.arange(montages.SIDE), torch.arange(montages.SIDE), indexing="ij"
    )
    picture = torch.stack([rows, cols, 0 * rows], -1) / montages.SIDE
    seen = []
    for colour in (0, 1):
        crops = (montages._crops(picture, colour) + 2) / 4 * montages.SIDE
        corners = crops.unflatten(-1, (4, 4, 3))[:, 0, 0, :2] - 0.5  # the mean of 2×2 pixels
        reach = torch.cartesian_prod(torch.arange(montages.CROP), torch.arange(montages.CROP))
        pixels = (corners.round().long()[:, None] + reach).flatten(0, 1)
        seen.append(set(map(tuple, pixels.tolist())))
    assert len(seen[0]) == len(seen[1]) == montages.SIDE**2 // 2
    assert not seen[0] & seen[1]
