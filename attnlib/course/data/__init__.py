"""Real pictures, digits and frames for the lessons: they lie in installed packages, no network.

Pictures are float32 tensors in [0, 1], (height, width, 3), rows from the top, colours red, green,
blue. Nothing here is random: the same call gives the same numbers. Where a package is missing, the
error says what to install.
"""

from attnlib.course.data.clips import BIKES_CUTS, CLIPS, clip_path
from attnlib.course.data.cuts import find_cuts
from attnlib.course.data.decoding import frames
from attnlib.course.data.efficientnet import features
from attnlib.course.data.fallbacks import Examples, Video, examples, video
from attnlib.course.data.handwriting import digits, mnist
from attnlib.course.data.panning import MONTAGE, montage
from attnlib.course.data.patching import patches, unpatches
from attnlib.course.data.photographs import PHOTOGRAPHS, photograph

__all__ = [
    "BIKES_CUTS",
    "CLIPS",
    "Examples",
    "MONTAGE",
    "PHOTOGRAPHS",
    "Video",
    "clip_path",
    "digits",
    "examples",
    "features",
    "find_cuts",
    "frames",
    "mnist",
    "montage",
    "patches",
    "photograph",
    "unpatches",
    "video",
]
