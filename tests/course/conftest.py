"""What several of these tests share."""

from importlib import metadata

import pytest
import torch

from attnlib.course import data
from attnlib.course.models.minilm.model import load


@pytest.fixture
def without(monkeypatch):
    """without("av", …) makes distributions look as if they were not installed."""

    def hide(*hidden):
        installed = metadata.distribution

        def lookup(name):
            if name in hidden:
                raise metadata.PackageNotFoundError(name)
            return installed(name)

        monkeypatch.setattr(metadata, "distribution", lookup)

    return hide


@pytest.fixture
def differences():
    """Mean absolute difference of each frame from the one before: (L - 1,)."""

    def between(frames: torch.Tensor) -> torch.Tensor:
        return (frames[1:] - frames[:-1]).abs().mean(dim=(1, 2, 3))

    return between


@pytest.fixture(scope="session")
def bikes() -> torch.Tensor:
    """All 250 frames of the clip, 48 rows each."""
    return data.frames()


@pytest.fixture(scope="session")
def minilm():
    """The frozen language model; without its weights the test is skipped."""
    try:
        return load()
    except ModuleNotFoundError as error:
        pytest.skip(str(error))
