"""What somebody has who has no repository: the wheel is built, opened, and all of it runs."""

import re
import shutil
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path
from zipfile import ZipFile

import pytest

import attnlib
from attnlib.course.copies.lessons import HERE, TRANSLATED
from attnlib.course.copies.pages import PAGES
from attnlib.course.manifest import LESSONS

ROOT = Path(__file__).resolve().parents[1]
TOP = ("pyproject.toml", "setup.py", "MANIFEST.in", "LICENSE", "CHANGELOG.md", "CITATION.cff")
FOLDERS = ("attnlib", "notebooks", "docs", "benchmarks", "tests")
ON_A_GPU = {"attnlib.kernels.triton", "attnlib.kernels.pooling"}  # where there is no triton
SDIST = "from setuptools import build_meta; build_meta.build_sdist('out')"
CELLS = 4  # of lesson 00: its table, a question, its imports and its data

IMPORTS = """
import importlib, sys
from pathlib import Path
import attnlib
home = Path(attnlib.__file__).parent
for name in sys.argv[1:]:
    module = importlib.import_module(name)
    assert home in Path(module.__file__).parents, f"{name} is {module.__file__}"
print(attnlib.__version__)
"""
LESSON = """
import sys
import nbformat
from attnlib.course.lessons.kernels.costs import stored_costs
cells = nbformat.read(sys.argv[1], 4).cells
for source in [cell.source for cell in cells if cell.cell_type == "code"][: int(sys.argv[2])]:
    exec(source)
print(len(stored_costs().rows), "costs")
"""


@pytest.fixture(scope="module")
def repository(tmp_path_factory):
    """A copy to build in, with what an earlier build may have left there."""
    folder = tmp_path_factory.mktemp("repository")
    for name in TOP:
        shutil.copy(ROOT / name, folder)
    for name in FOLDERS:
        unwanted = shutil.ignore_patterns("__pycache__", "shots")
        shutil.copytree(ROOT / name, folder / name, ignore=unwanted)
    (folder / "build/lib/attnlib").mkdir(parents=True)
    (folder / "build/lib/attnlib/gone.py").write_text("raise ImportError")
    return folder


def run(*words, cwd, **environment):
    """What a Python of this environment says there: it knows no folder but those named."""
    settings = {"PATH": "/usr/bin:/bin", "MPLBACKEND": "agg", "HOME": str(cwd)} | environment
    done = subprocess.run(
        [sys.executable, *map(str, words)], cwd=cwd, env=settings, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def build(source, into):
    """The wheel of a folder, or of a source distribution; nothing is fetched for it."""
    how = ("--no-deps", "--no-build-isolation", "--no-index", "--disable-pip-version-check")
    run("-m", "pip", "wheel", "-q", *how, "-w", into, source, cwd=source.parent)
    (wheel,) = into.glob("*.whl")
    return wheel


@pytest.fixture(scope="module")
def wheel(repository, tmp_path_factory):
    return build(repository, tmp_path_factory.mktemp("wheel"))


@pytest.fixture(scope="module")
def names(wheel):
    return ZipFile(wheel).namelist()


@pytest.fixture(scope="module")
def site(wheel, tmp_path_factory):
    """A folder such as pip installs into, and nothing of the repository near it."""
    folder = tmp_path_factory.mktemp("site")
    ZipFile(wheel).extractall(folder)
    return folder


def test_all_of_the_package_is_in_it_and_nothing_else(names):
    package = {path.relative_to(ROOT).as_posix() for path in (ROOT / "attnlib").rglob("*.*")}
    wanted = {name for name in package if "__pycache__" not in name and not name.endswith(".pyc")}
    files = "attnlib/course/files"
    wanted |= {f"{files}/notebooks/{each.stem}.ipynb" for each in LESSONS}
    wanted |= {f"{files}/{path.relative_to(ROOT)}" for path in HERE.glob(TRANSLATED)}
    wanted |= {f"{files}/docs/{page}" for page in PAGES}
    wanted |= {f"{files}/notebooks/CREDITS.md"}
    wanted |= {f"{files}/benchmarks/results/amd-epyc-2-threads.json"}
    assert {name for name in names if ".dist-info/" not in name} == wanted
    assert "attnlib/py.typed" in wanted


def test_a_source_distribution_builds_the_same_wheel(repository, names, tmp_path):
    run("-c", SDIST, cwd=repository)
    (source,) = (repository / "out").glob("*.tar.gz")
    assert sorted(ZipFile(build(source, tmp_path)).namelist()) == sorted(names)


def test_its_page_holds_where_there_is_no_repository(site):
    (about,) = site.glob("*.dist-info/METADATA")
    page = about.read_text(encoding="utf-8").partition("\n\n")[2]
    assert "python -m attnlib.course copy" in page
    assert re.findall(r"\]\((?!https://)[^)]*\)|(?:src|href)=", page) == []


def test_every_module_of_it_is_imported_from_there(site, tmp_path):
    paths = [path.relative_to(site).with_suffix("") for path in site.glob("attnlib/**/*.py")]
    modules = {".".join(path.parts).removesuffix(".__init__") for path in paths}
    modules -= set() if find_spec("triton") else ON_A_GPU
    said = run("-c", IMPORTS, *sorted(modules), cwd=tmp_path, PYTHONPATH=str(site))
    assert said.splitlines()[-1] == attnlib.__version__


def test_lessons_are_copied_out_of_it_and_run(site, tmp_path):
    how = {"cwd": tmp_path, "PYTHONPATH": str(site), "JUPYTER_DATA_DIR": str(tmp_path / "jupyter")}
    said = run("-m", "attnlib.course", "copy", "my", **how)
    assert said == f"my: your own copies of {len(LESSONS)} lessons\n"
    lesson = tmp_path / "my" / f"{LESSONS[0].stem}.ipynb"
    assert "](docs/glossary.md)" in lesson.read_text(encoding="utf-8")
    assert (tmp_path / "my/docs/glossary.md").is_file()
    said = run("-c", LESSON, lesson, CELLS, **how)
    assert "= (L, C)" in said and said.endswith("15 costs\n")


def test_what_a_reader_does_is_kept_beside_their_copies(site, tmp_path):
    (tmp_path / "my").mkdir()
    code = "from attnlib.course.record import record; record('heads.split', passed=True)"
    run("-c", code, cwd=tmp_path, PYTHONPATH=str(site))
    assert (tmp_path / "my/progress.json").is_file()


def test_the_course_says_what_to_install_where_there_is_the_library_alone(site, tmp_path):
    code = """
import sys
sys.modules["scipy"] = None  # as if it were not installed
try:
    import attnlib.course.compare
except ModuleNotFoundError as error:
    print(error)
"""
    said = run("-c", code, cwd=tmp_path, PYTHONPATH=str(site))
    assert said.startswith("attnlib.course.compare needs scipy, which this Python does not have: `")
    assert '"attnlib[lessons]"' in said


def test_where_a_package_is_missing_it_says_how_to_get_it(site, tmp_path):
    # No packages but the wheel's: -S leaves the environment's out.
    done = subprocess.run(
        [sys.executable, "-S", "-c", f"import sys; sys.path.append({str(site)!r}); import attnlib"],
        cwd=tmp_path, capture_output=True, text=True,
    )  # fmt: skip
    assert re.search(r"attnlib needs (einops|torch), .*`python -m pip install \1`", done.stderr)
