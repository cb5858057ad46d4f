"""A picture as a row of patches, and back."""

from einops import rearrange
from torch import Tensor

from attnlib.course.data.checks import positive


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
    positive("patch_size", patch_size)
    if height % patch_size or width % patch_size:
        raise ValueError(f"patch_size={patch_size} must divide height={height} and width={width}")
