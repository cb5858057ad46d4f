"""Damaged films: which frames are missing is told, and films that are whole are called so."""

import random
import re
import warnings
from fractions import Fraction
from functools import cache

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from attnlib.course import data
from attnlib.course.data.damage import Watch, told

LENGTH = 60
KINDS = [
    ("mp4", "libx264"),
    ("mp4", "mpeg4"),
    ("mkv", "libx264"),
    ("mkv", "mpeg4"),
    ("mov", "mjpeg"),
    ("ts", "libx264"),
    ("ts", "mpeg2video"),
    ("ts", "mpeg4"),
    ("webm", "libvpx"),
    ("webm", "libvpx-vp9"),
    ("avi", "mpeg4"),
    ("avi", "libx264"),
]
GOP = 12  # frames; so many behind a hole may be wrong pictures


@cache
def numbered(k):
    """Frame k: its number in black and white along the top, noise below."""
    picture = np.random.default_rng(k).integers(0, 256, (64, 96, 3), np.uint8)
    for bit in range(6):
        picture[:16, 16 * bit : 16 * bit + 16] = 255 * (k >> bit & 1)
    return picture


def number(frame):
    """The number that a frame shows, None if it can't be read."""
    tiles = frame[2:14].mean((0, 2)).view(6, 16)[:, 4:12].mean(1)
    clear = (tiles - 0.5).abs().min() > 0.3
    return sum(int(tile > 0.5) << bit for bit, tile in enumerate(tiles)) if clear else None


def write(path, codec, length=LENGTH, rate=25, stamps=None, left_out=(), **context):
    """A film of numbered frames; `stamps` in milliseconds; packets `left_out` are not written."""
    import av

    options = {"movflags": "faststart"} if path.suffix in (".mp4", ".mov") else {}
    with av.open(str(path), "w", options=options) as container:
        stream = container.add_stream(codec, rate=rate)
        stream.height, stream.width = 64, 96
        stream.pix_fmt = "yuvj420p" if codec == "mjpeg" else "yuv420p"
        stream.bit_rate = 3_000_000
        stream.codec_context.gop_size = GOP
        for name, value in context.items():
            setattr(stream.codec_context, name, value)
        if stamps is not None:
            stream.codec_context.time_base = Fraction(1, 1000)
        packets = []
        for k in range(length):
            frame = av.VideoFrame.from_ndarray(numbered(k), format="rgb24")
            if stamps is not None:
                frame.pts, frame.time_base = int(stamps[k]), Fraction(1, 1000)
            packets += stream.encode(frame)
        packets += stream.encode()
        for k, packet in enumerate(packets):
            if k not in left_out:
                container.mux(packet)
    return path


@pytest.fixture(scope="module", params=KINDS, ids="/".join)
def film(request, tmp_path_factory):
    """A whole film of each kind, written once."""
    suffix, codec = request.param
    return write(tmp_path_factory.mktemp("films") / f"{codec}.{suffix}", codec)


def read(path, **arguments):
    """The frames, and what was said of them."""
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        got = data.frames(path, height=None, **arguments)
    assert {warning.category for warning in caught} <= {UserWarning}
    return got, "; ".join(str(warning.message) for warning in caught)


def missing(said):
    """The numbers of the frames that are said to be missing."""
    found = re.findall(r"frames? (\d+)(?: to (\d+))? (?:is|are) missing", said)
    return {k for first, last in found for k in range(int(first), int(last or first) + 1)}


def damaged(path, what, share=0.5, size=1 / 12, seed=0):
    """A copy beside it, damaged from `share` of its bytes on, `size` of them."""
    content = bytearray(path.read_bytes())
    start = int(share * len(content)) // 188 * 188  # transport streams have packets of 188 bytes
    stop = start + int(size * len(content)) // 188 * 188
    if what == "cut off":
        del content[start:]
    elif what == "without its head":
        del content[:start]
    else:
        content[start:stop] = {
            "zeroed": bytes(stop - start),
            "overwritten": random.Random(seed).randbytes(stop - start),
            "removed": b"",
        }[what]
    copy = path.with_stem(f"{path.stem} {what}")
    copy.write_bytes(content)
    return copy


def check_order(got, gone):
    """The frames are the film's without those missing; behind a hole pictures may be wrong."""
    shown = [k for k in range(LENGTH) if k not in gone][: len(got)]
    assert len(shown) == len(got)
    for k, frame in zip(shown, got, strict=True):
        near = any(k - GOP - 2 <= lost <= k + 2 for lost in gone)
        assert near or number(frame) == k


# whole films


def test_of_a_whole_film_nothing_is_said(film):
    got, said = read(film)
    assert said == ""
    assert [number(frame) for frame in got] == list(range(LENGTH))


UNEVEN = {
    "jitter": np.random.default_rng(0).integers(20, 60, 39),
    "two rates": [40] * 20 + [100] * 19,
    "film as video": [33, 50] * 19 + [33],
    "doubles": [40, 40, 40, 80] * 9 + [40] * 3,
}
EVEN_BUT = {
    "one still": [40] * 20 + [400] + [40] * 18,
    "stills": [40] * 9 + [1000, 40, 40, 3000] + [40] * 26,
}


@pytest.mark.parametrize(
    ("suffix", "codec"),
    [("mp4", "libx264"), ("mkv", "libx264"), ("avi", "mpeg4"), ("ts", "mpeg4")],
)
@pytest.mark.parametrize("steps", [*UNEVEN, *EVEN_BUT])
def test_uneven_time_stamps_alone_are_no_damage(suffix, codec, steps, tmp_path):
    if suffix == "ts" and steps in EVEN_BUT:
        return  # there alone such steps are frames that are missing
    stamps = np.cumsum([0, *(UNEVEN | EVEN_BUT)[steps]])
    path = write(tmp_path / f"film.{suffix}", codec, 40, stamps=stamps)
    got, said = read(path)
    assert said == ""
    assert [number(frame) for frame in got] == list(range(40))


@pytest.mark.parametrize("first", [100, 5000])
def test_a_film_may_begin_late(first, tmp_path):
    for name in ("film.mp4", "film.mkv", "film.ts"):
        path = write(tmp_path / name, "libx264", 30, stamps=first + 40 * np.arange(30))
        assert read(path)[1] == ""


def test_an_edit_list_that_leaves_frames_out_is_no_damage(tmp_path):
    path = write(tmp_path / "film.mp4", "libx264", 40)
    content = bytearray(path.read_bytes())
    entry = content.index(b"elst") + 12  # its duration, then the time in the film where it begins
    begin = int.from_bytes(content[entry + 4 : entry + 8], "big")
    content[entry + 4 : entry + 8] = (begin + 15 * 512).to_bytes(4, "big")  # of 12800 a second
    path.write_bytes(content.replace((1600).to_bytes(4, "big"), (1000).to_bytes(4, "big")))
    got, said = read(path)
    assert said == ""
    assert [number(frame) for frame in got] == list(range(15, 40))


def test_two_streams_one_behind_the_other_keep_their_order(tmp_path):
    one = write(tmp_path / "one.ts", "mpeg4", 25)
    two = write(tmp_path / "two.ts", "mpeg4", 30)
    one.write_bytes(one.read_bytes() + two.read_bytes())
    got, said = read(one)
    assert [number(frame) for frame in got] == [*range(25), *range(30)]
    assert "missing" not in said


# films with a hole


@pytest.mark.parametrize("what", ["zeroed", "overwritten"])
@pytest.mark.parametrize("share", [0.35, 0.5, 0.7])
def test_frames_missing_inside_are_named(film, what, share):
    got, said = read(damaged(film, what, share))
    assert "is damaged or cut off: " in said
    if film.suffix == ".avi":
        assert len(got) < LENGTH and re.search("2.4 s|60 frames|missing", said)
        return
    gone = missing(said)
    ends = "the file ends after" in said  # where nothing behind the damage can be read any more
    assert len(got) + len(gone) == LENGTH or (ends and not gone)
    assert gone <= set(range(int(share * LENGTH) - 4, int(share * LENGTH) + 6 + GOP + 4))
    assert f"{len(got)} frames could be read, up to frame {len(got) + len(gone) - 1}, " in said
    check_order(got, gone)


@settings(max_examples=30)
@given(share=st.floats(0.1, 0.6), size=st.floats(0.02, 0.3))
def test_packets_lost_from_a_transport_stream_are_counted(transport, share, size):
    got, said = read(damaged(transport, "removed", share, size))
    gone = missing(said)
    assert len(got) + len(gone) == LENGTH
    check_order(got, gone)


@pytest.fixture(scope="module")
def transport(tmp_path_factory):
    return write(tmp_path_factory.mktemp("transport") / "film.ts", "mpeg2video")


@pytest.mark.parametrize("codec", ["mpeg2video", "mpeg4", "libx264"])
def test_a_transport_stream_without_frames_20_to_24(codec, tmp_path):
    path = write(tmp_path / "film.ts", codec, left_out=range(20, 25), max_b_frames=0)
    got, said = read(path)
    assert len(got) == 55
    assert said.endswith("55 frames could be read, up to frame 59, frames 20 to 24 are missing")
    assert missing(read(path, every=4)[1]) == {20, 21, 22, 23, 24}
    assert "14 frames could be read, up to frame 57," in read(path, every=4)[1]
    assert read(path, limit=20)[1] == ""


def test_a_sign_of_damage_is_believed_where_steps_are_uneven(tmp_path):
    stamps = np.cumsum([0, *np.tile([40, 60], 30)])[:LENGTH]
    path = write(tmp_path / "film.ts", "mpeg4", stamps=stamps)
    assert read(path)[1] == ""
    got, said = read(damaged(path, "removed"))
    assert len(got) < LENGTH and missing(said)


def test_several_holes_are_named_in_numbers_of_the_whole_film(tmp_path):
    path = write(tmp_path / "film.ts", "mpeg4", left_out=[10, 20, 21, 40])
    said = read(path)[1]
    assert said.endswith("frame 10 is missing; frames 20 to 21 are missing; frame 40 is missing")


def test_frames_that_come_out_of_order_are_put_in_order(tmp_path):
    # Without frames to refer to, B frames behind the hole come late.
    path = write(tmp_path / "film.mkv", "libx264", left_out=range(20, 25))
    got, said = read(path)
    assert "frames" in said and "missing" in said
    shown = [number(frame) for frame in got]
    assert shown[:15] == list(range(15)) and shown[-20:] == list(range(40, 60))


def test_a_packet_that_gives_no_picture_is_left_out(tmp_path):
    path = write(tmp_path / "film.mov", "mjpeg")
    content = bytearray(path.read_bytes())
    starts = [match.start() for match in re.finditer(b"\xff\xd8\xff", bytes(content))]
    for k in (7, 30, 31):
        content[starts[k] : starts[k] + 400] = bytes(400)
        content[starts[k] : starts[k] + 3000] = bytes(3000)
    path.write_bytes(content)
    got, said = read(path)
    gone = missing(said)
    assert [number(frame) for frame in got] == [k for k in range(LENGTH) if k not in gone]


# films without an end or a beginning


@pytest.mark.parametrize("share", [0.3, 0.6, 0.9, 0.97])
def test_a_lost_end_is_told_where_the_file_tells_its_length(film, share):
    got, said = read(damaged(film, "cut off", share))
    assert len(got) < LENGTH
    assert [number(frame) for frame in got[:-2]] == list(range(len(got) - 2))
    if film.suffix != ".ts":
        assert f"{len(got)} frames could be read, up to frame {len(got) - 1}, " in said
    if film.suffix in (".mp4", ".mov"):  # which list every frame
        assert ", then '" in said


@pytest.mark.parametrize(
    ("what", "share"),
    [("without its head", share) for share in (0.001, 0.01, 0.1, 0.5)]
    + [("cut off", share) for share in (0, 1e-4, 0.001, 0.01)],
)
def test_without_its_head_or_with_little_else_a_film_is_read_or_refused(film, what, share):
    try:
        got, words = read(damaged(film, what, share))
    except ValueError as error:
        got, words = [0], str(error)
    assert 0 < len(got) <= LENGTH
    # Without its head a file does not tell how long it should be; no transport stream does.
    assert words or what == "without its head" or film.suffix == ".ts"


# time stamps alone


STEPS = st.lists(st.floats(0.001, 100), min_size=1, max_size=40)


def stamps(steps):
    return [0.0, *np.cumsum(steps).tolist()]


@given(STEPS)
def test_without_a_sign_no_time_stamps_are_damage(steps):
    watch = Watch(times=stamps(steps), begin=0.0)
    assert told(watch, 1, len(steps) + 1) is None


@given(st.floats(0.01, 1), st.sets(st.integers(1, 99), max_size=30), st.floats(0, 1e5))
def test_with_signs_an_even_film_tells_which_frames_are_missing(step, gone, begin):
    jitter = np.random.default_rng(0).uniform(-0.1, 0.1, 101) * step
    kept = [k for k in range(101) if k not in gone]
    times = [begin + k * step + jitter[k] for k in kept]
    watch = Watch(times=times, signs=times, begin=times[0])
    assert missing(with_all(watch)) == gone


def with_all(watch):
    """What is told, with every place named."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("attnlib.course.data.damage.NAMED", 999)
        return told(watch, 1, len(watch.times)) or ""


def test_no_more_than_four_places_are_named():
    times = [k for k in range(100) if k % 10]
    assert told(Watch(even=False, times=times, signs=times, begin=0.0), 1, 90).endswith(
        "frame 0 is missing; frame 10 is missing; frame 20 is missing; frame 30 is missing; "
        "6 more such places"
    )


def test_without_time_stamps_nothing_is_called_missing():
    watch = Watch(times=[None] * 5, signs=[1.0], faulty=[2, 3])
    assert told(watch, 2, 3) == "3 frames could be read, up to frame 4, frames 2 to 3 are faulty"
    assert watch.order(2, 3) == [0, 1, 2]


def test_of_one_frame_nothing_is_told():
    assert told(Watch(times=[0.0], begin=0.0), 1, 1) is None
    assert Watch(times=[3.0, 1.0, 2.0]).order() == [1, 2, 0]
