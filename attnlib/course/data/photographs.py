"""The free photographs inside scikit-image's wheel."""

from torch import Tensor

from attnlib.course.data.checks import known, size
from attnlib.course.data.pictures import as_tensor, fit
from attnlib.course.data.shipped import shipped

# The photographs in scikit-image's wheel that its documentation declares free, each with the credit
# to print under a picture made from it. Others (moon, page, the motorcycle pair, the faces of
# lfw_subset) are left out, because it says nothing about their licence.
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
    return as_tensor([fit(pil_photograph(name), *size(height, width))])[0]


def pil_photograph(name: str):
    """The photograph as a PIL image in its own size."""
    known(name, PHOTOGRAPHS)
    file = _PHOTOGRAPH_FILES.get(name, f"{name}.png")
    path = shipped(name, f"skimage/data/{file}", "scikit-image>=0.25")
    from PIL import Image  # comes with scikit-image

    with Image.open(path) as image:
        return image.convert("RGB")
