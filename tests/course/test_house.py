"""The rooms of the course: who may import whom, and no room that nobody uses."""

import ast
import re
from graphlib import TopologicalSorter
from pathlib import Path

import pytest

import attnlib.course
from attnlib.course.manifest import LESSONS

COURSE = Path(attnlib.course.__file__).parent
NAMES = [lesson.name for lesson in LESSONS]
ROOT = COURSE.parents[1]

# A room imports from the rooms of lower floors, and from itself.
FLOORS = [
    {"language"},
    {
        "evenness",
        "homeless",
        "manifest",
        "memory",
        "progress_bar",
        "repository",
        "rewriting",
    }
    | {"wide"},
    {"front_end", "record", "rehearsal", "unnamed"},
    {"data"},
    {"models"},
    {"compare", "figures"},
    {"shapes"},
    {"exercises", "widgets"},
    {"experiments"},
    {"lessons"},
    {"copies", "progress"},
    {"__main__"},
]
# Inside compare, from below: how a module is called, what it does, what it is, and so on.
COMPARE = ("calling", "seeing", "reading", "moving", "judging", "porting")
FLOOR = {room: number for number, rooms in enumerate(FLOORS) for room in rooms}
READERS = ("Makefile", "*.md", "docs/**/*.md", "docs/**/*.py", "notebooks/*.ipynb")


def name_of(path):
    """ "attnlib.course.data.clips" for its file; a package has the name of its folder."""
    parts = path.relative_to(ROOT).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


MODULES = {name_of(path): path for path in sorted(COURSE.rglob("*.py"))}


def imports(path):
    """The modules of the course that a file imports, wherever in the file."""
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            inside = [f"{node.module}.{alias.name}" for alias in node.names]
            names = [name if name in MODULES else node.module for name in inside]
        else:
            continue
        yield from (name for name in names if name in MODULES)


IMPORTS = {name: set(imports(path)) - {name} for name, path in MODULES.items()}


INSIDE = {name for name in MODULES if set(name.split(".")[3:4]) & set(NAMES)}  # of a lesson


def room(module):
    """ "data" for attnlib.course.data.clips, "" for the course itself."""
    return (*module.split("."), "")[2]


def wrong(module, imported):
    """Whether the import goes up, across, or from one lesson to another."""
    here, there = room(module), room(imported)
    if here == there == "lessons":
        return len({name.split(".")[3] for name in (module, imported) if name in INSIDE}) > 1
    return here != there and FLOOR[here] <= FLOOR[there]


def mentions():
    """Every name of the course that is written outside it: lessons, pages, commands, the doctor."""
    files = [path for pattern in READERS for path in sorted(ROOT.glob(pattern))]
    for path in (*files, *COURSE.parent.glob("*.py")):
        text = path.read_text(encoding="utf-8")
        for module, names in re.findall(r"from (attnlib\.course[\w.]*) import \(?([\w, ]+)", text):
            yield from (f"{module}.{name}" for name in re.findall(r"\w+", names))
        yield from re.findall(r"attnlib\.course[\w.]*\w", text)


def is_used(module, mentioned):
    if module.endswith(
        ".__main__"
    ):  # a command: some page, or its own package, says how to call it
        package = module.removesuffix(".__main__")
        return package in mentioned or f"-m {package}" in MODULES[package].read_text("utf-8")
    if any(name == module or name.startswith(f"{module}.") for name in mentioned):
        return True
    return any(module in imported for imported in IMPORTS.values())


def test_every_room_has_a_floor():
    assert {room(module) for module in MODULES} - {""} == set(FLOOR)


@pytest.mark.parametrize("module", [module for module in MODULES if room(module)])
def test_imports_flow_one_way(module):
    assert [name for name in sorted(IMPORTS[module]) if wrong(module, name)] == []


def test_imports_that_go_up_across_or_between_lessons_are_wrong():
    course = "attnlib.course"
    assert wrong(f"{course}.data.clips", f"{course}.models.nest")
    assert wrong(f"{course}.figures.maps", f"{course}.compare.dials")
    assert wrong(f"{course}.lessons.heads.figures", f"{course}.lessons.blocks.figures")
    assert not wrong(f"{course}.lessons.heads.figures", f"{course}.figures.style")
    assert not wrong(f"{course}.lessons.heads.explorer", f"{course}.lessons.heads.figures")


def test_no_module_imports_itself_by_way_of_others():
    TopologicalSorter(IMPORTS).prepare()  # raises CycleError, which names the circle


def test_no_room_is_used_by_nobody():
    mentioned = set(mentions())
    # `exercise` imports these by their names.
    called = {f"attnlib.course.lessons.{name}.exercises" for name in NAMES}
    packages = {name for name, path in MODULES.items() if path.name == "__init__.py"}
    unused = [name for name in MODULES if name not in called | packages]
    assert [name for name in unused if not is_used(name, mentioned)] == []


@pytest.mark.parametrize("name", [name for name in MODULES if ".compare." in name])
def test_a_room_of_compare_imports_from_below(name):
    def floor(module):
        room = module.split(".")[3] if module.count(".") > 2 else ""
        return COMPARE.index(room) if room in COMPARE else None

    own = floor(name)
    above = [
        each for each in imports(MODULES[name]) if own is not None and (floor(each) or 0) > own
    ]
    assert above == []
