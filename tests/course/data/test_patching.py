import numpy as np
import pytest
import torch

from attnlib.course import data


@pytest.mark.parametrize(("height", "width", "patch_size"), [(4, 6, 2), (6, 4, 1), (12, 28, 4)])
def test_patches_come_back_whole(height, width, patch_size):
    image = torch.rand(height, width, 3, generator=torch.Generator().manual_seed(0))
    x = data.patches(image, patch_size)
    assert x.shape == (height * width // patch_size**2, 3 * patch_size**2)
    assert torch.equal(data.unpatches(x, patch_size, height, width), image)


def test_patches_are_read_row_by_row():
    image = torch.arange(4 * 6 * 3).reshape(4, 6, 3)
    x = data.patches(image, 2)
    for row in range(2):
        for col in range(3):
            square = image[2 * row : 2 * row + 2, 2 * col : 2 * col + 2]
            assert torch.equal(x[3 * row + col], square.flatten())


def test_patches_refuse_a_size_that_does_not_divide():
    expected = "patch_size=4 must divide height=8 and width=6"
    with pytest.raises(ValueError, match=expected):
        data.patches(torch.zeros(8, 6, 3), 4)
    with pytest.raises(ValueError, match=expected):
        data.unpatches(torch.zeros(3, 48), 4, 8, 6)
    with pytest.raises(ValueError, match="patch_size=0 must be at least 1"):
        data.patches(torch.zeros(8, 6, 3), 0)


def test_patches_refuse_other_shapes():
    with pytest.raises(ValueError, match=r"image must be \(height, width, 3\), got \(3, 8, 8\)"):
        data.patches(torch.zeros(3, 8, 8), 1)
    with pytest.raises(ValueError, match=r"image must be .*, got \(8, 8\)"):
        data.patches(torch.zeros(8, 8), 2)
    with pytest.raises(TypeError, match="image must be a Tensor, got ndarray"):
        data.patches(np.zeros((8, 8, 3)), 2)
    with pytest.raises(ValueError, match=r"x must be \(8, 12\), got \(6, 12\)"):
        data.unpatches(torch.zeros(6, 12), 2, 4, 8)
