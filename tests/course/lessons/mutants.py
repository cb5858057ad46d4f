"""Mutants: the source of a solution, made wrong in one place."""

import ast
import copy
import inspect
import re
import sys
import textwrap
from collections.abc import Iterator
from itertools import pairwise

from torch import Tensor

OPERATORS = {
    ast.Add: ast.Sub,
    ast.Sub: ast.Add,
    ast.Mult: ast.Div,
    ast.Div: ast.Mult,
    ast.FloorDiv: ast.Div,
    ast.BitAnd: ast.BitOr,
    ast.BitOr: ast.BitAnd,
    ast.Lt: ast.LtE,
    ast.LtE: ast.Lt,
    ast.Gt: ast.GtE,
    ast.GtE: ast.Gt,
    ast.Eq: ast.NotEq,
    ast.NotEq: ast.Eq,
}
TURNS = (ast.Sub, ast.Div, ast.FloorDiv, ast.Pow, ast.MatMult)  # a - b is not b - a
NAMES = {
    "amax": ("amin",),
    "amin": ("amax",),
    "exp": ("expm1", "exp2"),
    "max": ("min",),
    "maximum": ("minimum",),
    "mean": ("sum",),
    "min": ("max",),
    "minimum": ("maximum",),
    "movedim": ("transpose",),
    "repeat": ("repeat_interleave",),
    "repeat_interleave": ("repeat",),
    "sin": ("cos",),
    "cos": ("sin",),
    "softmax": ("log_softmax",),
    "std": ("var",),
    "sum": ("mean",),
}
SYMMETRIC = ("max", "maximum", "min", "minimum", "transpose")  # f(a, b) is f(b, a)


def larger(x):
    if not _is_float(x):
        raise TypeError("a whole number grows by no hundredth")
    return x * 1.01


def single(x):
    """What loses the digits of float64."""
    if not _is_float(x):
        raise TypeError("whole numbers have no such digits")
    return x.float()


def detached(x):
    """What no gradient passes."""
    if not _is_float(x):
        raise TypeError("whole numbers have no gradient")
    return x.detach()


def _is_float(x):
    return isinstance(x, float) or (isinstance(x, Tensor) and x.is_floating_point())


WRAPPERS = {wrapper.__name__: wrapper for wrapper in (larger, single, detached)}


def mutants(solution: type | object, *, trained: bool) -> Iterator[tuple[str, object]]:
    """The line that is wrong, and a function (or a class) with it.

    Args:
        solution: a function, or a module; of a module only `forward` changes.
        trained: whether it may stand in a module that is trained, so that the digits of float64
            and the gradients matter.
    """
    tree = ast.parse(textwrap.dedent(inspect.getsource(solution)))
    _without_docstrings(tree)
    original = ast.unparse(tree).splitlines()
    seen = {"\n".join(original)}
    for node, change in _changes(_changed_part(tree), trained):
        # A copy in which the change stands in the node's place.
        source = ast.unparse(copy.deepcopy(tree, {id(node): change}))
        if source not in seen and "--" not in source:  # that is 1 again where -1 stood
            seen.add(source)
            lines = [line.strip() for line in source.splitlines() if line not in original]
            yield " ⏎ ".join(lines), _made(source, solution)


def _without_docstrings(tree):
    for node in ast.walk(tree):
        if isinstance(node, (ast.FunctionDef, ast.ClassDef)) and ast.get_docstring(node):
            node.body = node.body[1:] or [ast.Pass()]


def _changed_part(tree):
    [definition] = tree.body
    if isinstance(definition, ast.FunctionDef):
        return definition
    [forward] = [part for part in definition.body if getattr(part, "name", "") == "forward"]
    return forward


def _made(source, solution):
    names = {**vars(sys.modules[solution.__module__]), **WRAPPERS}
    exec(source, names)
    return names[solution.__name__]


def _changes(tree, trained):
    """Nodes, each with what may stand in its place."""
    for node in ast.walk(tree):
        for kind, changes in CHANGES.items():
            if isinstance(node, kind):
                yield from ((node, change) for change in changes(node))
        if isinstance(node, (ast.Assign, ast.Return)):
            parts = node.value.elts if isinstance(node.value, ast.Tuple) else [node.value]
            yield from ((part, _call("larger", part)) for part in parts)
            if trained:
                yield from ((part, _call("single", part)) for part in parts)
        if trained and isinstance(node, (ast.BinOp, ast.Call)):
            yield node, _call("detached", node)


def _call(name, node):
    return ast.Call(ast.Name(name), [node], [])


def _with(node, **fields):
    """A copy that shares all fields but these."""
    changed = copy.copy(node)
    vars(changed).update(fields)
    return changed


def _operation(node):
    if type(node.op) in OPERATORS:
        yield _with(node, op=OPERATORS[type(node.op)]())
    if isinstance(node.op, TURNS):
        yield _with(node, left=node.right, right=node.left)


def _sign(node):
    yield node.operand  # -x -> x, not x -> x
    if isinstance(node.op, ast.USub):
        yield ast.Constant(0)


def _comparison(node):
    if type(node.ops[0]) in OPERATORS:
        yield _with(node, ops=[OPERATORS[type(node.ops[0])]()])


def _constant(node):
    if type(node.value) in (int, float):
        yield ast.Constant(node.value + 1)
        if node.value:
            yield ast.Constant(-node.value)
    elif isinstance(node.value, str) and "->" in node.value:
        yield from map(ast.Constant, _patterns(node.value))
    elif node.value in ("d h", "h d"):
        yield ast.Constant(node.value[::-1])


def _patterns(pattern):
    """An einops pattern with two neighbours exchanged on its right side."""
    left, right = pattern.split("->")
    for one, other in pairwise(re.finditer(r"\w+", right)):
        between = right[one.end() : other.start()]
        exchanged = other[0] + between + one[0]
        yield f"{left}->{right[: one.start()]}{exchanged}{right[other.end() :]}"


def _attribute(node):
    if node.attr in ("T", "mT"):
        yield node.value
    yield from (_with(node, attr=name) for name in NAMES.get(node.attr, ()))


def _name(node):
    yield from map(ast.Name, NAMES.get(node.id, ()))


def _called(node):
    name = getattr(node.func, "attr", getattr(node.func, "id", None))
    if len(node.args) > 1 and name not in SYMMETRIC:
        first, second, *rest = node.args
        yield _with(node, args=[second, first, *rest])
    yield from _left_out(node)


def _left_out(node):
    """x.exp() -> x, torch.exp(x) -> x."""
    of_a_name = not isinstance(node.func, ast.Attribute) or (
        isinstance(node.func.value, ast.Name) and node.func.value.id in ("F", "self", "torch")
    )
    if not of_a_name:
        yield node.func.value
    elif node.args:
        yield node.args[0]


def _keepdim(node):
    if node.arg == "keepdim":
        yield _with(node, value=ast.Constant(not node.value.value))


CHANGES = {
    ast.BinOp: _operation,
    ast.UnaryOp: _sign,
    ast.Compare: _comparison,
    ast.Constant: _constant,
    ast.Attribute: _attribute,
    ast.Name: _name,
    ast.Call: _called,
    ast.keyword: _keepdim,
}
