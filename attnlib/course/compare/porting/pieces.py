"""A parameter put together of pieces, each of which has a pattern, along one of its axes."""

from textwrap import indent

import torch
from torch import Tensor

from attnlib.course.compare.porting.block import Block, Piece, Source, Unwritten

LONG = 60  # letters in one line
MOST = 6  # pieces: more are an index table in disguise


def assembled(block: Block, source: Source, turned: Tensor) -> tuple[list[str], str]:
    """(lines that come first, an expression), with as few pieces as will do.

    Args:
        turned: as `block.index`, whether positions turn this row.
    Raises:
        Unwritten: it has no such form.
    """
    owner, part = source.owner(block.index), block.where[0]
    shapes = torch.tensor([source.shapes.index(shape) for shape in source.shapes])
    shape = torch.where(owner < 0, owner, shapes[owner.clamp(min=0)])
    number = (block.number * 1e9).round()
    for kind in (
        [shape, number],
        [owner, number],
        [owner, number, part],
        [part],
        [owner, number, part, turned],
    ):
        try:
            return _along_one_axis(block, source, turned, _counted(torch.stack(kind)))
        except Unwritten:
            continue
    raise Unwritten


def _counted(kinds):
    """Each column of numbers its own number."""
    return kinds.flatten(1).unique(dim=1, return_inverse=True)[1].view(kinds.shape[1:])


def _along_one_axis(block, source, turned, classes):
    if (classes == classes.flatten()[0]).all():
        return [], str(source.piece(block))
    for axis in range(classes.dim()):
        line = classes.movedim(axis, -1).reshape(-1, classes.shape[axis])
        if (line == line[0]).all():
            return _pieces(block, source, turned, axis, line[0])
    raise Unwritten


def _pieces(block, source, turned, axis, line):
    """One after the other along an axis, once or, with all that is there, again and again."""
    period = next(n for n in range(1, len(line) + 1) if _again(line, n))
    outer = len(line) // period
    changes = (line[1:period] != line[: period - 1]).nonzero()[:, 0] + 1
    lengths = torch.diff(torch.tensor([0, *changes.tolist(), period])).tolist()
    if len(lengths) > MOST:
        raise Unwritten
    stacked = outer > 1 and len(set(lengths)) == 1
    back, start, pieces = axis - block.index.dim(), 0, []
    for length in lengths:

        def cut(each, start=start, length=length):
            rows = each.unflatten(back, (outer, period)).narrow(back, start, length)
            return rows.flatten(back - 1, back) if stacked or outer == 1 else rows

        pieces.append(_piece(block.cut(cut), source, cut(turned)))
        start += length
    before, pieces = _unpacked(pieces)
    listed = _listed(list(map(str, pieces)))
    if stacked:
        return before, _stacked(listed, len(lengths), axis, block.index.dim(), outer)
    along = axis + (outer > 1)
    joined = f"torch.cat({listed}, {along})" if along else f"torch.cat({listed})"
    return before, joined if outer == 1 else f"{joined}.flatten({axis}, {along})"


def _piece(block, source, turned):
    """One pattern, or again several pieces."""
    try:
        return source.piece(block)
    except Unwritten:
        before, text = assembled(block, source, turned)
        if before:
            raise
        return Piece(text)


def _listed(texts):
    """[…], each on a line of its own where they are long."""
    if sum(map(len, texts)) <= LONG:
        return f"[{', '.join(texts)}]"
    return "\n".join(["[", *(f"{indent(text, '    ')}," for text in texts), "]"])


def _again(line, period):
    return len(line) % period == 0 and bool((line.view(-1, period) == line[:period]).all())


def _stacked(listed, count, axis, axes, outer):
    several = {2: "two", 3: "three"}.get(count, "n")
    left = ["c", "e"][: axes - 1]
    right = left.copy()
    left.insert(axis, "(h d)")
    right.insert(axis, f"(h {several} d)")
    return f'rearrange({listed}, "{several} {" ".join(left)} -> {" ".join(right)}", h={outer})'


def _unpacked(pieces):
    """Parts of one and the same re-arrangement get names, in a line of their own."""
    picked = sorted((piece for piece in pieces if piece.pick), key=lambda piece: piece.pick)
    names = [piece.name for piece in picked]
    whole = picked and [piece.pick for piece in picked] == [
        (number,) for number in range(picked[0].lacking[0])
    ]
    if not whole or len({piece.stem for piece in picked}) > 1 or len(set(names)) < len(names):
        return [], pieces
    named = [Piece(each.name, factor=each.factor) if each.pick else each for each in pieces]
    return [f"{', '.join(names)} = {picked[0].stem}"], named
