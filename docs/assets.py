"""Fetch what the site and the slides load in a browser, so that they open without a network.

`python docs/assets.py` fills build/assets/, one folder a package:

- mathjax/es5/tex-chtml.js and mathjax/es5/output/: version 4 would fetch its fonts;
- reveal.js/dist/: the slides;
- axe-core/axe.min.js: looks for what keeps people out, in the browser tests only.

The versions stand in package.json. `npm pack` takes each package alone: what their code would need
on a server stays out, none of their scripts run, and no lock file is written.
"""

import json
import shutil
import subprocess
import tarfile
import tempfile
from pathlib import Path

HERE = Path(__file__).resolve().parent
ASSETS = HERE.parent / "build" / "assets"


def pinned() -> dict[str, str]:
    """Package to its exact version."""
    return json.loads((HERE / "package.json").read_text(encoding="utf-8"))["dependencies"]


def folder(package: str) -> Path:
    """Where a package lies: build/assets/axe-core for axe-core."""
    return ASSETS / package.split("/")[-1]


def version_there(package: str) -> str | None:
    description = folder(package) / "package.json"
    if not description.exists():
        return None
    return json.loads(description.read_text(encoding="utf-8"))["version"]


def fetch() -> Path:
    """Fill build/assets/ with what is missing there, and return it.

    Raises `SystemExit` where there is no npm; `subprocess.CalledProcessError` where npm fails.
    """
    missing = {name: v for name, v in pinned().items() if version_there(name) != v}
    for package, version in missing.items():
        _unpack(f"{package}@{version}", folder(package))
    return ASSETS


def _unpack(package: str, to: Path) -> None:
    npm = shutil.which("npm")
    if not npm:
        raise SystemExit("There is no npm: apt-get install npm")
    with tempfile.TemporaryDirectory() as place:
        command = [npm, "pack", "--silent", "--ignore-scripts", "--pack-destination", place]
        subprocess.run([*command, package], check=True, stdout=subprocess.DEVNULL)
        (archive,) = Path(place).glob("*.tgz")
        with tarfile.open(archive) as file:
            file.extractall(place, filter="data")
        shutil.rmtree(to, ignore_errors=True)
        to.parent.mkdir(parents=True, exist_ok=True)
        shutil.move(Path(place) / "package", to)


if __name__ == "__main__":
    print(fetch())
