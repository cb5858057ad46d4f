"""The stand-in for torchvision is there when asked, and gone afterwards."""

import importlib
import sys

from tests.zoo.standin import torchvision


def test_what_is_imported_within_can_be_inherited_from_and_is_gone_behind():
    before = {name for name in sys.modules if name.startswith("torchvision")}
    with torchvision():
        transforms = importlib.import_module("torchvision.transforms")
        parent = transforms.Compose
        assert issubclass(type("Mine", (parent,), {}), parent)
        assert transforms.InterpolationMode.BICUBIC.name == "BICUBIC"
        assert "torchvision.transforms" in sys.modules
    assert {name for name in sys.modules if name.startswith("torchvision")} == before
