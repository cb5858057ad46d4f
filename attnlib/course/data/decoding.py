"""Frames of any video file."""

import warnings
from collections.abc import Iterable, Iterator
from itertools import islice
from pathlib import Path

from torch import Tensor

from attnlib.course.data.checks import positive, size
from attnlib.course.data.clips import clip_path
from attnlib.course.data.damage import Watch, told
from attnlib.course.data.pictures import as_tensor, fit
from attnlib.course.data.upright import as_shown
from attnlib.course.data.watching import decoded, reason
from attnlib.course.language import say
from attnlib.course.progress_bar import progress_bar


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
    returned, and nothing behind them is decoded. Frames are as players show them: a film taken with
    a turned phone is turned back, a mirrored one is mirrored, and where pixels are not square the
    width is stretched.

    Of a file that is damaged or cut off, the frames that can be decoded are returned, with a
    UserWarning: how many, which are missing inside ("frames 20 to 24 are missing", counted as in
    the whole film), which the decoder calls faulty, and how the file ends too early. Frames behind
    missing ones move up. Uneven time stamps alone are no damage. A longer step is called missing
    frames only if there is a sign of damage near it (a packet marked as damaged, or that gives no
    picture, bytes of a Matroska file that belong to nothing, frames out of order), or if in an
    MPEG transport stream all other steps are even. A lost end is told where the file says how long
    it is; a transport stream does not. Faults inside a picture may go unnoticed.

    Where a video changes size midway, a UserWarning says so, and the frames that follow are fitted
    to the size of the first, cropped round their middle.

    A progress bar shows up when it takes over two seconds.

    Raises FileNotFoundError if there is no such file, ValueError if not one frame of it can be
    read, a pixel is more than 16 times as wide as tall or the reverse, or an argument is out of
    range, ModuleNotFoundError (with what to install) without PyAV.
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

    watch, pictures, sizes = Watch(), [], {}
    try:
        with av.open(str(path)) as container, progress_bar(None, say("film"), say("frame")) as bar:
            for frame in islice(_counted(decoded(container, watch), bar), 0, None, every):
                upright = as_shown(frame, container.streams.video[0].sample_aspect_ratio)
                sizes.setdefault(upright.size, len(pictures))
                pictures.append(fit(upright, height, width))
                width, height = pictures[0].size
                if len(pictures) == limit:
                    break
    except (av.FFmpegError, EOFError) as error:
        watch.end = reason(error)
    except ValueError as error:
        raise ValueError(f"path={str(path)!r}: {error}") from None
    if not pictures and watch.end:
        raise ValueError(
            f"path={str(path)!r} is not a video, or is damaged: expected one that FFmpeg can "
            f"read, got {watch.end!r} before the first frame"
        )
    if not pictures:
        raise ValueError(f"path={str(path)!r} holds no picture: expected a video, got none")
    wrong = told(watch, every, len(pictures))
    if wrong:
        warnings.warn(f"path={str(path)!r} is damaged or cut off: {wrong}", stacklevel=2)
    if len(sizes) > 1:
        said = ", ".join(f"{tall} by {wide} from frame {at}" for (wide, tall), at in sizes.items())
        warnings.warn(
            f"path={str(path)!r} changes size midway ({said} of those returned): all are fitted to "
            f"the first, cropped round their middle",
            stacklevel=2,
        )
    return as_tensor([pictures[k] for k in watch.order(every, len(pictures))])


def _counted(frames: Iterable, bar) -> Iterator:
    for frame in frames:
        bar.update()
        yield frame
