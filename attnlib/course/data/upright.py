"""A decoded frame as it is to be shown: its pixels square, turned and mirrored as the file says."""

from fractions import Fraction
from math import atan2, degrees

import numpy as np

FLATTEST = 16  # how many times as wide as tall a pixel may be, or as tall as wide


def as_shown(frame, aspect: Fraction | None):
    """A PIL image of a frame of PyAV's. `aspect`: width by height of a pixel; None: not stated.

    As players do: the width is stretched until pixels are square, then the picture is mirrored and
    turned by the frame's display matrix. Raises ValueError if a pixel is flatter than 16 to 1.
    """
    image, aspect = frame.to_image(), aspect or Fraction(1)
    if not Fraction(1, FLATTEST) <= aspect <= FLATTEST:
        raise ValueError(f"it says that a pixel is {aspect} times as wide as tall: at most 16 to 1")
    if aspect != 1:
        image = image.resize((max(1, round(image.width * aspect)), image.height))
    mirrored, angle = _turned(frame)
    if mirrored:
        from PIL import ImageOps  # comes with scikit-image

        image = ImageOps.mirror(image)
    return image.rotate(angle, expand=True)


def _turned(frame) -> tuple[bool, float]:
    """Whether left and right are exchanged, and by how many degrees then to turn, as rotate does.

    The display matrix takes (x, y), y downwards, to (a x + c y, b x + d y).
    """
    data = frame.side_data.get("DISPLAYMATRIX")
    if data is None:
        return False, 0.0
    a, b, _, c, d = np.frombuffer(bytes(data), np.int32)[:5].tolist()
    if a * d - b * c >= 0:
        return False, float(frame.rotation)
    return True, -degrees(atan2(-b, -a))
