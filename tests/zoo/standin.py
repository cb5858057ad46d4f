"""A stand-in for torchvision, whose wheels go with one build of torch: names, nothing behind them.

timm and vit-pytorch import it for pictures; their attention needs none of it.
"""

import enum
import importlib.abc
import importlib.machinery
import sys
from contextlib import contextmanager
from types import ModuleType

MODES = "NEAREST NEAREST_EXACT BILINEAR BICUBIC BOX HAMMING LANCZOS"


class Empty(ModuleType):
    """Any name in it is a class that can be inherited from."""

    __path__ = ()
    InterpolationMode = enum.Enum("InterpolationMode", MODES)

    def __getattr__(self, name):
        if name.startswith("__"):
            raise AttributeError(name)
        return type(name, (), {})


class Finder(importlib.abc.MetaPathFinder, importlib.abc.Loader):
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] == "torchvision":
            return importlib.machinery.ModuleSpec(name, self, is_package=True)

    def create_module(self, spec):
        return Empty(spec.name)

    def exec_module(self, module):
        pass


def taken_out():
    """What was imported of torchvision, no longer so."""
    names = [name for name in sys.modules if name.partition(".")[0] == "torchvision"]
    return {name: sys.modules.pop(name) for name in names}


@contextmanager
def torchvision():
    """Within it `import torchvision…` goes; behind it all is as it was: transformers looks too."""
    finder, before = Finder(), taken_out()
    sys.meta_path.insert(0, finder)
    try:
        yield
    finally:
        sys.meta_path.remove(finder)
        taken_out()
        sys.modules.update(before)
