"""What leads to the repository: there with an address, and left out without one."""

import re
from urllib.parse import unquote

import nbformat
import pytest
import yaml

from docs.address import PYPROJECT, repository
from docs.alone import alone, write
from docs.doors import BRANCH, FOLDER, doors, with_doors
from notebooks.execute import HERE, LESSONS

ADDRESS = "https://github.com/somebody/attnlib"
PATHS = sorted(HERE.glob(LESSONS))
WORKFLOWS = {
    path.stem: yaml.safe_load(path.read_text(encoding="utf-8"))
    for path in sorted((HERE.parent / ".github/workflows").glob("*.yml"))
}


def lesson(path=PATHS[0]):
    return nbformat.read(path, 4)


def set_to(address, tmp_path):
    path = tmp_path / "pyproject.toml"
    path.write_text(f'[tool.attnlib]\nrepository = "{address}"\n')
    return path


@pytest.mark.parametrize("address", ["", ADDRESS])
def test_the_address_is_one_line(address, tmp_path):
    assert repository(set_to(address, tmp_path)) == address
    assert PYPROJECT.read_text(encoding="utf-8").count("\nrepository = ") == 1
    repository()  # what is there can be read


@pytest.mark.parametrize("address", ["github.com/a/b", f"{ADDRESS}/", f"{ADDRESS}.git/x", "none"])
def test_an_address_that_no_door_can_use_is_refused(address, tmp_path):
    with pytest.raises(ValueError, match="repository must be https://github.com/owner/name"):
        repository(set_to(address, tmp_path))


def test_a_page_has_its_doors():
    nb = with_doors(lesson(), PATHS[0].stem, ADDRESS)
    nbformat.validate(nb)
    line = nb.cells[1].source
    assert [f'href="{to}"' in line for to in doors(PATHS[0].stem, ADDRESS).values()] == [True] * 3
    assert nb.cells[0] == lesson().cells[0]


def test_without_an_address_a_page_has_none():
    assert with_doors(lesson(), PATHS[0].stem, "") == lesson()


@pytest.mark.parametrize("path", PATHS, ids=lambda path: path.stem)
def test_a_door_opens_the_lesson_of_its_page(path, tmp_path):
    colab, binder, file = doors(path.stem, ADDRESS).values()
    assert colab.endswith(f"/github/somebody/attnlib/blob/{BRANCH}/{path.name}")
    assert "/gh/somebody/attnlib/HEAD?" in binder
    assert (HERE.parent / unquote(binder.partition("labpath=")[2])) == path
    assert file == f"../_static/{FOLDER}/{path.name}"


@pytest.mark.parametrize("path", PATHS, ids=lambda path: path.stem)
def test_a_lesson_alone_installs_what_is_missing_and_leads_to_the_repository(path):
    made = alone(lesson(path), ADDRESS)
    nbformat.validate(made)
    code = [cell.source for cell in made.cells if cell.cell_type == "code"]
    assert code[0] == f'%pip install -q "attnlib[lessons] @ git+{ADDRESS}"'
    prose = "\n".join(cell.source for cell in made.cells if cell.cell_type == "markdown")
    assert f"({ADDRESS}/blob/HEAD/docs/glossary.md)" in prose
    assert re.findall(r"\]\((?!https:)[^)]*\.(?:md|ipynb|svg)[)#]", prose) == []


def test_without_an_address_no_lesson_is_written(tmp_path):
    write(tmp_path / "none", "")
    assert not (tmp_path / "none").exists()


def jobs_that(workflow, word):
    return {name for name, job in workflow["jobs"].items() if word in str(job)}


def test_nothing_is_published_without_an_address():
    """Each job that writes somewhere hangs, at last, on one that asks for the address."""
    for name, asks in (("site", "build"), ("wheel", "publish")):
        jobs = WORKFLOWS[name]["jobs"]
        assert "outputs.repository != ''" in jobs[asks]["if"]
        for job in jobs_that(WORKFLOWS[name], "'write'"):
            assert job == asks or jobs[job]["needs"] == asks


def test_a_workflow_names_actions_by_version_and_may_only_read():
    assert set(WORKFLOWS) == {"site", "tests", "wheel"}
    for workflow in WORKFLOWS.values():
        assert workflow["permissions"] == {"contents": "read"}
        used = re.findall(r"'uses': '([^']+)'", str(workflow))
        assert used and all(re.fullmatch(r"[\w-]+/[\w-]+@v\d[\d.]*", each) for each in used)


def test_the_units_run_on_three_systems():
    units = WORKFLOWS["tests"]["jobs"]
    systems = [units["linux"]["runs-on"], *units["units"]["strategy"]["matrix"]["os"]]
    assert [each.partition("-")[0] for each in systems] == ["ubuntu", "macos", "windows"]


def test_colab_is_sent_to_the_branch_that_the_workflow_fills():
    steps = str(WORKFLOWS["site"]["jobs"]["alone"])
    assert f"--orphan {BRANCH}" in steps and f"origin {BRANCH}" in steps
