"""The house keeps its shape: who imports whom, what is public, how long it is, what names mean."""

import ast
import inspect
import subprocess
import sys
import tokenize
from pathlib import Path

import pytest

import attnlib

PACKAGE = Path(attnlib.__file__).parent
CORE = sorted(
    path
    for pattern in ("*.py", "kernels/*.py", "ranks/*.py")
    for path in PACKAGE.glob(pattern)
    if path.stem != "doctor"
)
ALL = sorted(PACKAGE.rglob("*.py"))
LINES = 1320  # that are not blank, each argument of a signature on a line of its own
# The kernels for GPUs are a second evening's: lesson 13. Two of them may know of triton.
TRITON = {"kernels/triton.py", "kernels/pooling.py"}
GPU = TRITON | {"kernels/flex.py"}
GPU_LINES = 345
# Faster ways to compute what others of the core define: read by whoever wants to know how. The
# rest is understood without them.
FAST = {"kernels/dropped.py", "kernels/one_pass.py"}
FAST_LINES = 250  # each
# The same contract over several processes: lesson 15's, and nothing else needs it.
RANKS = {f"ranks/{path.name}" for path in PACKAGE.glob("ranks/*.py")}
RANKS_LINES = 150  # each

# Each floor may import from those below it, and its own.
FLOORS = [
    {"checks", "groups", "kernels", "layout", "overflow", "positions", "precision", "published"}
    | {"scores", "terms"},
    {"attention", "maps"},
    {"blocks", "segments"},
    {"ranks"},
    {"__init__"},
    {"course", "doctor"},
]


def label(path):
    return str(path.relative_to(PACKAGE))


def floor(module):
    """0 for the ground floor, from "attnlib.kernels.sdpa" or "attnlib/kernels/sdpa.py"."""
    name = module[1] if len(module) > 1 else "__init__"
    (found,) = [number for number, names in enumerate(FLOORS) if name in names]
    return found


def modules_of(path):
    """("attnlib", "kernels", "sdpa") for its file."""
    parts = path.relative_to(PACKAGE.parent).with_suffix("").parts
    return parts if parts[1:] == ("__init__",) or parts[-1] != "__init__" else parts[:-1]


def imports(path):
    """Every module of attnlib's own that a file imports, wherever in the file."""
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{label(path)} imports from {'.' * node.level}"
            for alias in node.names if node.module == "attnlib" else [None]:
                yield (*node.module.split("."), *([alias.name] if alias else []))
        elif isinstance(node, ast.Import):
            yield from (tuple(alias.name.split(".")) for alias in node.names)


@pytest.mark.parametrize("path", CORE, ids=label)
def test_imports_flow_one_way(path):
    own = [module for module in imports(path) if module[0] == "attnlib"]
    above = [module for module in own if floor(module) > floor(modules_of(path))]
    assert above == []


def test_the_floors_name_every_file_of_the_core():
    assert {modules_of(path)[1] for path in CORE} | {"course", "doctor"} == set.union(*FLOORS)


@pytest.mark.parametrize("path", CORE, ids=label)
def test_the_core_needs_only_torch_and_einops(path):
    others = {module[0] for module in imports(path)} - set(sys.stdlib_module_names)
    own = {"triton"} if label(path) in TRITON else {"tqdm"} if label(path) == "maps.py" else set()
    assert others <= {"attnlib", "torch", "einops"} | own


def test_importing_attnlib_loads_nothing_of_the_course():
    code = """
import sys, torch, einops
before = set(sys.modules)
import attnlib
print(*sorted({name.split(".")[0] for name in set(sys.modules) - before}))
print(*sorted(name for name in sys.modules if name.startswith("attnlib.course")))
"""
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    loaded, course = run.stdout.splitlines()
    heavy = {"tqdm", "matplotlib", "ipywidgets", "av", "skimage", "skvideo", "triton", "IPython"}
    assert heavy & set(loaded.split()) == set()
    assert course == ""


def test_all_is_what_is_public():
    public = {
        name
        for name, value in vars(attnlib).items()
        if not name.startswith("_") and not inspect.ismodule(value)
    }
    assert sorted(public) == attnlib.__all__


def definitions(tree):
    """Public functions and classes, and public methods of those classes."""
    for node in tree.body:
        if isinstance(node, ast.FunctionDef | ast.ClassDef) and not node.name.startswith("_"):
            yield node
            if isinstance(node, ast.ClassDef):
                yield from definitions(node)


@pytest.mark.parametrize("path", CORE, ids=label)
def test_what_is_public_has_a_docstring(path):
    tree = ast.parse(path.read_text(encoding="utf-8"))
    assert ast.get_docstring(tree), "the module itself"
    # Every kernel's `attend` is described once, at the head of kernels/__init__.py.
    bare = [d.name for d in definitions(tree) if not ast.get_docstring(d) and d.name != "attend"]
    assert bare == []


def untyped(tree):
    """(name of a public function or method, its argument without a type, or "return")."""
    inits = [node for node in ast.walk(tree) if getattr(node, "name", "") == "__init__"]
    for node in [*definitions(tree), *inits]:
        on_gpus = any(ast.unparse(each) == "triton.jit" for each in node.decorator_list)
        if isinstance(node, ast.ClassDef) or on_gpus:  # Triton has types of its own
            continue
        rest = [each for each in (node.args.vararg, node.args.kwarg) if each]
        for each in [*node.args.posonlyargs, *node.args.args, *node.args.kwonlyargs, *rest]:
            if each.annotation is None and each.arg != "self":
                yield node.name, each.arg
        if node.returns is None and node.name != "__init__":
            yield node.name, "return"


@pytest.mark.parametrize("path", CORE, ids=label)
def test_what_is_public_has_types(path):
    assert list(untyped(ast.parse(path.read_text(encoding="utf-8")))) == []


@pytest.mark.parametrize("name", attnlib.__all__)
def test_what_is_exported_has_a_docstring(name):
    assert len(inspect.getdoc(getattr(attnlib, name))) > 20


def test_the_core_is_read_in_an_evening():
    lines = {
        label(path): sum(map(bool, path.read_text(encoding="utf-8").split("\n"))) for path in CORE
    }
    on_gpus = sum(lines.pop(name) for name in GPU)
    assert all(lines.pop(name) <= FAST_LINES for name in FAST)
    assert all(lines.pop(name) <= RANKS_LINES for name in RANKS)
    assert sum(lines.values()) <= LINES, lines
    assert on_gpus <= GPU_LINES


@pytest.mark.parametrize("path", ALL, ids=label)
def test_no_axis_is_called_t(path):
    # It is image blocks in timm, frames in PGL-SUM, sequence length in minGPT; x.T is a transpose.
    with path.open("rb") as file:
        tokens = list(tokenize.tokenize(file.readline))
    lines = [
        here.start[0]
        for before, here in zip(tokens, tokens[1:], strict=False)
        if here.type == tokenize.NAME and here.string == "T" and before.string != "."
    ]
    assert lines == []


@pytest.mark.parametrize("path", CORE, ids=label)
def test_no_assert_stands_for_an_error(path):
    tree = ast.parse(path.read_text(encoding="utf-8"))
    assert [node.lineno for node in ast.walk(tree) if isinstance(node, ast.Assert)] == []
