"""From PIL's images to tensors."""

import numpy as np
import torch
from torch import Tensor


def fit(image, height: int | None, width: int | None):
    """Crops a PIL image round its middle to the proportions asked for, then resizes it."""
    from PIL import ImageOps  # comes with scikit-image

    if height is None and width is None:
        return image
    width = width or max(1, round(height * image.width / image.height))
    height = height or max(1, round(width * image.height / image.width))
    return ImageOps.fit(image, (width, height))


def as_tensor(images) -> Tensor:
    """PIL images of one size: (L, height, width, 3), float32 in [0, 1]."""
    return torch.from_numpy(np.stack([np.asarray(image) for image in images])).float().div_(255)
