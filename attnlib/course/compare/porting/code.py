"""The move of one module's parameters into another's as Python that a reader can paste."""

from textwrap import indent

import torch

from attnlib.course.compare.moving.move import move
from attnlib.course.compare.porting.block import Block, Source, Unwritten, path_of
from attnlib.course.compare.porting.formulas import formula
from attnlib.course.compare.porting.links import CONSTANT, KEPT, SEVERAL, links
from attnlib.course.compare.porting.pieces import assembled
from attnlib.course.compare.reading.drawing import drawn
from attnlib.course.compare.reading.labels import flat, places
from attnlib.course.compare.reading.read import Reading

WIDTH = 96  # of the code; what prints it indents it
SEED = 9
TORCH, EINOPS = "import torch", "from einops import "


def code(source: Reading, target: Reading, names: tuple[str, str] = ("f", "g")) -> str:
    """Plain torch and einops; the modules are in its namespace by these names.

    Raises:
        Unwritten: naming the parameter of the target that has no pattern.
    """
    told, known = links(source, target), Source(source.call.module, names[0])
    drawn(source.call, SEED)  # a formula must fit at random numbers
    turned, moved = _turned(target, told.where), move(source, target)
    lines = []
    for path, (start, shape) in places(target.call.module).items():
        at = slice(start, start + shape.numel())
        block = Block(*(each[..., at].unflatten(-1, shape) for each in told))
        if (block.index == KEPT).all():
            continue
        try:
            if (block.index == SEVERAL).any():
                before, text = [], formula(moved[at].view(shape), block.where, source, known)
            else:
                before, text = _plain(block, known, turned[at].view(shape))
        except Unwritten:
            raise Unwritten(path) from None
        lines += [*before, f"{path_of(names[1], path)}[:] = {text}"]
    return "\n".join([*_imports(lines), "", "with torch.no_grad():", *map(_indented, lines)])


def _imports(lines):
    """What the lines use."""
    used = [name for name in ("rearrange", "repeat") if any(f"{name}(" in line for line in lines)]
    return [TORCH, EINOPS + ", ".join(used)][: 1 + bool(used)]


def _plain(block, source, turned):
    """(lines before, expression) for what is a constant or made of single entries."""
    told = block.index != KEPT  # what a table has beyond the lengths tried may be anything
    constant, number = (block.index[told] == CONSTANT).all(), block.number[told]
    if constant and (number == number[0]).all():
        return [], f"{number[0].item():g}"
    if constant and block.index.dim() == 2 and torch.equal(block.number, _eye(block)):
        return [], f"torch.eye({', '.join(map(str, block.index.shape))})"
    if not told.all():
        raise Unwritten
    return assembled(block, source, turned)


def _eye(block):
    return torch.eye(*block.index.shape, dtype=block.number.dtype)


def _turned(target, where):
    """Of each entry of the target, whether it is in a row of q or k that positions turn."""
    turned = torch.zeros(len(flat(target.call.module)), dtype=torch.bool)
    for each in target.attentions:
        if each.query_turn is not None:
            still = torch.eye(each.query.shape[1], dtype=torch.float64)
            rows = ((each.query_turn - still).abs() > 1e-9).any(0).any(0).any(-1)
            turned |= (where[0] >= 0) & (where[0] < 2) & rows[where[2]]
    return turned


def _indented(line):
    """In the block, broken where it would be too long."""
    if len(line) + 4 > WIDTH and "(" in line and "\n" not in line:
        first, rest = line.split("(", 1)
        inner, last = rest.rsplit(")", 1)
        line = f"{first}(\n    {inner}\n){last}"
    return indent(line, "    ")
