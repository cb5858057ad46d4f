"""What several of these tests share."""

import json
from importlib import metadata

import pytest
import torch

from attnlib.course import data
from attnlib.course.language import speak
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
def spoken(tmp_path):
    """spoken({"key": "键"}, "widgets/viewer.js") speaks these translations until the test ends.

    The file, in attnlib/course, is where the messages are said to stand.
    """

    def translate(messages, file="a.py"):
        lines = (
            f"#: attnlib/course/{file}:1\nmsgid {json.dumps(said)}\n"
            f"msgstr {json.dumps(other, ensure_ascii=False)}\n"
            for said, other in messages.items()
        )
        (tmp_path / "some.po").write_text("\n".join(lines), encoding="utf-8")
        speak(str(tmp_path))

    yield translate
    speak("en")


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
