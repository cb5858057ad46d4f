"""What pyproject.toml cannot say: a wheel takes along some files that lie beside the package."""

import shutil
import tomllib
from pathlib import Path

from setuptools import setup
from setuptools.command.build_py import build_py

ROOT = Path(__file__).resolve().parent
# Lessons, the pages that they link, and the measurements that one of them reads: all that
# attnlib/course/repository.py leads to. MANIFEST.in names them for a source distribution.
FILES = ("notebooks/*.ipynb", "notebooks/[a-z]*/*.ipynb", "notebooks/CREDITS.md")
FILES += ("docs/course.svg", "docs/glossary.md")
FILES += ("docs/reply*.md", "benchmarks/results/amd-epyc-2-threads.json")


class WithFiles(build_py):
    """Builds the package, and adds the files. An editable install finds them where they lie."""

    def run(self):
        built = Path(self.build_lib) / "attnlib"
        shutil.rmtree(built, ignore_errors=True)  # what an earlier version had is not in this one
        super().run()
        if self.editable_mode:
            return
        for path in (path for pattern in FILES for path in sorted(ROOT.glob(pattern))):
            to = built / "course" / "files" / path.relative_to(ROOT)
            to.parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(path, to)


def urls():
    """The repository's address for the package's page, once pyproject.toml names one."""
    settings = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["tool"]
    address = settings.get("attnlib", {}).get("repository")
    return {"Repository": address} if address else {}


setup(cmdclass={"build_py": WithFiles}, project_urls=urls())
