import pytest
import torch

from attnlib.course import data


@pytest.fixture(scope="module")
def found(bikes):
    return data.features(bikes)


# Skipping frames makes neighbours less alike; up to this many the rule stands.
@pytest.mark.parametrize("every", [1, 2, 4, 5])
def test_cuts_of_the_clip_are_the_published_ones(found, every):
    cuts = data.find_cuts(found[::every])
    print(f"every={every}: found {cuts}")
    assert cuts == data.video(4, 8, every).cuts


def test_cuts_of_a_montage_are_its_own():
    frames, cuts = data.montage(frames_each=(5, 8, 3, 1, 4, 6))
    assert data.find_cuts(data.features(frames)) == cuts


@pytest.mark.parametrize("name", ["bigbuckbunny.mp4", "carphone_pristine.mp4"])
def test_a_clip_of_one_shot_has_none(name):
    assert data.find_cuts(data.features(data.frames(data.clip_path(name), every=5))) == ()


def test_a_cut_is_a_turn_of_more_than_the_threshold():
    angles = torch.tensor([0.0, 0.9, 1.9, 1.9, 0.9])
    x = torch.stack([angles.cos(), angles.sin()], -1) * torch.tensor([[1.0], [9], [2], [5], [1]])
    # 1 - cos(.9) = .38, 1 - cos(1.0) = .46
    assert data.find_cuts(x) == (2, 4)
    assert data.find_cuts(x[:1]) == ()


def test_find_cuts_refuses_what_are_no_features():
    with pytest.raises(TypeError, match="features must be a Tensor, got list"):
        data.find_cuts([])
    for wrong in (torch.zeros(5), torch.zeros(0, 4), torch.zeros(2, 8, dtype=torch.int64)):
        with pytest.raises(ValueError, match=r"features must be \(L, C\), floating point and not"):
            data.find_cuts(wrong)
