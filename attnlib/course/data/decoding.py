"""Frames of any video file."""

import warnings
from collections.abc import Iterator
from itertools import islice
from pathlib import Path

from torch import Tensor

from attnlib.course.data.checks import positive, size
from attnlib.course.data.clips import clip_path
from attnlib.course.data.pictures import as_tensor, fit
from attnlib.course.language import say
from attnlib.course.progress_bar import progress_bar

_MISSING = 0.2  # seconds; a shorter gap may be rounding, or a last frame without a duration


def frames(
    path: str | Path | None = None,
    height: int | None = 48,
    width: int | None = None,
    every: int = 1,
    limit: int | None = None,
) -> Tensor:
    """Frames 0, every, 2·every, … of a video file: (L, height, width, 3), float32 in [0, 1].

    Without `path`: the clip bikes.mp4 (see `clip_path` for its licence). `height` and `width` as in
    `photograph`: the default is 48 rows and the video's own proportions. At most `limit` frames are
    returned, and nothing behind them is decoded. A film taken with a turned phone is turned back.

    Of a file that is damaged or cut off, the frames before the damage are returned, with a
    UserWarning that says how many, and where it broke. (A file that does not say how long it should
    be, as streams and AVI do not, may be cut off unnoticed.) Where a video changes size midway, a
    UserWarning says so, and the frames that follow are fitted to the size of the first, cropped
    round their middle.

    A progress bar shows up when it takes over two seconds.

    Raises FileNotFoundError if there is no such file, ValueError if not one frame of it can be read
    or an argument is out of range, ModuleNotFoundError (with what to install) without PyAV.
    """
    size(height, width)
    positive("every", every)
    if limit is not None:
        positive("limit", limit)
    path = clip_path() if path is None else Path(path)
    if not path.is_file():
        raise FileNotFoundError(f"path={str(path)!r} is no file: expected a video file")
    try:
        import av
    except ImportError:
        raise ModuleNotFoundError(
            'videos are decoded by PyAV, which is not installed: pip install "av>=15"', name="av"
        ) from None

    pictures, sizes = [], {}
    try:
        with av.open(str(path)) as container, progress_bar(None, say("film"), say("frame")) as bar:
            kept = islice(_decoded(container, bar.update), 0, None, every)
            for frame in islice(kept, limit):
                upright = frame.to_image().rotate(frame.rotation, expand=True)
                sizes.setdefault(upright.size, len(pictures))
                pictures.append(fit(upright, height, width))
                width, height = pictures[0].size
    except (av.FFmpegError, EOFError) as error:
        said = getattr(error, "strerror", None) or str(error)
        if not pictures:
            raise ValueError(
                f"path={str(path)!r} is not a video, or is damaged: expected one that FFmpeg can "
                f"read, got {said!r} before the first frame"
            ) from error
        warnings.warn(
            f"path={str(path)!r} is damaged or cut off: {len(pictures)} frames could be read, up "
            f"to frame {(len(pictures) - 1) * every}, then {said!r}",
            stacklevel=2,
        )
    if not pictures:
        raise ValueError(f"path={str(path)!r} holds no picture: expected a video, got none")
    if len(sizes) > 1:
        said = ", ".join(f"{tall} by {wide} from frame {at}" for (wide, tall), at in sizes.items())
        warnings.warn(
            f"path={str(path)!r} changes size midway ({said} of those returned): all are fitted to "
            f"the first, cropped round their middle",
            stacklevel=2,
        )
    return as_tensor(pictures)


def _decoded(container, step) -> Iterator:
    """The frames of the first video, a step each; an EOFError where the file should go on."""
    if not container.streams.video:
        return
    video, end = container.streams.video[0].index, 0.0
    for packet in container.demux():  # all streams: the sound may be longer than the video
        if packet.pts is not None:
            end = max(end, float((packet.pts + (packet.duration or 0)) * packet.time_base))
        if packet.stream.index == video:
            for frame in packet.decode():
                step()
                yield frame
    whole = (container.duration or 0) / 1e6  # FFmpeg counts it in microseconds
    if 0 < end < whole - _MISSING:
        raise EOFError(f"the file ends after {end:.1f} s of {whole:.1f} s")
