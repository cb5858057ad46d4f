import pytest
import torch

from attnlib.course import data


def test_montage_has_its_shots(differences):
    frames, cuts = data.montage(frames_each=12)
    assert frames.shape == (12 * len(data.MONTAGE), 48, 112, 3)
    assert frames.dtype == torch.float32
    assert frames.min() >= 0 and frames.max() <= 1
    assert cuts == (12, 24, 36, 48, 60)
    jumps = differences(frames)
    assert tuple(sorted((jumps.topk(5).indices + 1).tolist())) == cuts
    assert jumps.min() > 0  # the window moves all the time
    assert torch.equal(data.montage(frames_each=12)[0], frames)


def test_montage_takes_a_length_for_each_name():
    frames, cuts = data.montage(("coins", "coffee", "coins"), (3, 1, 5), 20, 20)
    assert frames.shape == (9, 20, 20, 3)
    assert cuts == (3, 4)
    assert data.montage(("coins",), 2, 20, 20)[1] == ()


def test_montage_does_not_squash():
    # A disc stays one: the retina is as wide as it is high in a window twice as wide.
    frames, _ = data.montage(("retina",), 1, 100, 100)
    wide, _ = data.montage(("retina",), 1, 50, 100)
    middle = frames[0, 12:62]  # the wide window's rows: it stands at .25 of the free height
    assert (wide[0] - middle).abs().mean() < 0.06


def test_montage_refuses_what_does_not_fit():
    with pytest.raises(
        ValueError, match=r"names=\('coins', 'clock'\) and frames_each=\[3\] do not"
    ):
        data.montage(("coins", "clock"), [3])
    with pytest.raises(ValueError, match=r"names='coins' .* in a list or tuple"):
        data.montage("coins")
    with pytest.raises(ValueError, match="at least one name"):
        data.montage(())
    with pytest.raises(ValueError, match="frames_each=0 must be at least 1"):
        data.montage(("coins", "clock"), [3, 0])
    with pytest.raises(ValueError, match="name='moon' is unknown"):
        data.montage(("moon",))
