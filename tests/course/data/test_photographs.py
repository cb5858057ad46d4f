import socket

import pytest
import torch

from attnlib.course import data
from attnlib.course.data import photographs


@pytest.mark.parametrize("name", data.PHOTOGRAPHS)
def test_every_photograph_loads_without_a_network(name, monkeypatch):
    monkeypatch.setattr(socket, "socket", lambda *_, **__: pytest.fail("opened a socket"))
    picture = data.photograph(name, 40, 56)
    assert picture.shape == (40, 56, 3)
    assert picture.dtype == torch.float32
    assert picture.min() >= 0 and 0.5 < picture.max() <= 1
    assert picture.std() > 0.02


@pytest.mark.parametrize("name", data.PHOTOGRAPHS)
def test_every_photograph_has_a_credit_that_says_it_is_free(name):
    credit = data.PHOTOGRAPHS[name]
    free = ("CC0.", "public domain.", "no known copyright restrictions.")
    assert credit.endswith(free)
    # What the words of the package itself say of this picture agrees.
    import skimage.data

    words = " ".join(getattr(skimage.data, name).__doc__.split())
    said = ("CC0", "public domain", "No known copyright restrictions")
    assert any(word in words for word in said)


def test_photograph_is_what_scikit_image_loads():
    import skimage.data

    for name in data.PHOTOGRAPHS:
        expected = torch.from_numpy(getattr(skimage.data, name)()).float() / 255
        if expected.ndim == 2:
            expected = expected[..., None].expand(-1, -1, 3)
        torch.testing.assert_close(data.photograph(name), expected, rtol=0, atol=2 / 255)


def test_photograph_is_upright_and_in_colour():
    rocket = data.photograph("rocket", 60, 90)
    assert rocket[:30, :, 2].mean() > 1.5 * rocket[:30, :, 0].mean()  # the sky is blue
    lamps, sky = rocket[50:, :, 0].mean(), rocket[:10, :, 0].mean()
    assert lamps > 2 * sky  # and above


def test_photograph_keeps_its_proportions_with_one_side():
    assert data.photograph("coffee").shape == (400, 600, 3)
    assert data.photograph("coffee", width=60).shape == (40, 60, 3)
    assert data.photograph("coffee", height=20).shape == (20, 30, 3)


def test_photograph_is_cropped_not_squashed():
    whole = data.photograph("coffee", 40, 60)
    square = data.photograph("coffee", 40, 40)
    torch.testing.assert_close(square, whole[:, 10:50], rtol=0, atol=2 / 255)


def test_photograph_is_antialiased():
    # Gravel has much detail smaller than the new pixels: averaged away, not picked out.
    whole, small = data.photograph("gravel"), data.photograph("gravel", 16, 16)
    assert small.std() < 0.4 * whole[::32, ::32].std()
    assert abs(small.mean() - whole.mean()) < 0.01


def test_photograph_is_the_same_each_time():
    assert torch.equal(data.photograph("chelsea", 30, 41), data.photograph("chelsea", 30, 41))


def test_photograph_refuses_an_unknown_name():
    with pytest.raises(ValueError, match=r"name='cat' is unknown.*astronaut, .*rocket"):
        data.photograph("cat")
    with pytest.raises(ValueError, match="name='lfw_subset' is unknown"):
        data.photograph("lfw_subset")


def test_photograph_refuses_a_bad_size():
    with pytest.raises(ValueError, match="height=0 must be at least 1"):
        data.photograph(height=0)
    with pytest.raises(TypeError, match=r"width=32\.5 must be an int, got float"):
        data.photograph(width=32.5)


def test_photograph_says_what_to_install(without):
    without("scikit-image")
    with pytest.raises(ModuleNotFoundError, match=r'pip install "scikit-image>=0\.25"'):
        data.photograph()


def test_photograph_says_when_the_package_lacks_the_file(monkeypatch):
    monkeypatch.setitem(photographs._PHOTOGRAPH_FILES, "rocket", "gone.jpg")
    with pytest.raises(FileNotFoundError, match=r"'rocket' is missing from .* scikit-image 0\."):
        data.photograph("rocket")
