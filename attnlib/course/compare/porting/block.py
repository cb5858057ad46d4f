"""A block of numbers as plain torch and einops: which entries of which parameters, times what."""

from collections.abc import Callable
from dataclasses import dataclass
from math import isclose

import torch
from torch import Tensor, nn

from attnlib.course.compare.porting.links import CONSTANT
from attnlib.course.compare.porting.pattern import Pattern, pattern

KINDS = ("part", "head", "row", "channel")


class Unwritten(ValueError):
    """No pattern of einops, and no formula known here, gives the block."""


@dataclass(frozen=True)
class Block:
    """`index`, `number`, `where`: see Links, in the shape of the block."""

    index: Tensor
    number: Tensor
    where: Tensor

    def cut(self, function: Callable[[Tensor], Tensor]) -> "Block":
        """A part of it; the function counts axes from the last."""
        return Block(*(function(each) for each in (self.index, self.number, self.where)))

    def kind(self, axis: int, step: int, size: int) -> str:
        """What the steps of a digit go through, as `pattern` asks."""
        line = self.where.movedim(axis + 1, 1).reshape(4, self.index.shape[axis], -1)[..., 0]
        line = line[:, : step * size : step]
        even = line[:, :1] + (line[:, 1:2] - line[:, :1]) * torch.arange(size)
        moves = (line[:, 1] != line[:, 0]).nonzero().flatten().tolist()
        return KINDS[moves[0]] if len(moves) == 1 and torch.equal(even, line) else "other"


@dataclass(frozen=True)
class Piece:
    """Python: factor * stem[pick]. `lacking`: sizes of the axes that are picked from."""

    stem: str
    pick: tuple[int, ...] = ()
    lacking: tuple[int, ...] = ()
    factor: float = 1.0
    name: str = ""

    def __str__(self) -> str:
        text = self.stem + "".join(f"[{number}]" for number in self.pick)
        return text if isclose(self.factor, 1, rel_tol=1e-9) else f"{shown(self.factor)} * {text}"


class Source:
    """The parameters of a module, by the name it has in the code."""

    def __init__(self, module: nn.Module, name: str):
        self.name, self.texts, self.shapes = name, [], []
        for path, parameter in module.named_parameters():
            self.texts.append(path_of(name, path))
            self.shapes.append(tuple(parameter.shape))
        sizes = [parameter.numel() for parameter in module.parameters()]
        self._owner = torch.arange(len(sizes)).repeat_interleave(torch.tensor(sizes))
        self._start = torch.tensor([0, *sizes]).cumsum(0)

    def owner(self, index: Tensor) -> Tensor:
        """The number of the parameter of each entry; of constants -1."""
        return torch.where(index < 0, index, self._owner[index.clamp(min=0)])

    def piece(self, block: Block) -> Piece:
        """A block of one factor, from one parameter or from several of one shape."""
        index, factor = block.index, block.number.flatten()[0].item()
        if not _uniform(block):
            raise Unwritten
        if index.flatten()[0] == CONSTANT:
            return Piece(_constant(index.shape, factor))
        owner = self.owner(index)
        used = list(dict.fromkeys(owner.flatten().tolist()))
        shape = self.shapes[used[0]]
        place = torch.full((len(self.texts),), -1)
        place[used] = torch.arange(len(used))
        size = torch.tensor(shape).prod()
        index = index - self._start[owner] + place[owner] * size
        text, whole = self.texts[used[0]], (len(used), *shape)
        if len(used) == 1:
            text, index, whole = _rows(text, index, shape)
        found = pattern(index, whole, block.kind)
        if found is None:
            raise Unwritten
        listed = [self.texts[number] for number in used]
        stem = _call(found, text if len(used) == 1 else f"[{', '.join(listed)}]", len(used) > 1)
        return Piece(stem, found.pick, found.lacking, factor, _letter(block))


def _uniform(block):
    """Whether all is constant or nothing is, by one number."""
    constant, number = block.index == CONSTANT, block.number
    near = (number - number.flatten()[0]).abs() <= 1e-9 * number.abs().max()
    return bool(near.all()) and bool(constant.all() or not constant.any())


def path_of(name: str, path: str) -> str:
    """ "f.heads[0].weight" for "heads.0.weight"."""
    return name + "".join(f"[{p}]" if p.isdigit() else f".{p}" for p in path.split("."))


def shown(factor: float) -> str:
    """A factor as Python that gives it: 8**-0.5 reads better than 0.35355339059327373."""
    if isclose(factor, round(factor), rel_tol=1e-9):
        return str(round(factor))
    sign = "-" if factor < 0 else ""
    for power in (-0.5, 0.5, -1, -0.25, 0.25):
        base = abs(factor) ** (1 / power)
        if base < 2**20 and round(base) and isclose(base, round(base), rel_tol=1e-9):
            return f"{sign}{round(base)}**{power}"
    return repr(factor)


def _constant(shape, value):
    sizes = ", ".join(map(str, shape))
    return f"torch.zeros({sizes})" if value == 0 else f"torch.full(({sizes},), {value!r})"


def _rows(text, index, shape):
    """Where a run of whole rows is used and no other: the slice, and entries counted in it."""
    size = int(torch.tensor(shape[1:]).prod())
    rows = (index // size).unique()
    first, last = int(rows[0]), int(rows[-1]) + 1
    if len(rows) == shape[0] or len(rows) < last - first:
        return text, index, shape
    ends = (first or "", last if last < shape[0] else "")
    return f"{text}[{ends[0]}:{ends[1]}]", index - first * size, (last - first, *shape[1:])


def _call(found: Pattern, text, listed):
    if found.left == found.right:
        return f"torch.stack({text})" if listed else text
    first, *rest = found.left.split(" ")
    if listed and rest and found.right == " ".join([f"({first} {rest[0]})", *rest[1:]]):
        return f"torch.cat({text})"
    if not listed and not found.sizes and rest and found.right == f"{rest[0]} {first}":
        return f"{text}.T"
    sizes = "".join(f", {name}={size}" for name, size in found.sizes.items())
    function = "repeat" if found.repeats else "rearrange"
    return f'{function}({text}, "{found.left} -> {found.right}"{sizes})'


def _letter(block):
    return "qkvo"[int(block.where[0].flatten()[0])]
