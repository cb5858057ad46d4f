import sys

import numpy as np
import pytest
import torch

from attnlib.course import data

pytestmark = pytest.mark.filterwarnings("error")  # of a whole file nothing is said


def write_video(path, pictures, rotation=0, codec="mpeg4", sound=0):
    """A small video of uint8 pictures (height, width, 3), ten a second; `sound` in seconds.

    What says how long it is stands at the front, so that it survives when the end is cut off.
    """
    import av

    options = {"movflags": "faststart"} if path.suffix in (".mp4", ".mov") else {}
    with av.open(str(path), "w", options=options) as container:
        stream = container.add_stream(codec, rate=10)
        stream.height, stream.width = pictures[0].shape[:2]
        stream.pix_fmt = "yuvj420p" if codec == "mjpeg" else "yuv420p"
        stream.bit_rate = 4_000_000
        if rotation:
            stream.set_display_rotation(rotation)
        if sound:
            silence = container.add_stream("aac", rate=8000)
            samples = np.zeros((1, 8000 * sound), np.float32)
            heard = av.AudioFrame.from_ndarray(samples, format="fltp", layout="mono")
            heard.sample_rate = 8000
        for picture in pictures:
            container.mux(stream.encode(av.VideoFrame.from_ndarray(picture, format="rgb24")))
        container.mux(stream.encode())
        if sound:
            container.mux(silence.encode(heard))
            container.mux(silence.encode())
    return path


def noise(length, height=64, width=96):
    """Pictures that no codec makes small, so that half of a file is some half of its frames."""
    return list(np.random.default_rng(0).integers(0, 256, (length, height, width, 3), np.uint8))


def cut_off(path, share):
    """The first part of a file, beside it."""
    part = path.with_stem("cut off")
    part.write_bytes(path.read_bytes()[: int(share * path.stat().st_size)])
    return part


def red_above_blue(height=64, width=96):
    picture = np.zeros((height, width, 3), np.uint8)
    picture[: height // 2, :, 0] = 255
    picture[height // 2 :, :, 2] = 255
    return picture


def test_frames_of_the_clip(bikes):
    assert bikes.shape == (250, 48, 113, 3)
    assert bikes.dtype == torch.float32
    assert bikes.min() >= 0 and bikes.max() <= 1
    assert bikes.std() > 0.1


def test_frames_differ_most_at_the_cuts(bikes, differences):
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


# FFmpeg says nothing of the end of the first two; of the third it says that the last frame is bad.
@pytest.mark.parametrize(
    ("name", "codec", "said"),
    [
        ("film.mp4", "mpeg4", r"the file ends after \d\.\d s of 2\.0 s"),
        ("film.mkv", "mpeg4", r"the file ends after \d\.\d s of 2\.0 s"),
        ("film.mov", "mjpeg", "Invalid data found"),
    ],
)
def test_frames_of_a_file_cut_off_come_with_a_warning(tmp_path, name, codec, said):
    whole = write_video(tmp_path / name, noise(20), codec=codec)
    part = cut_off(whole, 0.6)
    with pytest.warns(UserWarning, match=rf"cut off\.m..' is damaged or cut off.*{said}") as warned:
        got = data.frames(part)
    assert 5 <= len(got) <= 14
    # The last one may be half grey: it was decoded from half its bytes.
    assert torch.equal(got[:-1], data.frames(whole, limit=len(got) - 1))
    words = str(warned[0].message)
    assert f"{len(got)} frames could be read, up to frame {len(got) - 1}," in words
    assert warned[0].filename == __file__  # the caller's line, not ours

    # Up to the damage nothing is wrong.
    assert torch.equal(data.frames(part, limit=4), got[:4])
    kept = -(-len(got) // 4)
    with pytest.warns(
        UserWarning, match=f"{kept} frames could be read, up to frame {4 * kept - 4},"
    ):
        assert torch.equal(data.frames(part, every=4), got[::4])


def test_frames_refuse_a_file_cut_off_before_its_first_frame(tmp_path):
    whole = write_video(tmp_path / "film.mkv", noise(20))
    with pytest.raises(ValueError, match="holds no picture: expected a video, got none"):
        data.frames(cut_off(whole, 0.03))


def test_frames_do_not_miss_what_is_sound_alone(tmp_path):
    path = write_video(tmp_path / "film.mp4", noise(5), sound=3)
    assert len(data.frames(path)) == 5


def test_frames_of_a_video_that_changes_size(tmp_path):
    # A stream of JPEG pictures has no header: two of them, one behind the other, are one.
    blue_beside = np.zeros((32, 96, 3), np.uint8)
    blue_beside[:, :, 2] = 255
    blue_beside[:, 24:72] = (255, 0, 0)  # the middle, as wide as the first proportions allow
    tall = write_video(tmp_path / "tall.mjpeg", [red_above_blue(64, 96)] * 3, codec="mjpeg")
    flat = write_video(tmp_path / "flat.mjpeg", [blue_beside] * 2, codec="mjpeg")
    tall.write_bytes(tall.read_bytes() + flat.read_bytes())
    said = r"changes size midway \(64 by 96 from frame 0, 32 by 96 from frame 3 of those returned\)"
    with pytest.warns(UserWarning, match=said):
        got = data.frames(tall, height=None)
    assert got.shape == (5, 64, 96, 3)
    red = torch.tensor([1.0, 0, 0])
    assert (got[:3, :28] - red).abs().max() < 0.1
    assert (got[3:, :, 4:-4] - red).abs().max() < 0.1  # cropped, not squashed
    with pytest.warns(UserWarning, match=said):
        assert data.frames(tall, height=16).shape == (5, 16, 24, 3)
    assert len(data.frames(tall, limit=3)) == 3


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
