"""Right answers pass however written, wrong ones are named."""

import pytest
import torch

from attnlib.course.lessons import exercise
from attnlib.course.lessons.video.exercises import SHOT_MISTAKES, shot_importance

KEY = "video.shot_importance"


def test_every_known_mistake_is_called_by_its_own_name():
    for sentence, mistake, *_ in SHOT_MISTAKES:
        assert exercise(KEY).check(mistake).startswith(f"✘ {sentence}")


def by_split(importance, cuts):
    return torch.stack([shot.mean() for shot in importance.tensor_split(cuts)])


def by_number(importance, cuts):
    frames = torch.arange(len(importance))
    number = sum((frames >= cut).long() for cut in cuts) if cuts else torch.zeros_like(frames)
    return torch.stack([importance[number == n].mean() for n in range(len(cuts) + 1)])


def by_walking(importance, cuts):
    found, start = [], 0
    for stop in [*cuts, len(importance)]:
        found.append(sum(importance[start:stop].tolist()) / (stop - start))
        start = stop
    return torch.tensor(found)


@pytest.mark.parametrize("answer", [by_split, by_number, by_walking])
def test_other_right_ways_pass(answer):
    assert exercise(KEY).check(answer).right


def between(edges, importance):
    pairs = zip(edges, edges[1:], strict=False)
    return torch.stack([importance[start:stop].mean() for start, stop in pairs])


@pytest.mark.parametrize(
    ("words", "answer"),
    [
        ("The last shot is lost", lambda x, cuts: between([0, *cuts], x)),
        ("The first shot is lost", lambda x, cuts: between([*cuts, len(x)], x)),
        ("lost at both ends", lambda x, cuts: between([*cuts], x)),
        ("counted twice", lambda x, cuts: torch.stack(
            [x[a : b + 1].mean() for a, b in zip((0, *cuts), (*cuts, len(x)), strict=True)]
        )),
        ("Each shot has its own mean", lambda x, cuts: x.mean()),
        ("of the last frame", lambda x, cuts: x[[*(cut - 1 for cut in cuts), -1]]),
        ("That is the median", lambda x, cuts: torch.stack(
            [shot.median() for shot in x.tensor_split(cuts)]
        )),
        ("the smallest importance", lambda x, cuts: torch.stack(
            [shot.amin() for shot in x.tensor_split(cuts)]
        )),
        ("begins at frame 0", lambda x, cuts: torch.stack([x[:b].mean() for b in (*cuts, len(x))])),
        ("to the end of the film", lambda x, cuts: torch.stack([x[a:].mean() for a in (0, *cuts)])),
        ("The last frame of the film is lost", lambda x, cuts: between([0, *cuts, -1], x)),
        ("The last frame of each shot is lost", lambda x, cuts: torch.stack(
            [shot[: len(shot) - 1 or 1].mean() for shot in x.tensor_split(cuts)]
        )),
        ("one frame too early", lambda x, cuts: between([0, *(c - 1 for c in cuts), len(x)], x)),
        ("by the number of shots", lambda x, cuts: torch.stack(
            [shot.sum() for shot in x.tensor_split(cuts)]
        ) / (len(cuts) + 1)),
        ("in the order of the film", lambda x, cuts: by_split(x, cuts).sort()[0]),
        ("It must be a function", torch.zeros(3)),
    ],
)  # fmt: skip
def test_wrong_ways_are_named(words, answer):
    assert words in exercise(KEY).check(answer)


def test_the_example_of_the_task_is_true():
    found = shot_importance(torch.tensor([1.0, 0.0, 0.5, 0.7]), (2,))
    torch.testing.assert_close(found, torch.tensor([0.5, 0.6]))
    assert "tensor([0.5, 0.6])" in repr(exercise(KEY))
